/**
 * What is lost for good is told (L5, L6): to the receivers of the topic, to the endpoint's user, and at a relay to those
 * below, by a Gap frame. So is what is void (R5), to those below by a Gap frame without numbers, of the epoch that has them.
 */
import { writeU32, writeU64 } from "../core/bytes.ts"
import type { Events } from "../core/events.ts"
import { At, headerBytes, headerVersion, Kind } from "../message/header.ts"
import { TopicKind } from "../message/topic.ts"
import type { EndpointEvent, GapReason } from "./api.ts"
import { hopsMax } from "./place.ts"
import { isPrivate } from "./private-topic.ts"
import { idOf } from "./received-message.ts"
import type { EndpointRules } from "./rules.ts"
import type { Sides } from "./sides.ts"
import type { Origin, TopicState } from "./topic-state.ts"

export interface GapReportsOptions {
  readonly sides: Sides
  readonly statistics: { gaps: number }
  readonly events: Events<EndpointEvent>
  readonly rules: EndpointRules
}

/** The codec of a Gap frame: the numbers are the stream's, or nobody knows whose. */
const knownGap = 0
export const vagueGap = 1
const noPayload = new Uint8Array(0)

/** What the event calls those that were lost of direct messages; no topic of a user's is called so. */
export const directsName = "~to"

interface Hole {
  readonly from: number
  readonly through: number
  readonly reason: GapReason
}

export class GapReports {
  readonly #o: GapReportsOptions
  /** Holes in what an origin sent to this endpoint alone: its next says whether a user misses any of them. */
  readonly #holes = new Map<Origin, Hole>()

  constructor(options: GapReportsOptions) {
    this.#o = options
  }

  /** These numbers of the origin's stream are lost; without an origin, of the topic's own numbering. */
  report(
    topic: TopicState,
    origin: Origin | undefined,
    range: { readonly from: number; readonly through: number },
    reason: GapReason,
  ): void {
    if (range.through < range.from) return
    this.#tellBelow(topic, origin, range.from, range.through, knownGap)
    if (topic.kind === TopicKind.Private && origin !== undefined) {
      const from = Math.min(range.from, this.#holes.get(origin)?.from ?? range.from)
      this.#holes.set(origin, { from, through: range.through, reason })
    } else this.#reportHere(topic, origin, range.from, range.through, reason)
  }

  /**
   * A direct message of that origin, in its place. `usersLast`: the last before it that a user sent; undefined: the one
   * right before it. What Zinc itself sent after that is asked for anew by whoever needs it.
   */
  directCame(topic: TopicState, origin: Origin, usersLast: number | undefined): void {
    const hole = this.#holes.get(origin)
    if (hole === undefined) return
    this.#holes.delete(origin)
    const through = Math.min(hole.through, usersLast ?? hole.through)
    if (through >= hole.from) this.#reportHere(topic, origin, hole.from, through, hole.reason)
  }

  /** Something of the topic is lost, though it is not known just what of its streams. */
  reportVague(topic: TopicState, from: number, through: number, reason: GapReason): void {
    this.#tellBelow(topic, undefined, from, through, vagueGap)
    this.#reportHere(topic, undefined, from, through, reason)
  }

  /**
   * These numbers are lost, and what this endpoint knew of the origin went when it left the topic: some may have come here
   * before, or been told of. Those below judge for themselves.
   */
  reportForgotten(
    topic: TopicState,
    origin: Origin,
    range: { readonly from: number; readonly through: number },
    reason: GapReason,
  ): void {
    if (range.through < range.from) return
    const at = Math.max(1, topic.arrived)
    this.#tellBelow(topic, origin, range.from, range.through, knownGap)
    this.#reportHere(topic, undefined, at, at, reason)
  }

  /** R5: what was heard of the topic's order, those numbers, is void in that epoch. */
  diverged(topic: TopicState, epoch: number, range: { readonly from: number; readonly through: number }): void {
    for (const receiver of topic.receivers) receiver.lost?.(topic)
    if (isMessages(topic)) this.#o.events.emit({ type: "diverged", topic: topic.name, epoch, ...range })
  }

  /** R5: the topic's numbers from that one on were given in that epoch or a later one: those below void what they heard before. */
  tellReign(topic: TopicState, epoch: number, from: number): void {
    this.#tellBelow(topic, undefined, from, from - 1, knownGap, epoch)
  }

  /** At a relay, for those below would notice only at the next frame, and of a stream's last never. */
  #tellBelow(
    topic: TopicState,
    origin: Origin | undefined,
    from: number,
    through: number,
    codec: number,
    epoch = 0,
  ): void {
    const { up, down } = this.#o.sides
    if (up === undefined || down === undefined || isPrivate(topic.bytes) || topic.kind === TopicKind.System) return
    const header = new Uint8Array(headerBytes)
    header[At.Version] = headerVersion
    header[At.Kind] = Kind.Gap
    header[At.Codec] = codec
    header[At.Hops] = hopsMax
    writeU32(header, At.Epoch, epoch)
    if (origin !== undefined) header.set(origin.bytes, At.Origin)
    writeU64(header, At.Sequence, through)
    writeU64(header, At.Order, from)
    down.publish(topic, header, noPayload, 0)
  }

  #reportHere(topic: TopicState, origin: Origin | undefined, from: number, through: number, reason: GapReason): void {
    const { sides, statistics, events, rules } = this.#o
    statistics.gaps++
    for (const receiver of topic.receivers) receiver.lost?.(topic)
    if (!isMessages(topic)) return
    // What a relay only passes on is missed by those below, who notice it themselves.
    if (sides.up !== undefined && sides.down !== undefined && topic.receivers.length === 0) return
    if (!rules.gaps) return
    events.emit({
      type: "gap",
      topic: topic.kind === TopicKind.Private ? directsName : topic.name,
      origin: origin === undefined ? undefined : idOf(origin),
      from,
      through,
      reason,
    })
  }
}

/** What a user hears of; documents and Zinc itself notice by themselves, and mend it. */
function isMessages(topic: TopicState): boolean {
  return topic.kind === TopicKind.Nearest || topic.kind === TopicKind.Ordered || topic.kind === TopicKind.Private
}
