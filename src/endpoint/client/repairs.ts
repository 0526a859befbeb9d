/**
 * What a client asks its host to send again (L6): ranges of publish numbers found missing are gathered for a moment, asked
 * for in one request, and asked again when no answer comes. What the answers bring, and what it means that they do not,
 * is for whoever is told of their end.
 */
import type { Clock } from "../../core/clock.ts"
import type { Baseline, Repair } from "../../message/control.ts"
import type { Range } from "../repair-range.ts"
import type { TopicState } from "../topic-state.ts"

/** A request under way. */
export interface Asked {
  readonly ranges: readonly Range[]
  /** The topic of each range; empty when it follows a rejoin. */
  readonly topics: readonly TopicState[]
  /** It follows a rejoin: at its end the baseline's positions are settled. */
  readonly resync: Baseline | undefined
}

interface Pending extends Asked {
  askedAt: number
  asks: number
  /** What earlier parts of the answer said is lost. */
  readonly lost: readonly Range[]
}

export interface RepairsOptions {
  readonly clock: Clock
  /** Whether the link is up: until then holes only gather. */
  readonly linked: () => boolean
  readonly send: (id: number, ranges: readonly Range[]) => void
  readonly topicOf: (bytes: Uint8Array) => TopicState
  /** All has come that will; `lost` is what will not. */
  readonly onEnded: (asked: Asked, lost: readonly Range[]) => void
}

/** Ranges that wait for a repair; what is found missing beyond them counts as lost. */
export const rangesMax = 32_768
/** How often a host that is alive is asked for one repair; what it leaves unanswered then counts as lost. */
export const asksMax = 8

export class Repairs {
  readonly #o: RepairsOptions
  #holes: Range[] = []
  #askDue = false
  readonly #pending = new Map<number, Pending>()
  /** Ranges in all of them. */
  #askedRanges = 0
  #last = 0

  constructor(options: RepairsOptions) {
    this.#o = options
  }

  /** A request is under way that follows a rejoin. */
  get isResyncing(): boolean {
    for (const repair of this.#pending.values()) if (repair.resync !== undefined) return true
    return false
  }

  /** Notes that the range is missing; it is asked for right after. False when too many are: then nothing was done. */
  miss(range: Range): boolean {
    if (this.#holes.length + this.#askedRanges >= rangesMax) return false
    this.#holes.push(range)
    if (this.#askDue) return true
    this.#askDue = true
    this.#o.clock.soon(() => {
      this.#askDue = false
      this.askMissing()
    })
    return true
  }

  /** Asks for what was noted, if the link is up. */
  askMissing(): void {
    if (this.#holes.length === 0 || !this.#o.linked()) return
    const ranges = this.takeMissing()
    this.ask({ ranges, topics: ranges.map(range => this.#o.topicOf(range.topic)), resync: undefined })
  }

  /** What was noted and not asked for yet; it is the caller's from now on. */
  takeMissing(): readonly Range[] {
    const ranges = this.#holes
    this.#holes = []
    return ranges
  }

  ask(asked: Asked): void {
    this.#ask(asked, [])
  }

  #ask({ ranges, topics, resync }: Asked, lost: readonly Range[]): void {
    const id = ++this.#last
    this.#pending.set(id, { ranges, topics, resync, lost, askedAt: this.#o.clock.now(), asks: 0 })
    this.#askedRanges += ranges.length
    this.#o.send(id, ranges)
  }

  /** A part of that request's answer came. Undefined when nothing of the kind is under way. */
  answering(id: number): Asked | undefined {
    const pending = this.#pending.get(id)
    if (pending !== undefined) pending.askedAt = this.#o.clock.now()
    return pending
  }

  /** The part's frames have been taken; `any`: it brought some. */
  answered(repair: Repair, any: boolean): void {
    const pending = this.#pending.get(repair.id)
    if (pending === undefined || !repair.last) return
    this.#forget(repair.id, pending)
    const lost = [
      ...pending.lost,
      ...repair.lost.map(({ topic, after, through }) => ({ topic, after: Number(after), through: Number(through) })),
    ]
    const through = Number(repair.through)
    // A part that brings nothing and promises more would be asked for again for ever.
    if (through > 0 && any) {
      const ranges = pending.ranges
        .filter(range => range.through > through)
        .map(range => ({ ...range, after: Math.max(range.after, through) }))
      this.#ask({ ...pending, ranges }, lost)
      return
    }
    this.#o.onEnded(pending, lost)
  }

  /** Asks again for what has had no answer for so long; a host that is `silent` is not blamed for it. */
  retry(patienceMs: number, silent: boolean): void {
    const now = this.#o.clock.now()
    for (const [id, repair] of this.#pending) {
      if (now - repair.askedAt <= patienceMs) continue
      repair.askedAt = now
      if (!silent && ++repair.asks > asksMax) {
        this.#forget(id, repair)
        this.#o.onEnded(repair, [...repair.lost, ...repair.ranges])
        continue
      }
      this.#o.send(id, repair.ranges)
    }
  }

  /** The link is new: what was asked on the old one will not be answered, so it is missing again, and so are `others`. */
  relinked(others: readonly Range[]): void {
    for (const repair of this.#pending.values()) this.#holes.push(...repair.ranges)
    this.#holes.push(...others)
    this.#forgetAsked()
  }

  /** Nothing noted or asked matters any more. */
  forget(): void {
    this.#holes = []
    this.#forgetAsked()
  }

  /** What was noted and not asked for yet matters no more where `is` says so. */
  forgetMissing(is: (range: Range) => boolean): void {
    this.#holes = this.#holes.filter(range => !is(range))
  }

  #forget(id: number, pending: Pending): void {
    this.#pending.delete(id)
    this.#askedRanges -= pending.ranges.length
  }

  #forgetAsked(): void {
    this.#pending.clear()
    this.#askedRanges = 0
  }
}
