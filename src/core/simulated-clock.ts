/** Virtual time: nothing happens until somebody advances it, and then everything happens in one fixed order. */
import type { Clock, Timer } from "./clock.ts"

interface Entry {
  readonly at: number
  readonly order: number
  action: (() => void) | undefined
}

/** What is left of a turn when the time is over is spent on nothing, so it is not too many. */
const timersPerTurn = 32

export class SimulatedClock implements Clock {
  #now: number
  #order = 0
  /** A binary heap by (at, order). */
  readonly #heap: Entry[] = []
  readonly #soon: (() => void)[] = []
  #draining = false

  constructor(startMs = 0) {
    this.#now = startMs
  }

  now(): number {
    return this.#now
  }

  wall(): number {
    return 1_700_000_000_000 + this.#now
  }

  after(delayMs: number, action: () => void): Timer {
    const entry: Entry = { at: this.#now + Math.max(0, delayMs), order: this.#order++, action }
    this.#push(entry)
    return {
      cancel: () => {
        entry.action = undefined
      },
    }
  }

  every(intervalMs: number, action: () => void): Timer {
    let stopped = false
    let timer: Timer
    const tick = () => {
      if (stopped) return
      timer = this.after(intervalMs, tick)
      action()
    }
    timer = this.after(intervalMs, tick)
    return {
      cancel: () => {
        stopped = true
        timer.cancel()
      },
    }
  }

  soon(action: () => void): void {
    this.#soon.push(action)
  }

  later(action: () => void): void {
    this.after(0, action)
  }

  /** Number of timers that wait. */
  get pending(): number {
    return this.#heap.length + this.#soon.length
  }

  /** When the next timer is due, or undefined when none waits. */
  get nextAt(): number | undefined {
    return this.#soon.length > 0 ? this.#now : this.#heap[0]?.at
  }

  /** Runs what `soon` holds, including what that adds. */
  drain(): void {
    if (this.#draining) return
    this.#draining = true
    let ran = 0
    try {
      while (ran < this.#soon.length) this.#soon[ran++]!()
    } finally {
      // Also after one that threw, so that it does not take the others with it.
      this.#soon.splice(0, ran)
      this.#draining = false
    }
  }

  /** Runs the next timer, moving time to it. False when none waits. */
  step(): boolean {
    this.drain()
    const entry = this.#pop()
    if (entry === undefined) return false
    this.#now = Math.max(this.#now, entry.at)
    const action = entry.action
    entry.action = undefined
    action?.()
    this.drain()
    return true
  }

  /** Runs everything due within `durationMs`, then stands at the end of it. Synchronous: promises do not run. */
  advance(durationMs: number): void {
    const end = this.#now + durationMs
    this.drain()
    for (let next = this.#heap[0]; next !== undefined && next.at <= end; next = this.#heap[0]) this.step()
    this.#now = end
  }

  /** As `advance`, but lets promises run between any two timers, so that async code takes part. */
  run(durationMs: number): Promise<void> {
    const end = this.#now + durationMs
    return new Promise((resolve, reject) => {
      let over = false
      // The event loop empties the promise queue, however long its chains are, between any two immediates of one turn,
      // and goes round only after the last: a turn for each timer would cost more than what the timer does.
      const turn = () => {
        for (let i = 0; i < timersPerTurn && !over; i++) setImmediate(next)
        setImmediate(() => {
          if (!over) turn()
        })
      }
      const next = () => {
        if (over) return
        try {
          if (this.#soon.length > 0) {
            this.drain()
            return
          }
          const due = this.#heap[0]
          if (due !== undefined && due.at <= end) {
            this.step()
            return
          }
        } catch (thrown) {
          over = true
          reject(thrown)
          return
        }
        over = true
        this.#now = end
        resolve()
      }
      turn()
    })
  }

  /** Runs `soon` actions and promise jobs until neither is left; time stands still. */
  async settle(): Promise<void> {
    do {
      this.drain()
      // One turn of the real event loop empties the promise queue, however long its chains are.
      await new Promise<void>(resolve => setImmediate(resolve))
    } while (this.#soon.length > 0)
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let index = heap.length
    heap.push(entry)
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (before(heap[parent]!, entry)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = entry
  }

  #pop(): Entry | undefined {
    const heap = this.#heap
    const top = heap[0]
    const last = heap.pop()
    if (top === undefined || last === undefined || heap.length === 0) return top
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (before(last, heap[child]!)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
    return top
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
