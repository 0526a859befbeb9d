import type { Coordinator } from "../../../coordination/coordinator.ts"
import type { TestRunner } from "../runner.ts"

export interface CoordinatorSuiteOptions {
  readonly runner: TestRunner
  readonly name: string
  /** A coordinator of that tree; all that are opened share one store. */
  open(tree: string): Promise<Coordinator>
  /** As somebody with the store's own tools: puts octets under the tree's key, or removes all of the tree. */
  put(tree: string, bytes: Uint8Array | undefined): Promise<void>
  readonly faults?: CoordinatorFaults
}

/** What can be done to the store. What is absent is not tested. */
export interface CoordinatorFaults {
  /** As the coordinators were opened with. */
  readonly silenceMs: number
  readonly timeoutMs: number
  /** Nothing is lost and nothing answers, for everyone. */
  readonly stall: { pause(): void; resume(): void }
  /** The store's process ends without warning and starts again with its data. */
  readonly restart?: { kill(): Promise<void>; start(): Promise<void> }
  /** The store starts again without any data. */
  wipe?(): Promise<void>
  /** One coordinator behind a line that can be cut, and healed. */
  severed?(tree: string): Promise<{ coordinator: Coordinator; cut(): void; heal(): void }>
}
