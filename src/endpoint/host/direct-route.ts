/**
 * Direct messages at a host: one that came up turns down here towards the endpoint it is for, ends here if it is for us,
 * or goes on up; one that came down goes on down. Nobody knows of an endpoint? Then its sender is told.
 */
import { AgingByteMap } from "../../core/aging-byte-map.ts"
import { equalBytes } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"
import type { Undeliverable } from "../../message/control.ts"
import { type Extensions, readExtensions } from "../../message/extension.ts"
import { At, Flag } from "../../message/header.ts"
import { Frame } from "../frame.ts"
import type { Node } from "../node.ts"
import { directUpTopic } from "../private-topic.ts"
import type { Origin, TopicState } from "../topic-state.ts"
import { HeldMessages } from "./held-messages.ts"
import type { Above, HostSideOptions } from "./host-options.ts"
import type { Link, Notify } from "./link.ts"
import type { LinkTable } from "./link-table.ts"
import type { Members } from "./members.ts"
import type { Publication, PublishedFrame } from "./publication.ts"
import { TurnedMessages } from "./turned-messages.ts"

/** Writers behind relays that are remembered, unless the relay says meanwhile that they left. */
const heardMax = 4096

export interface DirectRouteOptions {
  readonly node: Node
  readonly links: LinkTable
  readonly members: Members
  readonly publication: Pick<Publication, "publish" | "since">
  /** How long the news that somebody joined may take. */
  readonly keptMs: number
  readonly notify: Notify
  readonly above: Above | undefined
  readonly onDirect: HostSideOptions["onDirect"]
}

export class DirectRoute {
  readonly #o: DirectRouteOptions
  /** Who wrote by which relay, and when: the news that somebody joined there may come after its first message. */
  readonly #heard: AgingByteMap<{ readonly link: Link; readonly at: number }>
  readonly #held = new HeldMessages()
  readonly #turned: TurnedMessages

