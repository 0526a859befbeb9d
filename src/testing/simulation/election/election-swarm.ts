/**
 * One run of an election under faults: voters, leaves that send and hear ordered streams, and a fault script, all drawn
 * from one number. Then everything heals, a root must be there in bounded time, and all must agree. The number is the
 * whole bug report.
 */
import {
  decodeVoterFrame,
  type ElectionRules,
  encodeVoterFrame,
  type VoterFrame,
  votersForPromotion,
} from "../../../cluster/election/index.ts"
import { SeededRandom } from "../../../core/random.ts"
import { SimulatedClock } from "../../../core/simulated-clock.ts"
import { Journal, type Violation } from "../journal.ts"
import {
  describeElectionFault,
  drawElectionScript,
  drawWeather,
  type ElectionFault,
  type ElectionFaultKind,
} from "./election-script.ts"
import { Leaf, type LeafRules } from "./leaf.ts"
import type { MachineFrame } from "./leaf-frame.ts"
import { describeRecord, Machine } from "./machine.ts"
import { fairWeather, MachineNetwork, type Weather } from "./machine-network.ts"
import { Operator } from "./operator.ts"
import { Oracle, type OracleCounts } from "./oracle.ts"
import type { Promotion } from "./promotion.ts"
import { RecordStore } from "./record-store.ts"

export interface ElectionOptions {
  readonly seed: number
  /** Journal entries kept. Default 400. */
  readonly kept?: number
  /** Instead of the one drawn from the seed. */
  readonly script?: readonly ElectionFault[]
  /** Places in the script that are played. Default all. */
  readonly only?: readonly number[]
  /** Rules left out, to see that it is noticed. */
  readonly rules?: Partial<ElectionRules & LeafRules>
  /** Frames travel as octets. Default: in one seed of eight. */
  readonly wire?: boolean
  /** Stops at the first broken promise. Default false. */
  readonly hasty?: boolean
}

export interface ElectionCounts extends OracleCounts {
  readonly rootKills: number
  readonly candidacies: number
  readonly fetches: number
  readonly snapshots: number
  readonly lostWrites: number
  readonly frames: number
  readonly handOvers: number
  readonly voterChanges: number
}

export interface ElectionOutcome {
  readonly seed: number
  readonly hash: string
  readonly violations: readonly Violation[]
  readonly script: readonly ElectionFault[]
  /** Voters, those that wait to be voters, and leaves. */
  readonly endpoints: number
  readonly virtualMs: number
  readonly counts: ElectionCounts
  readonly promotions: readonly Promotion[]
  report(lines?: number, about?: string): string
}

export interface ElectionPlan {
  readonly voters: number
  readonly spares: number
  readonly leaves: number
  readonly external: boolean
  readonly direct: boolean
  readonly replicatedLeaves: boolean
  readonly intervalMs: number
  readonly syncMs: { readonly min: number; readonly max: number }
  readonly keptEntries: number
  readonly batchEntries: number
  readonly weather: Weather
  readonly rates: readonly number[]
}

/** When the set of voters is complete at the latest, and faults may begin. */
const stormFromMs = 4_000
const stormUntilMs = 52_000
/** Virtual time after everything healed in which a root must be there and all agree. */
const healedWithinMs = 12_000
/** A voter opened that long ago keeps no promise of an earlier life. */
const promisesOverMs = 2_000
/** Clocks run this much faster or slower, at most. */
const driftMax = 0.02

export function simulateElection(options: ElectionOptions): ElectionOutcome {
  const run = new ElectionRun(options)
  run.play()
  return run.outcome()
}

class ElectionRun {
  readonly #o: ElectionOptions
  readonly #plan: ElectionPlan
  readonly #script: readonly ElectionFault[]
  readonly #clock = new SimulatedClock()
  readonly #journal: Journal
  readonly #oracle: Oracle
  readonly #network: MachineNetwork<MachineFrame>
  readonly #store: RecordStore | undefined
  readonly #machines: Machine[] = []
  readonly #leaves: Leaf[] = []
  readonly #streams = ["a", "b"]
  readonly #operator: Operator
  readonly #promotions: Promotion[] = []
  readonly #totals = { rootKills: 0, handOvers: 0, voterChanges: 0, candidacies: 0, fetches: 0, snapshots: 0 }
  #rootless: { cause: ElectionFaultKind; at: number; clean: boolean; usual: boolean } | undefined
  /** Faults under way. */
  #active = 0

