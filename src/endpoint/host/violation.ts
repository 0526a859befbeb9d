/** A peer's mistake is data: counted, logged, told as an event. What becomes of its connection is the caller's choice. */
import { messageOf, ZincError } from "../../core/errors.ts"
import type { Node } from "../node.ts"

export function reportViolation(node: Node, from: string, thrown: unknown): void {
  const error = ZincError.is(thrown) ? thrown : new ZincError("BadFrame", messageOf(thrown), { cause: thrown })
  node.statistics.violations++
  node.logger.warn("a peer broke the protocol", { from, code: error.code, reason: error.message })
  node.events.emit({ type: "violation", from, error })
}
