/** Direct messages at a host: one that came up turns down here to the client it is for, or ends here if it is for us. */
import { equalBytes } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"
import { readExtensions } from "../../message/extension.ts"
import { At, Flag } from "../../message/header.ts"
import { Frame } from "../frame.ts"
import type { DownSide, Node } from "../node.ts"
import { directUpTopic } from "../private-topic.ts"
import type { Origin } from "../topic-state.ts"
import type { HostSideOptions } from "./host-options.ts"
import type { Link, Notify } from "./link.ts"
import type { LinkTable } from "./link-table.ts"

export interface DirectRouteOptions {
  readonly node: Node
  readonly links: LinkTable
  readonly publication: DownSide
  readonly notify: Notify
  readonly onDirect: HostSideOptions["onDirect"]
}

export class DirectRoute {
  readonly #o: DirectRouteOptions

  constructor(options: DirectRouteOptions) {
    this.#o = options
  }

  /** Sends to one client. False when nobody here has that id. */
  send(target: Uint8Array, header: Uint8Array, payload: Uint8Array): boolean {
    const link = this.#o.links.ofPeer(target)
    if (link === undefined) return false
    this.#o.publication.publish(link.directTopic, header, payload, 0)
    return true
  }

  /** Takes one that a client pushed. Throws `BadFrame` when it names no target. */
  take(link: Link, frame: Frame, origin: Origin): void {
    const header = frame.headerView().slice()
    header.set(origin.bytes, At.Origin)
    header[At.Flags]! &= ~(Flag.Up | Flag.Again | Flag.Prompt)
    const extensions = readExtensions(header)
    const { target } = extensions
    if (target === undefined) throw new ZincError("BadFrame", "a direct message without a target")
    if (equalBytes(target, this.#o.node.self.bytes)) {
      if (!this.#isNew(origin, frame.sequence)) return
      this.#o.onDirect(Frame.over(header, frame.payload()), origin, frame.sequence)
      return
    }
    if (this.send(target, header, frame.payload())) return
    link.notices.add(link.received, {
      case: "undeliverable",
      value: {
        target,
        sequence: BigInt(frame.sequence),
        code: "NoSuchEndpoint",
        correlation: BigInt(extensions.correlation ?? 0),
      },
    })
    this.#o.notify(link)
  }

  /** Whether one for us is the first of its number; one sent again under a new session is not. */
  #isNew(origin: Origin, sequence: number): boolean {
    const topic = this.#o.node.topics.of(directUpTopic)
    const stream = topic.stream(origin.bytes, 0) ?? topic.openStream(origin, sequence)
    if (sequence < stream.next) {
      this.#o.node.statistics.duplicates++
      return false
    }
    stream.advanceTo(sequence + 1)
    return true
  }
}