  constructor(options: ElectionOptions) {
    this.#o = options
    const { plan, script, random: worldRandom } = drawElection(options.seed)
    this.#plan = plan
    this.#script = (options.script ?? script).filter((_, at) => options.only?.includes(at) ?? true)
    const names = Array.from({ length: plan.voters + plan.spares }, (_, i) => `v${i + 1}`)
    this.#journal = new Journal(this.#clock, options.kept)
    this.#oracle = new Oracle(this.#journal)
    this.#oracle.onSignature = (signer, candidate) => this.#onSignature(signer, candidate)
    this.#network = new MachineNetwork(this.#clock, worldRandom.fork())
    this.#network.weather = plan.weather
    this.#store = plan.external
      ? new RecordStore(this.#clock, worldRandom.fork(), record => this.#oracle.recorded(record))
      : undefined
    const leafNames = Array.from({ length: plan.leaves }, (_, i) => `l${i + 1}`)
    const wire = (options.wire ?? options.seed % 8 === 0) ? throughOctets : (frame: VoterFrame) => frame
    for (const [index, name] of names.entries()) {
      const machine = new Machine({
        name,
        number: index + 1,
        clock: this.#clock,
        random: worldRandom.fork(),
        network: this.#network,
        journal: this.#journal,
        oracle: this.#oracle,
        leaves: leafNames,
        store: this.#store,
        direct: plan.direct,
        syncMs: plan.syncMs,
        rules: options.rules ?? {},
        timing: {},
        limits: { keptEntries: plan.keptEntries, batchEntries: plan.batchEntries, windowEntries: 64 },
        wire,
        onEvent: (who, event) => {
          if (event.type === "opened") this.#onOpened()
          if (event.type === "votersChanged") this.#totals.voterChanges++
          if (event.type === "inherited") this.#onInherited(who)
        },
      })
      machine.drift(plan.rates[index]!)
      this.#machines.push(machine)
    }
    this.#operator = new Operator(this.#machines.slice(0, plan.voters))
    for (const [index, name] of leafNames.entries()) {
      const leaf = new Leaf({
        name,
        clock: this.#network.node(name).clock,
        random: worldRandom.fork(),
        oracle: this.#oracle,
        journal: this.#journal,
        voters: names,
        streams: this.#streams,
        tier: plan.replicatedLeaves || index === 0 ? "replicated" : "rooted",
        intervalMs: plan.intervalMs,
        rules: { epochGate: options.rules?.epochGate ?? true, rewind: options.rules?.rewind ?? true },
        send: (to, frame) => this.#network.send(name, to, { leaf: frame }),
      })
      this.#leaves.push(leaf)
      this.#network.settle(name, leaf)
    }
  }

  play(): void {
    try {
      this.#open()
      for (const fault of this.#script) this.#clock.after(fault.atMs - this.#clock.now(), () => this.#begin(fault))
      this.#advance(stormUntilMs + 2000)
      this.#heal()
      this.#settle()
      this.#judge()
    } catch (thrown) {
      this.#journal.violated("threw", thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown))
    }
  }

  /** Advances to that time, unless it is hasty and something is broken. */
  #advance(untilMs: number): void {
    while (this.#clock.now() < untilMs) {
      if (this.#o.hasty === true && this.#journal.violations.length > 0) return
      this.#clock.advance(Math.min(100, untilMs - this.#clock.now()))
    }
  }

  #open(): void {
    const [founder, ...others] = this.#machines
    founder!.start()
    this.#clock.after(50, () => founder!.voter!.found(() => {}))
    this.#clock.after(80, () => {
      for (const machine of others) machine.start()
    })
    this.#clock.every(150, () => this.#operator.step(this.#machines))
  }

  // ---- faults ----

  #root(): Machine | undefined {
    let root: Machine | undefined
    for (const machine of this.#machines)
      if (
        machine.voter?.reignEpoch !== undefined &&
        (root === undefined || machine.voter.reignEpoch > root.voter!.reignEpoch!)
      )
        root = machine
    return root
  }

  #begin(fault: ElectionFault): void {
    const { kind, forMs, draw } = fault
    const machine = fault.machine < 0 ? this.#root() : this.#machines[fault.machine]
    if (machine === undefined) return
    const clock = this.#clock
    const network = this.#network
    this.#journal.note(machine.name, "fault:", () => describeElectionFault(fault))
    const wasRoot = machine === this.#root() && machine.voter?.hasAuthority() === true
    const later = (action: () => void) => {
      this.#active++
      clock.after(forMs, () => {
        this.#active--
        action()
      })
    }
    const takesRoot = () => {
      if (wasRoot) this.#rootIsTaken(kind)
    }
    switch (kind) {
      case "crashRoot":
      case "powerRoot":
      case "crashVoter":
        if (!machine.up) return
        if (wasRoot) this.#totals.rootKills++
        takesRoot()
        machine.crash(kind === "powerRoot" || (kind === "crashVoter" && draw % 2 === 0))
        later(() => machine.start())
        return
      case "pauseRoot":
      case "pauseVoter":
        takesRoot()
        machine.pause()
        later(() => machine.resume())
        return
      case "isolateRoot":
        takesRoot()
        this.#split(machine, forMs, { in: true, out: true })
        return
      case "oneWayRoot":
      case "oneWayVoter":
        takesRoot()
        this.#split(machine, forMs, { in: draw % 2 === 0, out: draw % 2 === 1 })
        return
      case "flapVoter": {
        for (let i = 0; i < 6; i++) clock.after(i * 900, () => this.#split(machine, 700, { in: true, out: true }))
        return
      }
      case "handOver":
        if (machine.voter?.hasAuthority() !== true) {
          const root = this.#root()
          if (root?.voter?.handOver({ to: machine.id }) !== true) return
        } else if (!machine.voter.handOver()) return
        this.#totals.handOvers++
        this.#rootIsTaken(kind)
        if (draw % 3 > 0) this.#interrupt(fault)
        return
      case "nearMiss":
        takesRoot()
        this.#missNearly(machine, fault)
        return
      case "crashHeir":
        this.#heirs = 1 + (draw % 4)
        return
      case "partition": {
        const side = (index: number) => (draw >> (index % 31)) & 1
        const names = [...this.#machines.map(each => each.name), ...this.#leaves.map(each => each.name)]
        const pairs: [string, string][] = []
        for (const [i, a] of names.entries())
          for (const [j, b] of names.entries()) if (side(i) !== side(j)) pairs.push([a, b])
        for (const [a, b] of pairs) network.cut(a, b)
        takesRoot()
        later(() => {
          for (const [a, b] of pairs) network.heal(a, b)
        })
        return
      }
      case "crashAll":
        for (const each of this.#machines) {
          if (each.up && each.voter?.hasAuthority()) this.#totals.rootKills++
          each.crash(draw % 2 === 0)
        }
        this.#rootIsTaken(kind)
        later(() => {
          for (const each of this.#machines) each.start()
        })
        return
      case "wipeVoter":
        if (!this.#mayWipe(machine)) return
        if (wasRoot) this.#totals.rootKills++
        takesRoot()
        machine.crash(draw % 2 === 0)
        machine.wipe()
        later(() => machine.start())
        return
      case "disconnect":
        network.disconnect(machine.name)
        return
      case "proxyRefuses":
        if (this.#plan.direct && this.#o.rules?.directOnly !== false) return
        takesRoot()
        network.proxyRefuses(machine.name, true)
        later(() => network.proxyRefuses(machine.name, false))
        return
      case "slowMachine":
        network.slow(machine.name, [5, 50, 200, 700][draw % 4])
        later(() => network.slow(machine.name, undefined))
        return
      case "slowDisk":
        machine.disk.slowMs = [20, 200, 1000][draw % 3]!
        later(() => {
          machine.disk.slowMs = 0
        })
        return
      case "drift":
        machine.drift(1 + ((draw % 1000) / 500 - 1) * driftMax)
        return
      case "coordinatorDown":
        if (this.#store === undefined) return
        this.#store.available = false
        later(() => {
          this.#store!.available = true
        })
        return
      case "coordinatorSlow":
        if (this.#store === undefined) return
        this.#store.slowMs = [50, 500, 1400][draw % 3]!
        later(() => {
          this.#store!.slowMs = 0
        })
        return
      case "changeVoters":
        this.#changeVoters(machine)
        return
      case "weather":
        network.weather = fault.weather!
        later(() => {
          network.weather = this.#plan.weather
        })
        return
    }
  }

  #split(machine: Machine, forMs: number, ways: { readonly in: boolean; readonly out: boolean }): void {
    const network = this.#network
    const others = [...this.#machines, ...this.#leaves].filter(each => each !== machine).map(each => each.name)
    for (const other of others) {
      if (ways.in) network.cut(other, machine.name)
      if (ways.out) network.cut(machine.name, other)
    }
    this.#active++
    this.#clock.after(forMs, () => {
      this.#active--
      this.#join(machine)
    })
  }

  /** Only a minority of the configured voters may lose their memory; nothing survives more. */
  #mayWipe(machine: Machine): boolean {
    if (!machine.up) return false
    // Any record that may hold counts: those that voters know, and the one in the store.
    const records = [
      ...this.#machines.map(each => each.voter?.record ?? each.disk.memory().record),
      this.#store?.record,
    ]
    return records.every(record => {
      if (record === undefined) return true
      const kept = record.voters.filter(
        voter => voter.voterId !== machine.id && this.#machines.some(each => each.id === voter.voterId),
      )
      // One to spare, for a change of the set may be under way.
      return (
        2 * (kept.length - 1) > record.voters.length ||
        (kept.length === 2 && record.voters.length === 3 && this.#operator.isDone(this.#machines))
      )
    })
  }

  #changeVoters(machine: Machine): void {
    const { wanted } = this.#operator
    if (wanted.has(machine)) {
      const spare = this.#machines.find(each => !wanted.has(each))
      if (wanted.size > 1) wanted.delete(machine)
      if (spare !== undefined) wanted.add(spare)
    } else wanted.add(machine)
  }

  // ---- how long it was without a root ----

  #rootIsTaken(cause: ElectionFaultKind): void {
    const { weather, external } = this.#plan
    const clean =
      this.#active === 0 &&
      this.#rootless === undefined &&
      weather === fairWeather &&
      this.#network.weather === fairWeather &&
      this.#operator.isDone(this.#machines) &&
      this.#machines.every(
        machine => machine.up && machine.disk.slowMs === 0 && this.#clock.now() - machine.startedAt > promisesOverMs,
      ) &&
      (!external || (this.#store!.available && this.#store!.slowMs === 0))
    const voters = this.#root()?.voter?.record?.voters.length ?? 0
    this.#rootless = { cause, at: this.#clock.now(), clean, usual: this.#plan.direct && voters >= votersForPromotion }
    // Whatever follows before there is a root again makes the measurement unclean.
    const taken = this.#rootless
    const faults = this.#script.filter(fault => fault.atMs > taken.at).map(fault => fault.atMs)
    this.#nextFaultAt = faults[0] ?? Number.POSITIVE_INFINITY
  }
  #nextFaultAt = 0

  #onOpened(): void {
    const taken = this.#rootless
    if (taken === undefined) return
    this.#rootless = undefined
    const now = this.#clock.now()
    this.#promotions.push({
      cause: taken.cause,
      ms: now - taken.at,
      atMs: now,
      clean: taken.clean && now <= this.#nextFaultAt && this.#network.weather === fairWeather,
      external: this.#plan.external,
      usual: taken.usual,
    })
  }

  // ---- faults that the protocol times ----

  #nearMiss: ((signer: Machine, candidate: Machine) => void) | undefined
  #heirs = 0

  /** Somebody crashes or is cut off while a hand-over is under way: the one that gives, the one that takes, or another. */
  #interrupt({ forMs, draw }: ElectionFault): void {
    const victim = this.#machines[(draw >>> 4) % this.#machines.length]
    this.#clock.after(((draw >>> 8) % 64) / 4, () => {
      if (victim?.up !== true) return
      if (draw % 3 === 1) {
        // Until the others have had the time to choose anew.
        this.#split(victim, 2500 + (forMs % 1000), { in: true, out: true })
        return
      }
      if (victim.voter?.hasAuthority()) this.#totals.rootKills++
      victim.crash((draw >>> 16) % 2 === 0)
      this.#clock.after(forMs % 100, () => victim.start())
    })
  }

  /** Cuts the machine off until somebody signs. */
  #missNearly(machine: Machine, { forMs, draw }: ElectionFault): void {
    this.#split(machine, forMs + 4000, { in: true, out: true })
    this.#nearMiss = (signer, candidate) => {
      this.#nearMiss = undefined
      // Back for all, or for the signer alone, so that it does not hear of the candidate.
      if (draw & 0x1000) this.#join(machine)
      else this.#join(machine, [signer])
      const victim = [undefined, signer, candidate][draw % 3]
      if (victim === undefined) return
      const afterMs = ((draw >> 4) % 8) / 4
      this.#clock.after(afterMs, () => {
        victim.crash((draw >> 8) % 2 === 0)
        this.#clock.after(forMs % 100, () => victim.start())
      })
    }
  }

  #onSignature(signer: string, candidate: string): void {
    if (this.#nearMiss === undefined) return
    const byId = (id: string) => this.#machines.find(machine => machine.id === id)
    const [from, to] = [byId(signer), byId(candidate)]
    if (from !== undefined && to !== undefined) this.#nearMiss(from, to)
  }

  #onInherited(machine: Machine): void {
    if (this.#heirs === 0) return
    this.#heirs--
    this.#clock.after(this.#heirs, () => {
      if (machine.voter?.hasAuthority()) this.#totals.rootKills++
      machine.crash(this.#heirs % 2 === 0)
      this.#clock.after(700, () => machine.start())
    })
  }

  #join(machine: Machine, others: readonly { readonly name: string }[] = [...this.#machines, ...this.#leaves]): void {
    for (const other of others) {
      this.#network.heal(other.name, machine.name)
      this.#network.heal(machine.name, other.name)
    }
  }

  // ---- healing ----

  #heal(): void {
    this.#journal.note("--", "everything heals")
    this.#nearMiss = undefined
    this.#heirs = 0
    this.#network.healAll()
    this.#network.weather = fairWeather
    if (this.#store !== undefined) {
      this.#store.available = true
      this.#store.slowMs = 0
    }
    for (const machine of this.#machines) {
      machine.resume()
      machine.disk.slowMs = 0
    }
    // Faults that were still under way end by themselves, and start what they stopped.
    this.#clock.after(6100, () => {
      this.#network.healAll()
      this.#network.weather = fairWeather
      for (const machine of this.#machines) {
        machine.resume()
        machine.start()
      }
    })
    this.#advance(this.#clock.now() + 6200)
  }

  #settle(): void {
    const until = this.#clock.now() + healedWithinMs
    while (this.#clock.now() < until && !this.#isSettled()) {
      if (this.#o.hasty === true && this.#journal.violations.length > 0) return
      this.#clock.advance(100)
    }
    if (!this.#isSettled())
      this.#journal.violated("liveness", `no quiet tree ${healedWithinMs} ms after healing: ${this.#unrest()}`)
    for (const leaf of this.#leaves) leaf.stop()
    this.#clock.advance(4000)
    const waiting = this.#leaves.filter(leaf => leaf.pending > 0)
    if (waiting.length > 0)
      this.#journal.violated(
        "liveness",
        `${waiting.map(leaf => `${leaf.name} waits for ${leaf.pending}`).join(", ")} 4 s after the last message`,
      )
  }

  #isSettled(): boolean {
    return this.#unrest() === ""
  }

  /** What is not as it should be; empty when all is. */
  #unrest(): string {
    const roots = this.#machines.filter(machine => machine.voter?.hasAuthority())
    if (roots.length !== 1) return `${roots.length} roots`
    if (!this.#operator.isDone(this.#machines)) return `voters are ${describeRecord(roots[0]!.voter!.record)}`
    const root = roots[0]!.voter!
    for (const machine of this.#operator.wanted) {
      const { voter } = machine
      if (voter === undefined) return `${machine.name} is down`
      if (voter !== root && voter.root?.epoch !== root.reignEpoch)
        return `${machine.name} obeys ${voter.root?.epoch ?? "nobody"}, not ${root.reignEpoch}`
    }
    return ""
  }

  #judge(): void {
    this.#oracle.judge()
    const root = this.#root()?.voter
    if (root === undefined) return
    for (const machine of this.#operator.wanted) {
      const log = machine.voter?.log
      if (log !== undefined && (log.last.number !== root.log.last.number || log.committed !== root.log.committed))
        this.#journal.violated(
          "convergence",
          `${machine.name} has ${log.last.number} (${log.committed}), the root ${root.log.last.number} (${root.log.committed})`,
        )
      if (log !== undefined && log.length > 2 * this.#plan.keptEntries + 2000)
        this.#journal.violated("bounded", `${machine.name} keeps ${log.length} entries`)
    }
    for (const stream of this.#streams) {
      const order = this.#oracle.stream(stream)
      for (const leaf of this.#leaves) {
        const heard = leaf.heard(stream)
        const wrong = order.findIndex(
          (entry, i) => heard[i]?.epoch !== entry.epoch || heard[i]?.number !== entry.number,
        )
        if (wrong >= 0 || heard.length !== order.length)
          this.#journal.violated(
            "same order",
            `${leaf.name} heard ${heard.length} of ${stream}, ${order.length} are in order; the first other one is ${wrong + 1}`,
          )
      }
    }
  }

  outcome(): ElectionOutcome {
    for (const { voter } of this.#machines) {
      if (voter === undefined) continue
      this.#totals.candidacies += voter.counters.candidacies
      this.#totals.fetches += voter.counters.fetches
      this.#totals.snapshots += voter.counters.snapshotsSent
    }
    const { seed } = this.#o
    const { violations } = this.#journal
    return {
      seed,
      hash: `${this.#network.trace.hash}${this.#journal.hash}`,
      violations,
      script: this.#script,
      endpoints: this.#machines.length + this.#leaves.length,
      virtualMs: this.#clock.now(),
      promotions: this.#promotions,
      counts: {
        ...this.#oracle.counts,
        ...this.#totals,
        lostWrites: this.#machines.reduce((sum, machine) => sum + machine.disk.lostWrites, 0),
        frames: this.#network.counters.delivered,
      },
      report: (lines = 60, about) =>
        [
          `seed ${seed}: ${violations.length === 0 ? "all promises kept" : `${violations.length} promises broken`}`,
          `plan ${JSON.stringify(this.#plan)}`,
          ...this.#script.map(describeElectionFault),
          ...violations
            .slice(0, 12)
            .map(({ atMs, invariant, what }) => `  ${invariant} at ${atMs.toFixed(2)}: ${what}`),
          "last of the journal:",
          ...this.#journal.tail(lines, about),
          `again: npm run simulate -- --election --seed ${seed}`,
        ].join("\n"),
    }
  }
}

