/**
 * Which documents the root of a tree with voters holds, in the order in which they last changed, for the voters to keep
 * them too. A list begins with a reign, under an id of its own.
 */
import type { Clock, Timer } from "../core/clock.ts"
import type { EndpointId } from "../core/id.ts"
import type { Random } from "../core/random.ts"

/** A document that goes on changing is told again after this long, for voters may have let go of it. */
const tellAgainMs = 10_000
/** How long a question waits for something to tell. */
export const heldWaitMs = 5_000
/** Questions that may wait; the oldest is answered at once beyond. */
const waitingMax = 64

export interface HeldPage {
  readonly names: readonly string[]
  /** The names are all up to this number. */
  readonly through: number
}

interface Waiting {
  readonly from: EndpointId
  readonly timer: Timer
  resolve(): void
}

export class HeldList {
  /** Eight octets. */
  readonly id: Uint8Array
  readonly #clock: Clock
  /** By number; of a name told twice the older place counts no more. */
  #told: { readonly number: number; readonly name: string }[] = []
  readonly #numbers = new Map<string, number>()
  #last = 0
  #recent = new Set<string>()
  #again = new Set<string>()
  #timer: Timer | undefined
  readonly #waiting = new Set<Waiting>()
  #closed = false

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    this.id = random.bytes(8)
  }

  /** The last number given. */
  get last(): number {
    return this.#last
  }

  /** The document is another than before, which is told at once, or again after a while. */
  changed(name: string): void {
    if (this.#closed) return
    if (this.#recent.has(name)) {
      this.#again.add(name)
      return
    }
    this.#tell(name)
    this.#recent.add(name)
    this.#timer ??= this.#clock.after(tellAgainMs, () => this.#tellAgain())
  }

  /** It is held, whether or not it changes. */
  holds(name: string): void {
    if (!this.#closed && !this.#numbers.has(name)) this.#tell(name)
  }

  /** At most so many names told after that number. */
  after(number: number, most: number): HeldPage {
    const names: string[] = []
    for (let at = this.#placeAfter(number); at < this.#told.length; at++) {
      const told = this.#told[at]!
      if (this.#numbers.get(told.name) !== told.number) continue
      names.push(told.name)
      if (names.length === most) return { names, through: told.number }
    }
    return { names, through: this.#last }
  }

  /** Resolves when something is told, or after a while; never when that one is gone, or the reign is over. */
  more(from: EndpointId): Promise<void> {
    return new Promise(resolve => {
      if (this.#closed) return
      const waiting = { from, timer: this.#clock.after(heldWaitMs, () => this.#answer(waiting)), resolve }
      this.#waiting.add(waiting)
      if (this.#waiting.size > waitingMax) this.#answer(this.#waiting.values().next().value!)
    })
  }

  /** Nobody waits there any more. */
  gone(from: EndpointId): void {
    for (const waiting of [...this.#waiting]) if (waiting.from === from) this.#drop(waiting)
  }

  /** The reign is over. */
  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    for (const waiting of [...this.#waiting]) this.#drop(waiting)
  }

  #drop(waiting: Waiting): void {
    waiting.timer.cancel()
    this.#waiting.delete(waiting)
  }

  #answer(waiting: Waiting): void {
    this.#drop(waiting)
    waiting.resolve()
  }

  #tell(name: string): void {
    this.#last++
    this.#numbers.set(name, this.#last)
    this.#told.push({ number: this.#last, name })
    if (this.#told.length > 2 * this.#numbers.size + 64)
      this.#told = this.#told.filter(told => this.#numbers.get(told.name) === told.number)
    for (const waiting of [...this.#waiting]) this.#answer(waiting)
  }

  #tellAgain(): void {
    this.#timer = undefined
    const again = this.#again
    this.#recent = new Set()
    this.#again = new Set()
    for (const name of again) this.changed(name)
  }

  #placeAfter(number: number): number {
    let low = 0
    let high = this.#told.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#told[middle]!.number <= number) low = middle + 1
      else high = middle
    }
    return low
  }
}
