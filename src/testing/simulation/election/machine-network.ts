/**
 * The network between machines of an election: datagrams that may be lost, late, doubled or overtaken, directions that
 * may be cut, and dials that are answered, refused or swallowed, as the state of the other machine has it.
 */
import type { SeededRandom } from "../../../core/random.ts"
import type { SimulatedClock } from "../../../core/simulated-clock.ts"
import { SimulatedNode } from "../../../transport/simulated/node.ts"
import { Happening, Trace } from "../../../transport/simulated/trace.ts"

/** What runs on a machine. */
export interface Resident<Frame> {
  receive(from: string, frame: Frame): void
  linkClosed(peer: string): void
}

export interface Weather {
  /** Chances per datagram, 0 to 1. */
  readonly dropRate: number
  readonly duplicateRate: number
  readonly reorderRate: number
  /** One way, in milliseconds. */
  readonly latencyMs: { readonly min: number; readonly max: number }
  /** Chance of a time up to a hundred times as long. */
  readonly heavyTail: number
}

export const fairWeather: Weather = {
  dropRate: 0,
  duplicateRate: 0,
  reorderRate: 0,
  latencyMs: { min: 0.1, max: 0.5 },
  heavyTail: 0,
}

export type DialResult = "open" | "refused" | "failed"

/** More frames than that in 100 virtual milliseconds are a storm. */
const stormFrames = 50_000

/** A dial that nobody answers fails after that. */
const dialTimeoutMs = 1000

export class MachineNetwork<Frame> {
  weather: Weather = fairWeather
  readonly trace: Trace = new Trace()
  readonly counters = { sent: 0, delivered: 0, dropped: 0, duplicated: 0, reordered: 0, cut: 0 }
  #stormWatch = { since: 0, sent: 0 }
  readonly #clock: SimulatedClock
  readonly #random: SeededRandom
  readonly #nodes = new Map<string, SimulatedNode>()
  readonly #residents = new Map<string, Resident<Frame>>()
  /** "from to" → until it is healed. */
  readonly #cut = new Set<string>()
  /** Milliseconds more, each way, for datagrams of that machine. */
  readonly #slow = new Map<string, number>()
  /** Machines whose proxy refuses everything. */
  readonly #proxyRefuses = new Set<string>()
  /** When the last datagram of a direction arrives: links keep their order unless the weather reorders. */
  readonly #arrivals = new Map<string, number>()

  constructor(clock: SimulatedClock, random: SeededRandom) {
    this.#clock = clock
    this.#random = random
  }

