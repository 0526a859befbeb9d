/**
 * What is above the root of a tree with voters: to the endpoint's own sides it is like a host. What the endpoint pushes up,
 * its own and its subtree's, comes here; ordered topics get their numbers from the voters' log and come back down by
 * the way that all numbered messages come; and all is rooted once a majority of the voters has it. So whatever is not
 * rooted is still in the up buffer when a reign ends, and goes to the next root from there.
 */
import { readU64 } from "../core/bytes.ts"
import type { Timer } from "../core/clock.ts"
import { endpointIdFromBytes } from "../core/id.ts"
import { At } from "../message/header.ts"
import type { Authority, Inheritance, InheritedEntry } from "./authority.ts"
import type { Frame } from "./frame.ts"
import { frameFromLog, frameToLog, streamOf, topicOfStream } from "./logged-frame.ts"
import type { Node } from "./node.ts"
import { isPrivate } from "./private-topic.ts"
import type { TopicState } from "./topic-state.ts"

export interface CrownOptions {
  readonly node: Node
  readonly authority: Authority
  /** When a numbered message is passed on: at once, or when a majority has stored it (R5). */
  readonly deliver: "ordered" | "majority"
  /** Of what was pushed, all up to that leg number is rooted. */
  readonly onRooted: (through: number) => void
  /** What was refused may be taken now. */
  readonly onRoom: () => void
  /** A direct message that found nobody on its way up. */
  readonly onDirect: (header: Uint8Array, payload: Uint8Array) => void
}

/** How often a root looks whether it has its authority back. */
const lookMs = 50

interface Mark {
  leg: number
  /** The log entry that must be stored by a majority before that leg number is rooted. */
  readonly entry: number
}

export class Crown {
  readonly #o: CrownOptions
  #marks: Mark[] = []
  #held: { readonly entry: number; readonly topic: TopicState; readonly frame: Frame }[] = []
  #refused = false
  #settling = false
  #ticker: Timer | undefined

  constructor(options: CrownOptions) {
    this.#o = options
    this.#ticker = options.node.clock.every(lookMs, () => this.#look())
  }

  get hasAuthority(): boolean {
    return this.#o.authority.hasAuthority()
  }

  /** What the log has and was not heard here is passed on; what was heard and is not in it is void (R5). */
  inherit({ places, entries }: Inheritance): void {
    const { node, authority } = this.#o
    const topics = new Map<string, { readonly topic: TopicState; readonly next: number }>()
    // The log holds thousands of entries, most of them heard long ago, and everybody waits meanwhile.
    let missing = 0
    for (const [stream, { runs, order }] of places) {
      const topic = node.topics.of(topicOfStream(stream))
      node.resequencer.compareReigns(topic, runs, authority.epoch, order)
      const next = topic.order?.next ?? 1
      topics.set(stream, { topic, next })
      missing += Math.max(0, order + 1 - next)
    }
    const unheard: InheritedEntry[] = []
    if (missing > 0) {
      for (const entry of entries) {
        const known = topics.get(entry.stream)
        if (known !== undefined && entry.order >= known.next && unheard.push(entry) === missing) break
      }
    }
    for (const { stream, order, epoch, payload } of unheard.reverse())
      node.resequencer.take(topics.get(stream)!.topic, frameFromLog(payload, epoch, order), 0)
    for (const [stream, { order }] of places)
      node.resequencer.settle(topics.get(stream)!.topic, undefined, { first: order + 1, last: order }, undefined)
    node.batchEnded()
  }

  /** Takes what is pushed up: topic, header, payload. False: not now, nor what follows it. */
  send([bytes, header, payload]: readonly Uint8Array[]): boolean {
    const { node } = this.#o
    const leg = readU64(header!, At.LegNumber)
    if (isPrivate(bytes!)) this.#o.onDirect(header!.slice(), payload!)
    else {
      const topic = node.topics.of(bytes!)
      if (topic.route === "ordered" && !this.#order(topic, header!, payload!)) {
        this.#refused = true
        return false
      }
    }
    this.#mark(leg)
    return true
  }

  /** A majority of the voters has stored the log up to that entry. */
  committed(through: number): void {
    let count = 0
    while (count < this.#held.length && this.#held[count]!.entry <= through) {
      const { topic, frame } = this.#held[count++]!
      this.#o.node.resequencer.take(topic, frame, 0)
    }
    if (count > 0) {
      this.#held.splice(0, count)
      this.#o.node.batchEnded()
    }
    this.#settle()
    if (this.#refused) this.#retry()
  }

  /** The reign is over. */
  end(): void {
    this.#ticker?.cancel()
    this.#ticker = undefined
    this.#marks = []
    this.#held = []
  }

  #order(topic: TopicState, header: Uint8Array, payload: Uint8Array): boolean {
    const { authority, node, deliver } = this.#o
    if (!authority.hasAuthority()) return false
    const stream = streamOf(topic)
    const origin = endpointIdFromBytes(header.subarray(At.Origin, At.Origin + 16))
    const sequence = readU64(header, At.Sequence)
    const known = authority.sequenceOf(stream, origin)
    const octets = frameToLog(header, payload)
    const verdict = authority.order({ stream, origin, sequence, payload: octets })
    if (verdict.type === "refused") return false
    if (verdict.type === "duplicate") {
      node.statistics.duplicates++
      return true
    }
    // An origin sends again all that is not rooted: what it leaves out nobody has.
    if (known > 0 && sequence > known + 1)
      node.gaps.report(topic, node.origins.at(header, At.Origin), { from: known + 1, through: sequence - 1 }, "lost")
    const frame = frameFromLog(octets, authority.epoch, verdict.order)
    if (deliver === "majority") this.#held.push({ entry: authority.last, topic, frame })
    else node.resequencer.take(topic, frame, 0)
    return true
  }

  #mark(leg: number): void {
    const entry = this.#o.authority.last
    const last = this.#marks.at(-1)
    if (last?.entry === entry) last.leg = leg
    else this.#marks.push({ leg, entry })
    if (entry <= this.#o.authority.committed) this.#settleSoon()
  }

  /** Not within the push: whoever pushes has not noted yet what it has pushed. */
  #settleSoon(): void {
    if (this.#settling) return
    this.#settling = true
    this.#o.node.clock.soon(() => {
      this.#settling = false
      this.#settle()
    })
  }

  #settle(): void {
    const { authority } = this.#o
    if (this.#ticker === undefined || this.#marks.length === 0 || !authority.hasAuthority()) return
    const { committed } = authority
    let count = 0
    while (count < this.#marks.length && this.#marks[count]!.entry <= committed) count++
    if (count === 0) return
    const { leg } = this.#marks[count - 1]!
    this.#marks.splice(0, count)
    this.#o.onRooted(leg)
  }

  #look(): void {
    this.#settle()
    if (this.#refused) this.#retry()
  }

  #retry(): void {
    if (!this.#o.authority.hasAuthority()) return
    this.#refused = false
    this.#o.onRoom()
  }
}
