/** A virtual process: what it does can be held (SIGSTOP) and ended (kill -9), and it has a clock of its own. */
import type { Clock, Timer } from "../../core/clock.ts"

export class SimulatedNode {
  readonly name: string
  /** A small number for the trace. */
  readonly index: number
  readonly #base: Clock
  #clock: NodeClock
  #held: (() => void)[] = []
  #paused = false
  #resuming = false
  #up = true
  /** The machine is off: nothing answers, not even a refusal. */
  silent = false
  /** What the node can receive per second; undefined for no limit. */
  bytesPerSecond: number | undefined
  /** When its inbound line is free again, on the network's clock. */
  lineFreeAt = 0
  #nextPort = 49_152

  constructor(name: string, index: number, base: Clock) {
    this.name = name
    this.index = index
    this.#base = base
    this.#clock = new NodeClock(base, action => this.run(action))
  }

  get clock(): NodeClock {
    return this.#clock
  }
  get paused(): boolean {
    return this.#paused
  }
  get up(): boolean {
    return this.#up
  }

  /** Runs the action of this process now, or when it resumes. */
  run(action: () => void): void {
    if (this.#paused) this.#held.push(action)
    else action()
  }

  port(): number {
    return this.#nextPort++
  }

  pause(): void {
    this.#paused = true
    this.#resuming = false
  }

  /** What was held runs in the order in which it was due, each from a clock event of its own, as a process would. */
  resume(): void {
    if (!this.#paused || this.#resuming) return
    this.#resuming = true
    const clock = this.#clock
    const next = () => {
      // Crashed or stopped again on the way: the rest stays due, before anything newer.
      if (clock !== this.#clock || !this.#resuming) return
      const action = this.#held.shift()
      if (action === undefined) {
        this.#resuming = false
        this.#paused = false
        return
      }
      action()
      this.#base.after(0, next)
    }
    this.#base.after(0, next)
  }

  crash(silent: boolean): void {
    this.#clock.end()
    this.#clock = new NodeClock(this.#base, action => this.run(action))
    this.#held = []
    this.#paused = false
    this.#resuming = false
    this.#up = false
    this.silent = silent
  }

  /** Starts the process anew after a crash; nothing when it is up. */
  start(): void {
    this.#up = true
    this.silent = false
  }
}

/** The clock of one life of a node. It may run fast or slow against the network's. */
export class NodeClock implements Clock {
  readonly #base: Clock
  readonly #run: (action: () => void) => void
  #ended = false
  #rate = 1
  #sinceBase: number
  #sinceLocal: number
  #wallOffset = 0

  constructor(base: Clock, run: (action: () => void) => void) {
    this.#base = base
    this.#run = run
    this.#sinceBase = base.now()
    this.#sinceLocal = this.#sinceBase
  }

  now(): number {
    return this.#sinceLocal + (this.#base.now() - this.#sinceBase) * this.#rate
  }

  wall(): number {
    return this.#base.wall() + this.#wallOffset
  }

  after(delayMs: number, action: () => void): Timer {
    if (this.#ended) return { cancel: () => {} }
    let cancelled = false
    const timer = this.#base.after(Math.max(0, delayMs) / this.#rate, () =>
      this.#guarded(() => {
        if (!cancelled) action()
      }),
    )
    return {
      cancel: () => {
        cancelled = true
        timer.cancel()
      },
    }
  }

  /** A held interval fires once on resume, not once for each beat it missed. */
  every(intervalMs: number, action: () => void): Timer {
    let stopped = false
    let timer: Timer
    const tick = () => {
      timer = this.after(intervalMs, tick)
      if (!stopped) action()
      if (stopped) timer.cancel()
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
    if (!this.#ended) this.#base.soon(() => this.#guarded(action))
  }

  later(action: () => void): void {
    this.after(0, action)
  }

  /** From now on a second here takes 1 / rate seconds of the network. Timers already set keep their time. */
  drift(rate: number): void {
    this.#sinceLocal = this.now()
    this.#sinceBase = this.#base.now()
    this.#rate = rate
  }

  /** Moves the wall clock only. */
  skew(wallOffsetMs: number): void {
    this.#wallOffset = wallOffsetMs
  }

  /** Drops every timer, now and for ever. */
  end(): void {
    this.#ended = true
  }

  #guarded(action: () => void): void {
    if (this.#ended) return
    this.#run(() => {
      if (!this.#ended) action()
    })
  }
}
