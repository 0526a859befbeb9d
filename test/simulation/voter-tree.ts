/** A tree of voters made by hand, for scenarios: machines, their network, and what each has told. */
import type { ElectionEvent, ElectionRules } from "../../src/cluster/election/index.ts"
import { SeededRandom, SimulatedClock } from "../../src/core/index.ts"
import type { MachineFrame } from "../../src/testing/simulation/election/leaf-frame.ts"
import { Machine } from "../../src/testing/simulation/election/machine.ts"
import { MachineNetwork } from "../../src/testing/simulation/election/machine-network.ts"
import { Oracle } from "../../src/testing/simulation/election/oracle.ts"
import { RecordStore } from "../../src/testing/simulation/election/record-store.ts"
import { Journal } from "../../src/testing/simulation/index.ts"

export interface VoterTreeOptions {
  /** How many of the machines vote; the first founds. */
  readonly voters: number
  /** How many machines there are. Default: as many as vote. */
  readonly machines?: number
  readonly external?: boolean
  readonly direct?: boolean
  readonly rules?: Partial<ElectionRules>
  readonly seed?: number
}

export class VoterTree {
  readonly clock: SimulatedClock = new SimulatedClock()
  readonly journal: Journal = new Journal(this.clock)
  readonly oracle: Oracle = new Oracle(this.journal)
  readonly network: MachineNetwork<MachineFrame>
  readonly store: RecordStore | undefined
  readonly machines: Machine[] = []
  readonly told: Map<Machine, ElectionEvent[]> = new Map()
  #sequence = 0

  constructor(options: VoterTreeOptions) {
    const { voters, machines = voters, external = false, direct = true, rules = {}, seed = 1 } = options
    const random = new SeededRandom(seed)
    this.network = new MachineNetwork(this.clock, random.fork())
    this.store = external
      ? new RecordStore(this.clock, random.fork(), record => this.oracle.recorded(record))
      : undefined
    for (let number = 1; number <= machines; number++) {
      const machine = new Machine({
        name: `v${number}`,
        number,
        clock: this.clock,
        random: random.fork(),
        network: this.network,
        journal: this.journal,
        oracle: this.oracle,
        leaves: [],
        store: this.store,
        direct,
        syncMs: { min: 0.5, max: 2 },
        rules,
        timing: {},
        limits: {},
        wire: frame => frame,
        onEvent: (who, event) => this.told.get(who)!.push(event),
      })
      this.machines.push(machine)
      this.told.set(machine, [])
      machine.start()
    }
    this.run(20)
    this.machine(1).voter!.found(() => {})
    this.until(() => this.machine(1).voter!.hasAuthority())
    for (let number = 2; number <= voters; number++) {
      this.machine(1).voter!.addVoter(this.machine(number).entry)
      this.until(
        () => this.told.get(this.machine(1))!.filter(each => each.type === "votersChanged").length === number - 1,
      )
    }
    this.run(300)
  }

  machine(number: number): Machine {
    return this.machines[number - 1]!
  }
  /** Those that have authority now. */
  get roots(): Machine[] {
    return this.machines.filter(machine => machine.voter?.hasAuthority())
  }
  get root(): Machine {
    if (this.roots.length !== 1) throw new Error(`${this.roots.length} machines have authority`)
    return this.roots[0]!
  }

  run(ms: number): void {
    this.clock.advance(ms)
  }

  /** Virtual milliseconds until that holds; throws after `limitMs`. */
  until(holds: () => boolean, limitMs = 10_000): number {
    const from = this.clock.now()
    while (!holds()) {
      if (this.clock.now() - from > limitMs) throw new Error(`not within ${limitMs} virtual ms`)
      this.clock.advance(1)
    }
    return this.clock.now() - from
  }

  /** Proposes the next message of one origin to that machine. What came of it. */
  order(machine: Machine): string {
    const sequence = this.#sequence + 1
    const proposal = { stream: "s", origin: "o", sequence, lowest: sequence, payload: new Uint8Array(0) }
    const { type } = machine.voter!.order(proposal)
    if (type === "ordered") this.#sequence++
    return type
  }

  cutOff(machine: Machine): void {
    for (const other of this.machines) {
      if (other === machine) continue
      this.network.cut(machine.name, other.name)
      this.network.cut(other.name, machine.name)
    }
  }

  types(machine: Machine): string[] {
    return this.told.get(machine)!.map(event => event.type)
  }
}
