/**
 * What all parts of a voter share: who we are, what must not be forgotten, our copy of the log, and how we speak. Every
 * change of what is durable goes through here.
 */
import type { Clock } from "../../core/clock.ts"
import type { Random } from "../../core/random.ts"
import { Counter } from "./counter.ts"
import type { ElectionEvent, ElectionListener } from "./election-event.ts"
import type { ElectionRules, ElectionTiming, LogLimits } from "./election-options.ts"
import type { LogPosition, OrderedEntry } from "./ordered-entry.ts"
import { type LogSnapshot, OrderedLog } from "./ordered-log.ts"
import type { RecordKeeper } from "./record-keeper.ts"
import {
  type GenerationId,
  isVoter,
  type RootPlace,
  type RootRecord,
  type VoterEntry,
  type VoterId,
  votersForPromotion,
} from "./root-record.ts"
import type { VoteChange, VoteMemory, VoteStorage } from "./vote-storage.ts"
import type { VoterLinks } from "./voter-links.ts"
import type { VoterMessage } from "./voter-message.ts"

export interface VoterStateOptions {
  readonly tree: string
  readonly self: RootPlace
  readonly clock: Clock
  readonly random: Random
  readonly links: VoterLinks
  readonly storage: VoteStorage
  readonly memory: VoteMemory
  readonly keeper: RecordKeeper
  readonly timing: ElectionTiming
  readonly limits: LogLimits
  readonly rules: ElectionRules
  readonly listener: ElectionListener
}

export class VoterState {
  readonly tree: string
  readonly self: RootPlace
  readonly clock: Clock
  readonly random: Random
  readonly keeper: RecordKeeper
  readonly timing: ElectionTiming
  readonly limits: LogLimits
  readonly rules: ElectionRules
  readonly log: OrderedLog
  /** This life's number. */
  readonly incarnation: number
  readonly counters: Counter = new Counter()
  readonly #links: VoterLinks
  readonly #storage: VoteStorage
  readonly #listener: ElectionListener
  #signed: { readonly epoch: number; readonly candidate: VoterId | undefined }
  #record: RootRecord | undefined
  /** A signature of our own for ourselves that is stored, or being stored, and was given to nobody. */
  #prepared: { readonly epoch: number; isStored: boolean } | undefined
  #highestEpoch: number
  /** Up to here our copy is stored. */
  #stored: number
  /** Appends that are being stored, and how far they will reach. */
  readonly #storing = new Set<{ through: number }>()
  #ended = false

  constructor(options: VoterStateOptions) {
    const { memory } = options
    this.tree = options.tree
    this.self = options.self
    this.clock = options.clock
    this.random = options.random
    this.keeper = options.keeper
    this.timing = options.timing
    this.limits = options.limits
    this.rules = options.rules
    this.#links = options.links
    this.#storage = options.storage
    this.#listener = options.listener
    this.incarnation = memory.incarnation + 1
    this.#signed = memory.signed
    // Accepted but never heard to hold: still a set that differs by one voter at most from the one that does.
    this.#record = memory.record ?? memory.accepted?.record
    this.#highestEpoch = Math.max(memory.signed.epoch, this.#record?.epoch ?? 0)
    this.log = new OrderedLog(memory.snapshot, memory.entries)
    this.#stored = this.log.last.number
  }

  // ---- who we are ----

  get id(): VoterId {
    return this.self.voterId
  }
  get signed(): { readonly epoch: number; readonly candidate: VoterId | undefined } {
    return this.#signed
  }
  get record(): RootRecord | undefined {
    return this.#record
  }
  get generation(): GenerationId | undefined {
    return this.#record?.generation
  }
  /** We are one of the configured voters, as far as we know. */
  get isVoter(): boolean {
    return this.#record !== undefined && isVoter(this.#record, this.id)
  }
  /** The highest epoch heard of, obeyed or not. */
  get highestEpoch(): number {
    return this.#highestEpoch
  }
  get stored(): number {
    return this.#stored
  }
  get ended(): boolean {
    return this.#ended
  }

  now(): number {
    return this.clock.now()
  }

  end(): void {
    this.#ended = true
  }

  // ---- speaking ----

  emit(event: ElectionEvent): void {
    if (!this.#ended) this.#listener(event)
  }

  send(to: VoterEntry, message: VoterMessage): void {
    if (this.#ended) return
    this.#links.send(to, {
      tree: this.tree,
      generation: this.generation,
      from: this.id,
      to: to.voterId,
      incarnation: this.incarnation,
      message,
    })
  }