  node(name: string): SimulatedNode {
    let node = this.#nodes.get(name)
    if (node === undefined) {
      node = new SimulatedNode(name, this.#nodes.size, this.#clock)
      this.#nodes.set(name, node)
    }
    return node
  }

  /** Starts a process on the machine. */
  settle(name: string, resident: Resident<Frame>): void {
    this.node(name).start()
    this.#residents.set(name, resident)
  }

  send(from: string, to: string, frame: Frame): void {
    const { weather } = this
    const random = this.#random
    this.counters.sent++
    this.#watchForStorm()
    if (weather.dropRate > 0 && random.float() < weather.dropRate) {
      this.counters.dropped++
      return
    }
    this.#carry(from, to, frame)
    if (weather.duplicateRate > 0 && random.float() < weather.duplicateRate) {
      this.counters.duplicated++
      this.#carry(from, to, frame)
    }
  }

  /** Frames that beget frames never end: the run does, and says so. */
  #watchForStorm(): void {
    const now = this.#clock.now()
    if (now - this.#stormWatch.since > 100) this.#stormWatch = { since: now, sent: 0 }
    if (++this.#stormWatch.sent > stormFrames)
      throw new Error(`storm: more than ${stormFrames} frames within 100 virtual ms`)
  }

  #carry(from: string, to: string, frame: Frame): void {
    const way = `${from} ${to}`
    let at = this.#clock.now() + this.#latency(from, to)
    const { reorderRate } = this.weather
    if (reorderRate > 0 && this.#random.float() < reorderRate) this.counters.reordered++
    else at = Math.max(at, (this.#arrivals.get(way) ?? 0) + 0.001)
    this.#arrivals.set(way, at)
    this.#clock.after(at - this.#clock.now(), () => {
      // What was cut while it was under way is gone too.
      if (this.#isCut(from, to)) {
        this.counters.cut++
        return
      }
      const resident = this.#residents.get(to)
      if (resident === undefined) return
      this.node(to).run(() => {
        if (this.#residents.get(to) !== resident) return
        this.counters.delivered++
        this.trace.happened(Happening.Delivered, this.#clock.now(), this.node(from).index, this.node(to).index)
        resident.receive(from, frame)
      })
    })
  }

  #latency(from: string, to: string): number {
    const { latencyMs, heavyTail } = this.weather
    const random = this.#random
    let ms = latencyMs.min + random.float() * (latencyMs.max - latencyMs.min)
    if (heavyTail > 0 && random.float() < heavyTail) ms += random.float() ** 3 * latencyMs.max * 100
    return ms + (this.#slow.get(from) ?? 0) + (this.#slow.get(to) ?? 0)
  }

  /** Tells after a while how it went. */
  dial(from: string, to: string, done: (result: DialResult) => void): void {
    const resident = this.#residents.get(from)
    const finish = (result: DialResult, afterMs: number) =>
      this.#clock.after(afterMs, () =>
        this.node(from).run(() => {
          if (this.#residents.get(from) === resident) done(result)
        }),
      )
    if (this.#proxyRefuses.has(to)) return void finish("refused", 2 * this.#latency(from, to))
    const target = this.node(to)
    if (this.#severed(from, to) || this.#severed(to, from) || target.silent) return void finish("failed", dialTimeoutMs)
    const there = this.#latency(from, to)
    // What the machine is like when the dial arrives decides; a stopped process is dialled by its kernel all the same.
    this.#clock.after(there, () => {
      if (target.silent) finish("failed", dialTimeoutMs)
      else finish(target.up ? "open" : "refused", this.#latency(to, from))
    })
  }

  // ---- faults ----

  cut(from: string, to: string): void {
    this.#cut.add(`${from} ${to}`)
  }
  heal(from: string, to: string): void {
    this.#cut.delete(`${from} ${to}`)
  }
  healAll(): void {
    this.#cut.clear()
    this.#slow.clear()
    this.#proxyRefuses.clear()
  }
  slow(name: string, ms: number | undefined): void {
    if (ms === undefined) this.#slow.delete(name)
    else this.#slow.set(name, ms)
  }

  /** All links of the machine close, both ends hear it, and stay possible. */
  disconnect(name: string): void {
    for (const peer of this.#residents.keys()) {
      if (peer === name) continue
      this.#tellClosed(name, peer)
      this.#tellClosed(peer, name)
    }
  }

  /** The proxy before the machine resets its links and refuses new ones, while the process lives on. */
  proxyRefuses(name: string, refuses: boolean): void {
    if (!refuses) return void this.#proxyRefuses.delete(name)
    this.#proxyRefuses.add(name)
    this.disconnect(name)
  }

  /** As by `kill -9`; silently as by a loss of power. */
  crash(name: string, silent: boolean): void {
    if (!this.node(name).up) return
    this.node(name).crash(silent)
    this.#residents.delete(name)
    if (silent) return
    for (const peer of this.#residents.keys()) this.#tellClosed(name, peer)
  }

  #tellClosed(of: string, to: string): void {
    this.#clock.after(this.#latency(of, to), () => {
      if (this.#severed(of, to)) return
      const resident = this.#residents.get(to)
      if (resident === undefined) return
      this.node(to).run(() => {
        if (this.#residents.get(to) === resident) resident.linkClosed(of)
      })
    })
  }

  #severed(from: string, to: string): boolean {
    return this.#cut.has(`${from} ${to}`)
  }

  #isCut(from: string, to: string): boolean {
    return this.#severed(from, to) || this.#proxyRefuses.has(from) || this.#proxyRefuses.has(to)
  }
}
