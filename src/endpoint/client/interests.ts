/**
 * What is wanted here, and how far the host is known to know of it (L2): prefixes, counted; the SYNCs asked about them
 * and not answered yet; and for each prefix the publish number from which on everything comes, or why it is refused.
 */
import { toHex } from "../../core/bytes.ts"
import { type Deferred, deferred } from "../../core/deferred.ts"
import { ZincError } from "../../core/errors.ts"
import { patternTakesIn } from "../../message/topic.ts"
import type { Receiver, TopicState } from "../topic-state.ts"

/** A prefix that somebody here wants. Written to by `Interests` only. */
export interface Interest {
  readonly prefix: Uint8Array
  count: number
  /** The publish number from which on everything comes; undefined until this incarnation's baseline. */
  base: number | undefined
  /** It has had a baseline, maybe of an earlier incarnation: what was missed since is to be repaired or told. */
  followed: boolean
  /** It was followed at the host before the present one, or before this endpoint became the root. */
  continued: boolean
  refused: string | undefined
  readonly ready: Deferred<void>
}

/** A SYNC without its baseline yet. */
export interface Asked {
  readonly interests: readonly Interest[]
  /** Topics of which a repair found something lost: the positions will say what. */
  readonly settling: readonly TopicState[]
  /** It asks for everything wanted: its answer ends what a lost leg began. */
  readonly all: boolean
}

/** A SYNC and what its answer says of the prefixes asked about. */
export interface Answered extends Asked {
  /** Allowed, and never had a baseline. */
  readonly fresh: readonly Interest[]
  /** Allowed, and had one before. */
  readonly followed: readonly Interest[]
}

/** Most SYNCs remembered; the oldest make room, and their baselines are passed over. */
const askedMax = 32

export class Interests {
  readonly #onNew: () => void
  readonly #all = new Map<string, Interest>()
  readonly #receivers: Receiver[] = []
  #new: Interest[] = []
  readonly #asked = new Map<number, Asked>()
  #lastAsked = 0
  /** The last SYNC asked when `retry` was last called. */
  #retried = 0

  /** `onNew`: there is something to ask for, after there was nothing. */
  constructor(onNew: () => void) {
    this.#onNew = onNew
  }

  get hasNew(): boolean {
    return this.#new.length > 0
  }

  /** Resolves when the host knows of all the receiver's prefixes; rejects with `Refused` if one is not allowed. */
  follow(receiver: Receiver): Promise<void> {
    this.#receivers.push(receiver)
    // What is followed already, for others here or below, has had its baseline: no other will come.
    for (const prefix of receiver.prefixes) {
      const known = this.#all.get(toHex(prefix))
      if (known?.base === undefined) continue
      void known.ready.promise.then(
        () => this.#receivers.includes(receiver) && receiver.baseline?.(),
        () => {},
      )
    }
    return Promise.all(receiver.prefixes.map(prefix => this.want(prefix))).then(() => {})
  }

  /** Returns the prefixes that nobody wants any more. */
  unfollow(receiver: Receiver): Uint8Array[] {
    const at = this.#receivers.indexOf(receiver)
    if (at < 0) return []
    this.#receivers.splice(at, 1)
    return receiver.prefixes.filter(prefix => this.unwant(prefix))
  }

  /** Takes back one `want`. True when nobody wants the prefix any more. */
  unwant(prefix: Uint8Array): boolean {
    const key = toHex(prefix)
    const interest = this.#all.get(key)
    if (interest === undefined || --interest.count > 0) return false
    this.#all.delete(key)
    return true
  }