  redial(to: VoterEntry): void {
    if (!this.#ended) this.#links.redial(to)
  }

  /** The other voters of the record. */
  get others(): readonly VoterEntry[] {
    return this.#record?.voters.filter(voter => voter.voterId !== this.id) ?? []
  }

  // ---- what must not be forgotten ----

  /** Signs or obeys that epoch: nothing lower is accepted from now on. `done` when that is stored: at once if it was prepared. */
  sign(epoch: number, candidate: VoterId, done: () => void): void {
    const prepared = this.#prepared
    this.#prepared = undefined
    this.#signed = { epoch, candidate }
    this.heardEpoch(epoch)
    if (prepared?.isStored && prepared.epoch === epoch && candidate === this.id) done()
    else this.#write({ type: "signed", epoch, candidate }, done)
  }

  /**
   * Stores a signature for ourselves before it is given: until then it binds this life to nothing, and whatever else we
   * sign takes its place. `done` when it is stored, if nothing has.
   */
  prepareSignature(epoch: number, done: () => void): void {
    if (this.#prepared?.isStored && this.#prepared.epoch === epoch) {
      done()
      return
    }
    const prepared = { epoch, isStored: false }
    this.#prepared = prepared
    this.#write({ type: "signed", epoch, candidate: this.id }, () => {
      prepared.isStored = true
      if (this.#prepared === prepared) done()
    })
  }

  /** Stores this life's number. `done` when that, and all that was given to the storage before, is stored. */
  whenStored(done: () => void): void {
    this.#write({ type: "incarnation", incarnation: this.incarnation }, done)
  }

  heardEpoch(epoch: number): void {
    if (epoch > this.#highestEpoch) this.#highestEpoch = epoch
  }

  /** Takes a record that holds or held, if it is newer than ours. */
  learn(record: RootRecord): boolean {
    if (record.revision <= (this.#record?.revision ?? 0)) return false
    const before = this.#record
    this.#record = record
    this.heardEpoch(record.epoch)
    this.#write({ type: "record", record })
    this.emit({ type: "record", record })
    const count = record.voters.length
    if (count < votersForPromotion && count !== before?.voters.length) this.emit({ type: "fewVoters", count })
    if (before !== undefined && isVoter(before, this.id) && !isVoter(record, this.id)) this.emit({ type: "removed" })
    return true
  }

  // ---- the log ----

  /** Adds entries behind the last one. */
  append(entries: readonly OrderedEntry[], done?: () => void): void {
    for (const entry of entries) this.log.append(entry)
    this.#store(entries, done)
  }

  /** Takes over entries that follow `previous`, which our copy has; what conflicts is dropped. */
  merge(previous: LogPosition, entries: readonly OrderedEntry[], epoch: number): void {
    const { added, droppedAfter } = this.log.merge(previous, entries)
    if (droppedAfter !== undefined) this.#rewound(droppedAfter, epoch)
    this.#store(added)
  }

  /** Drops what comes after that number. */
  truncate(after: number, epoch: number): void {
    if (after >= this.log.last.number) return
    this.log.truncate(after)
    this.#rewound(after, epoch)
  }

  install(snapshot: LogSnapshot): void {
    const keepsRest = this.log.positionOf(snapshot.at.number)?.epoch === snapshot.at.epoch
    if (!this.log.install(snapshot)) return
    const through = this.log.last.number
    if (!keepsRest) this.#cutStored(0)
    this.#storingThrough(through, { type: "snapshot", snapshot, keepsRest })
    this.emit({ type: "restored", snapshot })
  }

  /** Everything up to that number is committed. */
  commit(number: number): void {
    const entries = this.log.commit(number)
    if (entries.length === 0) return
    this.emit({ type: "committed", entries, through: entries.at(-1)!.number })
    const { keptEntries, keptBytes } = this.limits
    const { log } = this
    if (log.length > 2 * keptEntries || log.bytesBetween(log.base.number, log.last.number) > 2 * keptBytes) {
      const snapshot = log.compact(keptEntries, keptBytes)
      if (snapshot !== undefined) this.#write({ type: "snapshot", snapshot, keepsRest: true })
    }
  }

  #rewound(after: number, epoch: number): void {
    this.#cutStored(after)
    this.#write({ type: "truncate", after })
    this.emit({ type: "rewound", after, epoch })
  }

  #store(entries: readonly OrderedEntry[], done?: () => void): void {
    if (entries.length === 0) return
    this.#storingThrough(entries.at(-1)!.number, { type: "append", entries }, done)
    this.emit({ type: "appended", entries })
  }

  #storingThrough(through: number, change: VoteChange, done?: () => void): void {
    const storing = { through }
    this.#storing.add(storing)
    if (!this.rules.durableAppend) this.#stored = through
    this.#write(change, () => {
      this.#storing.delete(storing)
      this.#stored = Math.max(this.#stored, storing.through)
      done?.()
    })
  }

  #cutStored(after: number): void {
    this.#stored = Math.min(this.#stored, after)
    for (const storing of this.#storing) storing.through = Math.min(storing.through, after)
  }

  #write(change: VoteChange, done?: () => void): void {
    if (this.#ended) return
    this.#storage.write(
      change,
      done === undefined
        ? undefined
        : () => {
            if (!this.#ended) done()
          },
    )
  }
}
