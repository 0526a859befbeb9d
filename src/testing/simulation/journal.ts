/**
 * What happened in one simulated run: the last of it in words, all of it in one digest, and what broke a promise. Words
 * are made when somebody reads them, so that a run that goes well costs little.
 */
import type { Clock } from "../../core/clock.ts"
import { Happening, Trace } from "../../transport/simulated/trace.ts"

/** One broken promise. */
export interface Violation {
  readonly atMs: number
  /** Which invariant, in a word or two: "fifo", "duplicate", "silent loss". */
  readonly invariant: string
  readonly what: string
}

type Part = string | number | undefined | (() => string)

interface Entry {
  readonly atMs: number
  readonly who: string
  readonly parts: readonly Part[]
}

/** Beyond that many the run has failed clearly enough. */
const violationsMax = 200

export class Journal {
  readonly violations: Violation[] = []
  readonly #clock: Pick<Clock, "now">
  readonly #trace = new Trace()
  readonly #kept: (Entry | undefined)[]
  #count = 0

  constructor(clock: Pick<Clock, "now">, kept = 400) {
    this.#clock = clock
    this.#kept = new Array<Entry | undefined>(kept)
  }

  /** A digest of all entries and deliveries. */
  get hash(): string {
    return this.#trace.hash
  }

  note(who: string, ...parts: Part[]): void {
    this.#kept[this.#count++ % this.#kept.length] = { atMs: this.#clock.now(), who, parts }
    this.#trace.text(who)
    for (const part of parts) if (typeof part === "string") this.#trace.text(part)
  }

  /** One message reached one handler. */
  delivered(who: string, topic: string, from: string, number: number, order?: () => string): void {
    this.#kept[this.#count++ % this.#kept.length] = {
      atMs: this.#clock.now(),
      who,
      parts: ["got", topic, from, number, order],
    }
    this.#trace.happened(Happening.Delivered, this.#clock.now(), number, 0)
    this.#trace.text(who)
    this.#trace.text(topic)
    this.#trace.text(from)
  }

  violated(invariant: string, what: string): void {
    if (this.violations.length >= violationsMax) return
    this.violations.push({ atMs: this.#clock.now(), invariant, what })
    this.note("!!", invariant, what)
  }

  /** The last entries, oldest first; `about` keeps those that mention it. */
  tail(count: number, about?: string): string[] {
    const lines: string[] = []
    for (let n = Math.max(0, this.#count - this.#kept.length); n < this.#count; n++) {
      const { atMs, who, parts } = this.#kept[n % this.#kept.length]!
      const text = parts.map(part => (typeof part === "function" ? part() : String(part ?? ""))).join(" ")
      const line = `${atMs.toFixed(2).padStart(9)} ${who.padEnd(8)} ${text}`
      if (about === undefined || line.includes(about)) lines.push(line)
    }
    return count === 0 ? [] : lines.slice(-count)
  }
}