function throughOctets(frame: VoterFrame): VoterFrame {
  return decodeVoterFrame(encodeVoterFrame(frame))!
}

/** What the seed says: the tree, its faults, and the chance of everything else. */
export function drawElection(seed: number): {
  readonly plan: ElectionPlan
  readonly script: readonly ElectionFault[]
  readonly random: SeededRandom
} {
  const random = new SeededRandom(seed)
  const plan = drawPlan(random.fork())
  const script = drawElectionScript(random.fork(), {
    machines: plan.voters + plan.spares,
    fromMs: stormFromMs,
    untilMs: stormUntilMs,
    least: 6,
    most: 18,
  })
  return { plan, script, random: random.fork() }
}

function drawPlan(random: SeededRandom): ElectionPlan {
  const voters = [1, 2, 3, 3, 3, 3, 5, 5][random.below(8)]!
  const spares = random.below(3)
  const drifts = random.below(2) === 0
  return {
    voters,
    spares,
    leaves: 1 + random.below(3),
    external: random.below(3) === 0,
    direct: random.below(4) > 0,
    replicatedLeaves: random.below(2) === 0,
    intervalMs: [60, 150, 400][random.below(3)]!,
    syncMs: [
      { min: 0.1, max: 0.5 },
      { min: 0.5, max: 4 },
      { min: 2, max: 25 },
    ][random.below(3)]!,
    keptEntries: [8, 64, 100_000][random.below(3)]!,
    batchEntries: [1, 16, 256][random.below(3)]!,
    weather: random.below(2) === 0 ? fairWeather : drawWeather(random),
    rates: Array.from({ length: voters + spares }, () => (drifts ? 1 + (random.float() * 2 - 1) * driftMax : 1)),
  }
}