  constructor(options: DirectRouteOptions) {
    this.#o = options
    const { node, keptMs, above } = options
    this.#turned = new TurnedMessages({
      clock: node.clock,
      keptMs,
      down: ({ target, header, payload }) => this.send(target, header, payload),
      up: ({ header, payload }) => node.up?.push(node.topics.of(directUpTopic), header, payload) ?? false,
      onRoom: above === undefined ? undefined : callback => above.onRoom(callback),
    })
    this.#heard = new AgingByteMap(heardMax, options.node.random.u32())
  }

  /** Sends towards one endpoint below. False when nobody here has that id, or only by the link it came from. */
  send(target: Uint8Array, header: Uint8Array, payload: Uint8Array, from?: Link): boolean {
    const link = this.#linkTo(target)
    if (link === undefined || link === from) return false
    header[At.Flags]! &= ~Flag.Turned
    this.#o.publication.publish(link.directTopic, header, payload, 0)
    // Those below a relay that is gone are remembered for a while; its topic is not, and the ring would let go unseen.
    if (!this.#o.links.has(link)) this.#held.hold(link, { number: link.directTopic.published, header, payload })
    return true
  }

  /** Takes one that a client pushed. Throws `BadFrame` when it names no target. */
  take(link: Link, frame: Frame, origin: Origin): void {
    const { node, above } = this.#o
    const header = headerOnward(frame)
    header.set(origin.bytes, At.Origin)
    const extensions = readExtensions(header)
    const { target } = extensions
    if (target === undefined) throw new ZincError("BadFrame", "a direct message without a target")
    const isTurned = (frame.flags & Flag.Turned) !== 0
    if (origin !== link.peer && !isTurned) this.#heard.set(origin.bytes, { link, at: node.clock.now() })
    if (equalBytes(target, node.self.bytes)) {
      if (!this.#isNew(origin, frame.sequence)) return
      this.#o.onDirect(Frame.over(header, frame.payload()), origin, frame.sequence)
      return
    }
    if (this.send(target, header, frame.payload(), link)) return
    if (above === undefined) {
      if (isTurned) this.#turned.take({ target: target.slice(), header, payload: frame.payload().slice() })
      else this.#tellUndeliverable(link, undeliverable(header, target, extensions))
      return
    }
    if (!this.#turned.none) {
      // Those before it wait for room, and this one may be of the same sender, to the same receiver.
      this.#turned.take({ target: target.slice(), header, payload: frame.payload().slice() })
      return
    }
    header[At.Flags]! |= frame.flags & Flag.Prompt
    node.up!.push(node.topics.of(directUpTopic), header, frame.payload())
  }

  /**
   * What went towards a client that is gone, or for `target` by a relay that it is not below any more, goes the way it
   * would go now. Whoever has it already knows its number. When there is no way, nobody can say whether it came.
   */
  reroute(former: Link, target?: Uint8Array): void {
    const { publication } = this.#o
    const kept = publication.since(former.directTopic, former.directSure)
    const first = kept[0]?.number ?? Number.POSITIVE_INFINITY
    const older = this.#held.of(former).filter(({ number }) => number < first && number > former.directSure)
    for (const { header, payload } of [...older, ...kept]) {
      const { target: to } = readExtensions(header)
      if (to === undefined || (target !== undefined && !equalBytes(to, target))) continue
      if (this.send(to, header, payload, former)) continue
      header[At.Flags]! |= Flag.Turned
      this.#turned.take({ target: to.slice(), header, payload })
    }
  }

  /** That endpoint is a client now, or below one: what turned up here for want of it goes there. */
  found(id: Uint8Array): void {
    this.#turned.found(id)
  }

  /** They are not below that relay any more, whoever of them wrote by it. */
  departed(link: Link, ids: readonly Uint8Array[]): void {
    for (const id of ids) if (this.#heard.get(id)?.link === link) this.#heard.delete(id)
  }

  /** The ring had to let go of a frame on a private topic. */
  dropped(topic: TopicState, frame: PublishedFrame): void {
    const link = this.#o.links.ofPrivateTopic(topic.bytes)
    if (link?.directTopic === topic) this.#held.hold(link, frame)
  }

  /** Its session is over. */
  forgetHeld(link: Link): void {
    this.#held.forget(link)
  }

  /** Once a heartbeat. */
  tick(): void {
    this.#held.tick()
  }

  /** Takes one that came from above for somebody below. */
  takeFromAbove(frame: Frame): void {
    const header = headerOnward(frame)
    const extensions = readExtensions(header)
    const { target } = extensions
    if (target === undefined) throw new ZincError("BadFrame", "a direct message without a target")
    if (frame.hops > 0 && this.send(target, header, frame.payload())) return
    this.passUndeliverable(undeliverable(header, target, extensions), undefined)
  }

  /** Sends the news on towards the message's origin. False when that is ourselves. */
  passUndeliverable(news: News, from: Link | undefined): boolean {
    const { node, above } = this.#o
    if (news.origin.length === 0 || equalBytes(news.origin, node.self.bytes)) return false
    const link = this.#linkTo(news.origin)
    if (link !== undefined && link !== from) this.#tellUndeliverable(link, news)
    else if (link === undefined) above?.tell({ case: "undeliverable", value: news })
    return true
  }

  /** Before the ACK of the frame, which has not come back from above yet or is not made yet. */
  #tellUndeliverable(link: Link, { target, sequence, code, correlation, origin }: News): void {
    const value = { target, sequence, code, correlation, origin }
    link.notices.add(link.received, { case: "undeliverable", value })
    this.#o.notify(link)
  }

  #linkTo(id: Uint8Array): Link | undefined {
    const { links, members, node, keptMs } = this.#o
    // A client of ours that has joined another host below is there, though its link here may seem well for a while.
    const link = members.ofId(id)?.via ?? links.ofPeer(id)
    if (link !== undefined) return link
    const heard = this.#heard.get(id)
    if (heard === undefined) return undefined
    if (links.has(heard.link) && node.clock.now() - heard.at <= keptMs) return heard.link
    this.#heard.delete(id)
    return undefined
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

type News = Pick<Undeliverable, "target" | "sequence" | "code" | "correlation" | "origin">

/** A copy of its header as it goes on: one hop less. */
function headerOnward(frame: Frame): Uint8Array {
  const header = frame.headerView().slice()
  header[At.Flags]! &= ~(Flag.Up | Flag.Again | Flag.Prompt)
  header[At.Hops] = Math.max(0, frame.hops - 1)
  return header
}

function undeliverable(header: Uint8Array, target: Uint8Array, { correlation }: Extensions) {
  return {
    target,
    sequence: BigInt(Frame.over(header, new Uint8Array(0)).sequence),
    code: "NoSuchEndpoint",
    correlation: BigInt(correlation ?? 0),
    origin: header.slice(At.Origin, At.Origin + 16),
  }
}