  /** Resolves when the host knows of the prefix. */
  want(prefix: Uint8Array): Promise<void> {
    const key = toHex(prefix)
    let interest = this.#all.get(key)
    if (interest === undefined) {
      interest = {
        prefix,
        count: 0,
        base: undefined,
        followed: false,
        continued: false,
        refused: undefined,
        ready: deferred(),
      }
      interest.ready.promise.catch(() => {})
      this.#all.set(key, interest)
      this.#new.push(interest)
      if (this.#new.length === 1) this.#onNew()
    }
    interest.count++
    return interest.ready.promise
  }

  isWanted(topic: Uint8Array): boolean {
    for (const { prefix } of this.#all.values()) if (patternTakesIn(prefix, topic)) return true
    return false
  }

  /** It has had a baseline, maybe of an earlier incarnation. */
  isFollowed(topic: Uint8Array): boolean {
    for (const { prefix, followed } of this.#all.values()) if (followed && patternTakesIn(prefix, topic)) return true
    return false
  }

  /** The host is another, or there is none any more: what was followed at the last one is followed on. */
  continue(): void {
    for (const interest of this.#all.values()) interest.continued = interest.followed
  }

  /** It was followed before the present host. */
  isContinued(topic: Uint8Array): boolean {
    for (const { prefix, continued } of this.#all.values()) if (continued && patternTakesIn(prefix, topic)) return true
    return false
  }

  /** The publish number from which on everything of that topic comes, or undefined while no baseline covers it. */
  baseOf(topic: Uint8Array): number | undefined {
    let lowest: number | undefined
    for (const { prefix, base } of this.#all.values()) {
      if (base === undefined || !patternTakesIn(prefix, topic)) continue
      if (lowest === undefined || base < lowest) lowest = base
    }
    return lowest
  }

  // ---- asking ----

  /** Those that were not asked for yet; they count as asked from now on. */
  takeNew(): readonly Interest[] {
    const taken = this.#new
    this.#new = []
    return taken
  }

  /** All that is wanted, new or not; it counts as asked from now on. */
  takeAll(): readonly Interest[] {
    this.#new = []
    return [...this.#all.values()]
  }

  /** Notes a SYNC and returns its number. The interests are such as were taken here. */
  ask(asked: Asked): number {
    const number = ++this.#lastAsked
    this.#asked.set(number, asked)
    if (this.#asked.size > askedMax) this.#asked.delete(this.#asked.keys().next().value as number)
    return number
  }

  /** A SYNC whose baseline did not come between two calls is forgotten and handed to `again`. */
  retry(again: (asked: Asked) => void): void {
    for (const [number, asked] of [...this.#asked]) {
      if (number > this.#retried) continue
      this.#asked.delete(number)
      again(asked)
    }
    this.#retried = this.#lastAsked
  }

  /** The link is new: no SYNC asked before will be answered. */
  forgetAsked(): void {
    this.#asked.clear()
  }

  /** The host's numbering is new: what was said of the old one means nothing. */
  forgetBases(): void {
    for (const interest of this.#all.values()) interest.base = undefined
  }

  // ---- answers ----

  /** The baseline of that SYNC came. Undefined when it was not asked, or is answered already. */
  answered(
    number: number,
    refused: readonly { readonly prefix: Uint8Array; readonly reason: string }[],
  ): Answered | undefined {
    const asked = this.#asked.get(number)
    if (asked === undefined) return undefined
    this.#asked.delete(number)
    const reasons = new Map(refused.map(({ prefix, reason }) => [toHex(prefix), reason]))
    for (const interest of asked.interests) interest.refused = reasons.get(toHex(interest.prefix))
    const allowed = asked.interests.filter(interest => interest.refused === undefined)
    return {
      ...asked,
      fresh: allowed.filter(interest => !interest.followed),
      followed: allowed.filter(interest => interest.followed),
    }
  }

  /** What was answered comes from `published` on; with `anew`, also what came from an earlier number on. */
  begin(answered: Answered, published: number, anew: boolean): void {
    for (const interest of answered.interests) {
      if (interest.refused !== undefined) continue
      interest.followed = true
      if (interest.base === undefined || anew) interest.base = published
    }
  }

  /** Tells whoever waits for the answer, and the receivers. */
  tell(answered: Answered): void {
    for (const { prefix, refused, ready } of answered.interests) {
      if (refused === undefined) ready.resolve()
      else {
        ready.reject(new ZincError("Refused", `the host does not let this endpoint follow that topic: ${refused}`))
      }
      const key = toHex(prefix)
      for (const receiver of this.#receivers.filter(each => each.prefixes.some(own => toHex(own) === key))) {
        if (refused === undefined) receiver.baseline?.()
        else receiver.refused?.(refused)
      }
    }
  }

  /** There is nobody above to ask: all that is wanted comes, as far as it is not known to. */
  answerAll(): void {
    this.forgetAsked()
    const interests = this.takeAll().filter(({ base }) => base === undefined)
    const answered = this.answered(this.ask({ interests, settling: [], all: false }), [])!
    this.begin(answered, 0, false)
    this.tell(answered)
  }

  /** No answer will come any more. */
  end(error: ZincError): void {
    for (const { ready } of this.#all.values()) ready.reject(error)
  }
}
