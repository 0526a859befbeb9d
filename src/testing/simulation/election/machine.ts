/** A machine that votes: its disk, its clock, and the life of a voter on it, which serves leaves while it is root. */
import {
  type ElectionEvent,
  type ElectionRules,
  type ElectionTiming,
  EmbeddedKeeper,
  type LogLimits,
  type OrderedEntry,
  type RootRecord,
  Voter,
  type VoterEntry,
  type VoterFrame,
  type VoterId,
} from "../../../cluster/election/index.ts"
import type { Clock, Timer } from "../../../core/clock.ts"
import type { SeededRandom } from "../../../core/random.ts"
import type { SimulatedClock } from "../../../core/simulated-clock.ts"
import type { Journal } from "../journal.ts"
import type { LeafFrame, MachineFrame } from "./leaf-frame.ts"
import type { MachineNetwork, Resident } from "./machine-network.ts"
import { name as nameOf, type Oracle } from "./oracle.ts"
import type { RecordStore } from "./record-store.ts"
import { VoteDisk } from "./vote-disk.ts"

export interface MachineOptions {
  readonly name: string
  /** From 1; its voter ids begin with it. */
  readonly number: number
  readonly clock: SimulatedClock
  readonly random: SeededRandom
  readonly network: MachineNetwork<MachineFrame>
  readonly journal: Journal
  readonly oracle: Oracle
  readonly leaves: readonly string[]
  /** Undefined: the voters keep the record. */
  readonly store: RecordStore | undefined
  readonly direct: boolean
  readonly syncMs: { readonly min: number; readonly max: number }
  readonly rules: Partial<ElectionRules>
  readonly timing: Partial<ElectionTiming>
  readonly limits: Partial<LogLimits>
  /** Every frame passes here before it travels: a test of the wire form. */
  readonly wire: (frame: VoterFrame) => VoterFrame
  readonly onEvent: (machine: Machine, event: ElectionEvent) => void
}

const tree = "sim"

export class Machine {
  readonly name: string
  readonly disk: VoteDisk
  readonly #o: MachineOptions
  #voter: Voter | undefined
  #rate = 1
  #lives = 0
  #folders = 0
  #paused = false
  #startedAt = 0
  #id: VoterId
  #marks: Timer | undefined

  constructor(options: MachineOptions) {
    this.#o = options
    this.name = options.name
    this.#id = idOf(options.number, 0)
    this.disk = new VoteDisk({
      clock: options.clock,
      random: options.random.fork(),
      node: options.network.node(options.name),
      syncMs: options.syncMs,
    })
  }

  get voter(): Voter | undefined {
    return this.#voter
  }
  get up(): boolean {
    return this.#voter !== undefined
  }
  /** When this life began, in virtual milliseconds. */
  get startedAt(): number {
    return this.#startedAt
  }
  get paused(): boolean {
    return this.#paused
  }
  /** The lasting id of the data folder. */
  get id(): VoterId {
    return this.#id
  }
  get entry(): VoterEntry {
    return { voterId: this.#id, addresses: [`sim://${this.name}`], direct: this.#o.direct }
  }
  get #node() {
    return this.#o.network.node(this.name)
  }

  // ---- what happens to it ----

