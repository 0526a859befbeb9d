/**
 * An endpoint below: it sends on ordered streams and hears them, holds to the highest epoch it has heard (T2), rolls back
 * what a new reign does not keep (R5), and keeps its own until they are acknowledged at its tier.
 */
import {
  commonPlaces,
  EpochGate,
  noteRun,
  type OrderedEntry,
  Speech,
  type StreamPlace,
  type StreamRun,
} from "../../../cluster/election/index.ts"
import type { Clock } from "../../../core/clock.ts"
import type { SeededRandom } from "../../../core/random.ts"
import type { Journal } from "../journal.ts"
import type { LeafFrame, MachineFrame } from "./leaf-frame.ts"
import type { Resident } from "./machine-network.ts"
import type { Oracle } from "./oracle.ts"

export interface LeafRules {
  /** T2. */
  readonly epochGate: boolean
  /** R5. */
  readonly rewind: boolean
}

export interface LeafOptions {
  readonly name: string
  readonly clock: Clock
  readonly random: SeededRandom
  readonly oracle: Oracle
  readonly journal: Journal
  readonly voters: readonly string[]
  readonly streams: readonly string[]
  /** Until when it keeps what it has sent. */
  readonly tier: "rooted" | "replicated"
  readonly intervalMs: number
  readonly rules: LeafRules
  send(to: string, frame: LeafFrame): void
}

interface Pending {
  readonly stream: string
  readonly sequence: number
}

interface Heard {
  /** By order number, from 1. */
  readonly entries: OrderedEntry[]
  readonly parked: Map<number, OrderedEntry>
}

/** Own messages kept at most; then it sends nothing new. */
const pendingMax = 60

const nowhere: StreamPlace = { order: 0, runs: [] }

export class Leaf implements Resident<MachineFrame> {
  readonly name: string
  readonly #o: LeafOptions
  readonly #gate = new EpochGate()
  #pending: Pending[] = []
  readonly #sequences = new Map<string, number>()
  readonly #heard = new Map<string, Heard>()
  #target: string
  #epoch = 0
  #heardAt = 0
  #sending = true
  #acknowledged = 0
  #acknowledgedBefore = 0
  /** The highest epoch that any root has spoken with to us. */
  #highest = 0

  constructor(options: LeafOptions) {
    this.#o = options
    this.name = options.name
    this.#target = options.voters[0]!
    for (const stream of options.streams) this.#heard.set(stream, { entries: [], parked: new Map() })
    const { clock, random } = options
    const produce = () => {
      clock.after(options.intervalMs * (0.5 + random.float()), produce)
      if (this.#sending) this.#produce()
    }
    clock.after(random.float() * options.intervalMs, produce)
    clock.every(200, () => this.#look())
  }

  get pending(): number {
    return this.#pending.length
  }
  heard(stream: string): readonly OrderedEntry[] {
    return this.#heard.get(stream)!.entries
  }
  /** Sends nothing new from now on. */
  stop(): void {
    this.#sending = false
  }

  linkClosed(_peer: string): void {}

  receive(from: string, frame: MachineFrame): void {
    if (!("leaf" in frame)) return
    const { leaf } = frame
    switch (leaf.type) {
      case "notRoot":
        if (from === this.#target && leaf.root !== undefined) this.#target = leaf.root
        return
      case "mark":
        if (this.#obeys(Speech.Command, leaf.epoch)) this.#onMark(from, leaf.epoch, leaf.places)
        return
      case "order":
        if (this.#obeys(Speech.Order, leaf.epoch) && leaf.epoch === this.#epoch) this.#onOrder(leaf.entry)
        return
      case "ack":
        if (this.#obeys(Speech.Acknowledgement, leaf.epoch)) this.#onAck(leaf.stream, leaf.sequence, leaf.tier)
    }
  }

  #obeys(speech: Speech, epoch: number): boolean {
    const obeyed = !this.#o.rules.epochGate || this.#gate.admits(speech, epoch)
    if (obeyed && epoch < this.#highest)
      this.#o.journal.violated("lower epoch", `${this.name} obeyed ${epoch} after it had heard ${this.#highest}`)
    this.#highest = Math.max(this.#highest, epoch)
    return obeyed
  }

  // ---- hearing ----

  #onMark(from: string, epoch: number, places: ReadonlyMap<string, StreamPlace>): void {
    this.#heardAt = this.#o.clock.now()
    this.#target = from
    if (epoch !== this.#epoch) {
      this.#epoch = epoch
      for (const [stream, heard] of this.#heard) this.#rewind(heard, places.get(stream) ?? nowhere)
      this.#resend()
    }
    for (const [stream, { order }] of places) {
      const heard = this.#heard.get(stream)
      if (heard !== undefined && heard.entries.length < order)
        this.#o.send(from, { type: "repair", stream, after: heard.entries.length })
    }
  }

  /** Drops what we heard of a reign and the tree did not keep. */
  #rewind(heard: Heard, tree: StreamPlace): void {
    const { entries, parked } = heard
    parked.clear()
    if (!this.#o.rules.rewind) return
    const own: StreamRun[] = []
    for (const entry of entries) noteRun(own, entry.epoch, entry.order)
    const common = commonPlaces({ order: entries.length, runs: own }, tree) ?? 0
    if (common === entries.length) return
    this.#o.oracle.rewound()
    entries.length = common
  }

  #onOrder(entry: OrderedEntry): void {
    const heard = this.#heard.get(entry.stream)!
    if (entry.order <= heard.entries.length) return
    heard.parked.set(entry.order, entry)
    for (;;) {
      const next = heard.parked.get(heard.entries.length + 1)
      if (next === undefined) break
      heard.parked.delete(next.order)
      heard.entries.push(next)
    }
  }

  // ---- sending ----

  #produce(): void {
    const { random, streams } = this.#o
    if (this.#pending.length >= pendingMax) return
    const stream = streams[random.below(streams.length)]!
    const sequence = (this.#sequences.get(stream) ?? 0) + 1
    this.#sequences.set(stream, sequence)
    this.#pending.push({ stream, sequence })
    this.#submit({ stream, sequence })
  }

  #submit({ stream, sequence }: Pending): void {
    const lowest = this.#pending.find(pending => pending.stream === stream)!.sequence
    this.#o.send(this.#target, { type: "submit", stream, sequence, lowest })
  }

  #resend(): void {
    for (const pending of this.#pending) this.#submit(pending)
  }

  /** Nothing heard for a while: somebody else may be root. What is not acknowledged is sent again. */
  #look(): void {
    const { clock, random, voters } = this.#o
    if (clock.now() - this.#heardAt > 800) this.#target = voters[random.below(voters.length)]!
    if (this.#acknowledged === this.#acknowledgedBefore) this.#resend()
    this.#acknowledgedBefore = this.#acknowledged
  }

  #onAck(stream: string, sequence: number, tier: "rooted" | "replicated"): void {
    for (const pending of this.#pending)
      if (pending.stream === stream && pending.sequence <= sequence)
        this.#o.oracle.acked(this.name, stream, pending.sequence, tier)
    this.#acknowledged++
    if (tier !== this.#o.tier && tier !== "replicated") return
    this.#pending = this.#pending.filter(pending => pending.stream !== stream || pending.sequence > sequence)
  }
}
