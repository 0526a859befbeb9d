/**
 * What clients push (L4, L5, L7): whose it is, whether it is the next of its leg, whether it may be sent at all. What
 * passes goes to the node, or is a direct message. Whoever sends nonsense, or goes on for a session that is over, is cut.
 */
import { readU64 } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"
import type { FrameBatch } from "../../core/frame-batch.ts"
import { At, Flag, isHeader, Kind } from "../../message/header.ts"
import type { PullerSocket } from "../../transport/transport.ts"
import { Frame } from "../frame.ts"
import type { Node } from "../node.ts"
import { isPrivate } from "../private-topic.ts"
import type { Origin, TopicState } from "../topic-state.ts"
import type { Acknowledgements } from "./acknowledgements.ts"
import { Crowd, strangersMax } from "./crowd.ts"
import type { DirectRoute } from "./direct-route.ts"
import type { Above } from "./host-options.ts"
import type { Link, Notify } from "./link.ts"
import type { LinkTable } from "./link-table.ts"
import type { Rooting } from "./rooting.ts"
import { reportViolation } from "./violation.ts"

/** Malformed messages, and frames of sessions that are over, after which a pusher is cut off. */
const badFramesMax = 3
const deadFramesMax = 1000

export interface UpLegOptions {
  readonly node: Node
  readonly puller: Pick<PullerSocket, "disconnect">
  readonly links: LinkTable
  readonly acknowledgements: Acknowledgements
  readonly direct: DirectRoute
  readonly notify: Notify
  readonly rooting: Rooting
  /** The client by whom that endpoint is reached. */
  readonly linkOfOrigin: (id: Uint8Array) => Link | undefined
  readonly above: Above | undefined
  readonly maxPayloadBytes: number
  readonly maxClients: number
}

export class UpLeg {
  /** The host's clock at its last heartbeat: a time that costs nothing to read for each frame. */
  tickedAt = 0
  readonly #above: Above | undefined
  readonly #node: Node
  readonly #puller: Pick<PullerSocket, "disconnect">
  readonly #links: LinkTable
  readonly #acknowledgements: Acknowledgements
  readonly #direct: DirectRoute
  readonly #notify: Notify
  readonly #maxPayloadBytes: number
  readonly #rooting: Rooting
  /** Clients that sent more than there was room for above. */
  readonly #stalled = new Set<Link>()
  /** Topics on which the host above takes nothing from us; as many as those below have sent on, at most. */
  readonly #deniedAbove = new Map<TopicState, { readonly code: string; readonly reason: string }>()
  readonly #linkOfOrigin: (id: Uint8Array) => Link | undefined
  readonly #frame = new Frame()
  readonly #remotes = new Map<number, string>()
  /** Connections that no session has used yet, and what was wrong with what they sent. */
  readonly #strangers: Crowd<{ bad: number; dead: number }>

  constructor(options: UpLegOptions) {
    this.#node = options.node
    this.#puller = options.puller
    this.#links = options.links
    this.#acknowledgements = options.acknowledgements
    this.#direct = options.direct
    this.#notify = options.notify
    this.#rooting = options.rooting
    this.#above = options.above
    this.#linkOfOrigin = options.linkOfOrigin
    this.#maxPayloadBytes = options.maxPayloadBytes
    // A client is known as a pusher only once it has pushed, so those that have not may be as many as clients.
    this.#strangers = new Crowd(strangersMax + options.maxClients, oldest => this.#puller.disconnect(oldest))
  }

  connected(connection: number, remote: string): void {
    this.#remotes.set(connection, remote)
    this.#strangers.arrive(connection, { bad: 0, dead: 0 })
  }

  disconnected(connection: number): void {
    this.#remotes.delete(connection)
    this.#strangers.delete(connection)
    this.#links.pushClosed(connection)
  }

  pushed(batch: FrameBatch): void {
    const node = this.#node
    const frame = this.#frame
    const above = this.#above
    const { first, buffers, starts, ends } = batch
    let pressing: Link | undefined
    for (let i = 0; i < batch.count; i++) {
      const at = first[i]!
      if (first[i + 1]! - at !== 3 || !isHeader(buffers[at + 1]!, starts[at + 1]!, ends[at + 1]!, true)) {
        this.#bad(batch.connection, "a message that is not topic, header and payload")
        continue
      }
      frame.header = buffers[at + 1]!
      frame.at = starts[at + 1]!
      frame.headerEnd = ends[at + 1]!
      frame.body = buffers[at + 2]!
      frame.start = starts[at + 2]!
      frame.end = ends[at + 2]!
      const link = this.#linkOf(frame, batch.connection)
      if (link === undefined) {
        this.#dead(batch.connection)
        continue
      }
      link.heardAt = this.tickedAt > link.heardAt ? this.tickedAt : link.heardAt
      const number = readU64(frame.header, frame.at + At.LegNumber)
      if (above !== undefined && number === link.received + 1 && !this.#hasRoomAbove(frame)) this.#stall(link, above)
      const isNext = number === link.received + 1 || (!node.rules.turns && number > link.received)
      if (!isNext || link.stalled) {
        if (number <= link.received) node.statistics.duplicates++
        else this.#acknowledgements.askResend(link)
        this.#acknowledgements.soon(link)
        continue
      }
      link.received = number
      if (above === undefined || !node.rules.rooting) link.rooted = number
      const prompt = (frame.flags & Flag.Prompt) !== 0
      this.#acknowledgements.soon(link)
      if (prompt || this.#acknowledgements.isPressing(link)) {
        if (pressing !== undefined && pressing !== link) this.#acknowledgements.flush(pressing)
        pressing = link
      }
      node.statistics.received++
      node.traffic.messagesIn++
      node.traffic.bytesIn += frame.headerEnd - frame.at + frame.payloadBytes
      try {
        this.#take(link, buffers[at]!, starts[at]!, ends[at]!, frame)
      } catch (thrown) {
        reportViolation(node, `client "${link.name}"`, thrown)
      }
      if (above !== undefined) this.#rooting.passed(link, number, above.lastPushed, prompt)
    }
    if (pressing !== undefined) this.#acknowledgements.flush(pressing)
    node.batchEnded()
  }

  #linkOf(frame: Frame, connection: number): Link | undefined {
    const link = this.#links.ofSession(frame.header, frame.at + At.Session)
    if (link === undefined) return undefined
    if (link.push !== connection) {
      this.#links.pushedBy(link, connection)
      this.#strangers.delete(connection)
    }
    link.confirmed = true
    return link
  }