  start(): void {
    if (this.up) return
    const { network, journal, store, random } = this.#o
    this.#startedAt = this.#o.clock.now()
    const life = `${this.name}.${++this.#lives}`
    journal.note(life, "starts")
    const node = this.#node
    const resident: Resident<MachineFrame> = {
      receive: (from, frame) => {
        if (this.#voter !== voter) return
        if ("voter" in frame) voter.receive(frame.voter)
        else this.#onLeaf(from, frame.leaf)
      },
      linkClosed: peer => {
        const id = this.#idOf(peer)
        if (this.#voter === voter && id !== undefined) voter.linkClosed(id)
      },
    }
    network.settle(this.name, resident)
    const { clock } = node
    clock.drift(this.#rate)
    const memory = this.disk.memory()
    const voter: Voter = new Voter({
      tree,
      self: this.entry,
      clock,
      random: random.fork(),
      links: {
        send: (to, frame) => {
          this.#o.oracle.said(to.voterId, frame)
          network.send(this.name, machineOf(to.voterId), { voter: this.#o.wire(frame) })
        },
        redial: to => {
          const peer = machineOf(to.voterId)
          network.dial(this.name, peer, result => {
            if (this.#voter === voter) voter.redialed(to.voterId, result)
          })
        },
      },
      storage: this.disk,
      memory,
      keeper: state =>
        store === undefined
          ? new EmbeddedKeeper({ state, storage: this.disk, memory })
          : store.keeper(clock, () => this.#voter === voter),
      listener: event => this.#onEvent(voter, event),
      rules: this.#o.rules,
      timing: this.#o.timing,
      limits: this.#o.limits,
    })
    this.#voter = voter
    voter.start()
    this.#beat(clock, voter)
  }

  #beat(clock: Clock, voter: Voter): void {
    this.#marks = clock.after(250, () => {
      if (this.#voter !== voter) return
      this.#beat(clock, voter)
      this.#mark(voter)
    })
  }

  crash(silent: boolean): void {
    const voter = this.#voter
    if (voter === undefined) return
    this.#o.journal.note(this.name, "crashes", silent ? "silently" : "")
    this.#voter = undefined
    this.#paused = false
    this.#marks?.cancel()
    voter.end()
    this.disk.crash()
    this.#o.network.crash(this.name, silent)
  }

  /** Its data folder is lost: what comes back is another voter. Only while it is down. */
  wipe(): void {
    this.#o.journal.note(this.name, "loses its data folder")
    this.disk.wipe()
    this.#id = idOf(this.#o.number, ++this.#folders)
  }

  pause(): void {
    if (!this.up) return
    this.#paused = true
    this.#o.journal.note(this.name, "is paused")
    this.#node.pause()
  }
  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#o.journal.note(this.name, "resumes")
    this.#node.resume()
  }

  /** Its clock runs at that rate from now on. */
  drift(rate: number): void {
    this.#rate = rate
    if (this.up) this.#node.clock.drift(rate)
  }

  // ---- serving leaves while it is root ----

  #onEvent(voter: Voter, event: ElectionEvent): void {
    const { journal, oracle } = this.#o
    switch (event.type) {
      case "opened":
        journal.note(this.name, "opened", event.epoch, "at", event.at.number)
        oracle.opened(this.name, event.epoch, voter)
        this.#o.onEvent(this, event)
        this.#mark(voter)
        return
      case "committed":
        oracle.sawCommitted(this.name, event.entries)
        this.#acknowledge(voter, event.entries)
        return
      case "appended":
        return
      default:
        journal.note(this.name, () =>
          JSON.stringify(event, (_, value) => (typeof value === "string" ? shorten(value) : value)),
        )
        this.#o.onEvent(this, event)
    }
  }

  #mark(voter: Voter): void {
    const epoch = voter.reignEpoch
    if (epoch === undefined || !voter.hasAuthority()) return
    this.#act(epoch, "announced its streams")
    const places = voter.log.table.places()
    for (const leaf of this.#o.leaves) this.#tell(leaf, { type: "mark", epoch, places })
  }

  #acknowledge(voter: Voter, entries: readonly OrderedEntry[]): void {
    const epoch = voter.reignEpoch
    if (epoch === undefined || !voter.hasAuthority()) return
    for (const { kind, stream, origin, sequence } of entries) {
      if (kind !== "message") continue
      this.#act(epoch, `acknowledged ${origin} ${sequence}`)
      this.#tell(origin, { type: "ack", epoch, stream, sequence, tier: "replicated" })
    }
  }

  #onLeaf(from: string, frame: LeafFrame): void {
    const voter = this.#voter!
    if (frame.type === "submit") {
      const { stream, sequence, lowest } = frame
      const outcome = voter.order({ stream, origin: from, sequence, lowest, payload: nothing })
      const epoch = voter.reignEpoch ?? 0
      if (outcome.type === "ordered") {
        this.#act(epoch, `ordered ${stream} ${from} ${sequence}`)
        for (const leaf of this.#o.leaves) this.#tell(leaf, { type: "order", epoch, entry: outcome.entry })
        this.#tell(from, { type: "ack", epoch, stream, sequence, tier: "rooted" })
      } else if (outcome.type === "duplicate") {
        this.#act(epoch, `acknowledged ${stream} ${from} ${sequence} again`)
        const tier = outcome.number <= voter.log.committed ? "replicated" : "rooted"
        this.#tell(from, { type: "ack", epoch, stream, sequence, tier })
      } else if (outcome.type === "refused") {
        const root = voter.root
        this.#tell(from, { type: "notRoot", root: root === undefined ? undefined : machineOf(root.id) })
      }
    } else if (frame.type === "repair" && voter.hasAuthority()) {
      const epoch = voter.reignEpoch!
      this.#act(epoch, "repaired")
      const { committed } = this.#o.oracle
      // What the log no longer keeps a real root has in its documents; here the one log of all that is committed stands for them.
      const kept = [...committed.slice(0, voter.log.base.number), ...voter.log.from(voter.log.base.number + 1)]
      const lacked = kept.filter(
        entry => entry.kind === "message" && entry.stream === frame.stream && entry.order > frame.after,
      )
      for (const entry of lacked.slice(0, 50)) this.#tell(from, { type: "order", epoch, entry })
    }
  }

  #act(epoch: number, act: string): void {
    this.#o.oracle.acted(this.name, epoch, act)
  }

  #tell(leaf: string, frame: LeafFrame): void {
    this.#o.network.send(this.name, leaf, { leaf: frame })
  }

  #idOf(peer: string): VoterId | undefined {
    const record = this.#voter?.record
    return record?.voters.find(voter => machineOf(voter.voterId) === peer)?.voterId
  }
}

const nothing = new Uint8Array(0)

function idOf(number: number, folder: number): VoterId {
  const hex = (value: number) => value.toString(16).padStart(4, "0")
  return `${hex(number)}${hex(folder)}-0000-4000-8000-000000000000` as VoterId
}

/** The machine whose data folder it is. */
export function machineOf(id: string): string {
  return `v${Number.parseInt(id.slice(0, 4), 16)}`
}

function shorten(text: string): string {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-/.test(text) ? nameOf(text) : text
}

export function describeRecord(record: RootRecord | undefined): string {
  if (record === undefined) return "none"
  return `${record.revision}: epoch ${record.epoch} of ${nameOf(record.root.voterId)} among ${record.voters.map(voter => nameOf(voter.voterId)).join(" ")}`
}
