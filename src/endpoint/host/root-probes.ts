/**
 * Probes of new links, on their way (DESIGN §7). Each host passes a probe up with its own id behind the asker's; the one
 * that has no host above sends it back, and each host on the way down takes itself off the path again. Who gets its own
 * probe from below hangs on itself.
 */
import { equalBytes } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"
import type { ControlBody, Probe, ProbeReply } from "../../message/control.ts"
import { depthMax } from "../place.ts"
import type { Link, Tell } from "./link.ts"
import type { LinkTable } from "./link-table.ts"

/** Hosts that a probe may pass: in a loop more than in a tree. */
const passedMax = 2 * depthMax
const tokenBytesMax = 64

export interface RootProbesOptions {
  readonly self: Uint8Array
  readonly links: Pick<LinkTable, "ofPeer">
  readonly tell: Tell
  /** There is no host above now. */
  readonly isTop: () => boolean
  readonly tellAbove: (body: ControlBody) => boolean
  /** What may be a probe of this host itself came from below. */
  readonly onOwn: (token: Uint8Array) => void
}

export class RootProbes {
  readonly #o: RootProbesOptions

  constructor(options: RootProbesOptions) {
    this.#o = options
  }

  /** From a client: of its own, or passed on by a relay, which puts its id at the end. */
  fromBelow(link: Link, { token, path }: Pick<Probe, "token" | "path">): void {
    const { self, tell, isTop, tellAbove, onOwn } = this.#o
    if (path.length === 0 || path.length > passedMax || token.length > tokenBytesMax) return
    if (!equalBytes(path.at(-1)!, link.peer.bytes) || (path.length > 1 && !link.relay))
      throw new ZincError("BadFrame", "a client passes on a probe of somebody else")
    if (equalBytes(path[0]!, self)) onOwn(token)
    else if (isTop()) tell(link, { case: "probeReply", value: { token, path: [...path] } })
    else if (!path.some(id => equalBytes(id, self)))
      tellAbove({ case: "probe", value: { token, path: [...path, self] } })
  }

  /** From above, for somebody below. */
  fromAbove({ token, path }: Pick<ProbeReply, "token" | "path">): void {
    const onward = path.slice(0, -1)
    const next = onward.at(-1)
    const link = next === undefined ? undefined : this.#o.links.ofPeer(next)
    if (link !== undefined) this.#o.tell(link, { case: "probeReply", value: { token, path: onward } })
  }
}