  #take(link: Link, buffer: Uint8Array, start: number, end: number, frame: Frame): void {
    const node = this.#node
    // Passed on, other clients would take them for ours.
    if (frame.kind === Kind.Mark || frame.kind === Kind.Baseline)
      throw new ZincError("BadFrame", "a message of a kind that only hosts send")
    if (frame.payloadBytes > this.#maxPayloadBytes) {
      throw new ZincError(
        "TooLarge",
        `a payload of ${frame.payloadBytes} octets; the limit is ${this.#maxPayloadBytes}`,
      )
    }
    if (this.#above !== undefined && frame.hops === 0)
      throw new ZincError("BadFrame", "a message that has made all its hops: is there a loop?")
    if (isPrivate(buffer, start)) {
      this.#direct.take(link, frame, this.#originOf(link, frame))
      return
    }
    const topic = node.topics.at(buffer, start, end)
    if (!link.maySend(topic)) {
      this.#deny(link, topic, frame.sequence, "Unauthorized", "its grants do not let this endpoint send there")
      throw new ZincError("Unauthorized", `it may not send on "${topic.name}"`)
    }
    const denied = this.#deniedAbove.size > 0 ? this.#deniedAbove.get(topic) : undefined
    if (denied !== undefined) this.#deny(link, topic, frame.sequence, denied.code, denied.reason)
    node.fromBelow(topic, frame, this.#originOf(link, frame), link.id)
  }

  #hasRoomAbove(frame: Frame): boolean {
    const up = this.#node.up
    return up === undefined || up.hasRoom(frame.headerEnd - frame.at + frame.payloadBytes)
  }

  /** L7: what there is no room for above does not count as received, and its sender's own buffer fills in turn. */
  #stall(link: Link, above: Above): void {
    link.stalled = true
    this.#stalled.add(link)
    if (this.#stalled.size > 1) return
    const again = () => {
      if (!above.isRoomy) {
        above.onRoom(again)
        return
      }
      const waiting = [...this.#stalled]
      this.#stalled.clear()
      for (const each of waiting) {
        each.stalled = false
        each.resendAskedAt = Number.NEGATIVE_INFINITY
        if (this.#links.has(each)) this.#acknowledgements.askResend(each)
      }
    }
    above.onRoom(again)
  }

  /**
   * At a relay: the host above takes nothing on that topic from us, so nothing from those below. Whoever has sent there is
   * told, before it is told that anything of it is rooted; and whoever will.
   */
  deniedAbove(topic: TopicState, code: string, reason: string): void {
    for (const { key, passedUp } of topic.streams()) {
      if (passedUp === 0) continue
      // Of topics on which nobody below has sent we need not know.
      this.#deniedAbove.set(topic, { code, reason })
      const link = this.#linkOfOrigin(key.bytes)
      if (link !== undefined) this.#deny(link, topic, passedUp, code, reason)
    }
  }

  /** What the host above denied may be allowed in a new session with it. */
  allowedAbove(): void {
    for (const topic of this.#deniedAbove.keys()) for (const link of this.#links) link.denied.delete(topic)
    this.#deniedAbove.clear()
  }

  /** Once per topic; whatever else it sends there goes the same way. */
  #deny(link: Link, topic: TopicState, sequence: number, code: string, reason: string): void {
    if (link.denied.has(topic)) return
    link.denied.add(topic)
    const value = { topic: topic.bytes, sequence: BigInt(sequence), code, reason }
    link.notices.add(link.received, { case: "denied", value }, () => link.denied.delete(topic))
    this.#notify(link)
  }

  /** L4: a leaf's origin is what its session says; a relay vouches for its subtree. */
  #originOf(link: Link, frame: Frame): Origin {
    return link.relay ? this.#node.origins.at(frame.header, frame.at + At.Origin) : link.peer
  }

  #bad(connection: number, what: string): void {
    reportViolation(this.#node, this.#remotes.get(connection) ?? "a pusher", new ZincError("BadFrame", what))
    const seen = this.#strangers.get(connection)
    if (seen === undefined) this.#strangers.set(connection, { bad: 1, dead: 0 })
    else if (++seen.bad >= badFramesMax) this.#cut(connection)
  }

  /** What is still under way when a session ends is dropped; but nobody goes on for ever. */
  #dead(connection: number): void {
    this.#node.statistics.deadSession++
    const seen = this.#strangers.get(connection)
    if (seen === undefined) this.#strangers.set(connection, { bad: 0, dead: 1 })
    else if (++seen.dead === deadFramesMax) this.#cut(connection)
  }

  #cut(connection: number): void {
    this.#strangers.delete(connection)
    this.#puller.disconnect(connection)
  }
}
