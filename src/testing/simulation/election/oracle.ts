/**
 * Sees everything and judges at once: one root per epoch, epochs rise, no act below a reign that is open, signatures
 * kept, and nothing committed or acknowledged ever lost or changed.
 */
import type { OrderedEntry, RootRecord, Voter, VoterFrame, VoterId } from "../../../cluster/election/index.ts"
import type { Journal } from "../journal.ts"

export interface OracleCounts {
  reigns: number
  acts: number
  committed: number
  ackedReplicated: number
  ackedRooted: number
  /** Acknowledged as rooted and not in the tree's log: allowed, and counted. */
  lostRooted: number
  rewinds: number
}

export class Oracle {
  readonly counts: OracleCounts = {
    reigns: 0,
    acts: 0,
    committed: 0,
    ackedReplicated: 0,
    ackedRooted: 0,
    lostRooted: 0,
    rewinds: 0,
  }
  readonly #journal: Journal
  /** Who opened which epoch. */
  readonly #reigns = new Map<number, string>()
  #openEpoch = 0
  /** The one log of all that is committed, by number. */
  readonly committed: OrderedEntry[] = []
  /** Per stream and origin the last number committed. */
  readonly #sequences = new Map<string, number>()
  readonly #orders = new Map<string, number>()
  readonly #signed = new Map<VoterId, { readonly epoch: number; readonly candidate: string }>()
  readonly #acked: { readonly key: string; readonly sequence: number; readonly tier: "rooted" | "replicated" }[] = []
  readonly #places = new Set<string>()
  #record: RootRecord | undefined
  /** Hears of each signature that is sent. */
  onSignature: (signer: VoterId, candidate: VoterId) => void = () => {}

  constructor(journal: Journal) {
    this.#journal = journal
  }

  get openEpoch(): number {
    return this.#openEpoch
  }

  /** A voter says something to another. */
  said(to: VoterId, { from, message }: VoterFrame): void {
    if (message.type === "signature" && message.granted) {
      const known = this.#signed.get(from)
      if (known !== undefined && known.epoch === message.epoch && known.candidate !== to)
        this.#violated(
          "one signature",
          `${name(from)} signed ${message.epoch} for ${name(to)} and ${name(known.candidate)}`,
        )
      if (known !== undefined && known.epoch > message.epoch)
        this.#violated("one signature", `${name(from)} signed ${message.epoch} after ${known.epoch}`)
      if (known === undefined || known.epoch < message.epoch)
        this.#signed.set(from, { epoch: message.epoch, candidate: to })
      this.onSignature(from, to)
    } else if (message.type === "appended" && message.accepted) {
      const known = this.#signed.get(from)
      if (known !== undefined && known.epoch > message.epoch)
        this.#violated("fence", `${name(from)} obeyed ${message.epoch} after it had signed ${known.epoch}`)
    }
  }

  /** A reign was opened. */
  opened(who: string, epoch: number, voter: Voter): void {
    this.counts.reigns++
    const other = this.#reigns.get(epoch)
    if (other !== undefined) this.#violated("one root per epoch", `${who} opened ${epoch}, and so did ${other}`)
    this.#reigns.set(epoch, who)
    if (epoch <= this.#openEpoch) this.#violated("epochs rise", `${who} opened ${epoch} after ${this.#openEpoch}`)
    this.#openEpoch = Math.max(this.#openEpoch, epoch)
    const { log } = voter
    for (let number = Math.max(log.base.number + 1, 1); number <= this.committed.length; number++) {
      const position = log.positionOf(number)
      if (position?.epoch === this.committed[number - 1]!.epoch) continue
      this.#violated("committed is kept", `${who} opened ${epoch} without ${describe(this.committed[number - 1]!)}`)
      break
    }
  }

  /** Somebody acted as root: ordered, acknowledged, announced. */
  acted(who: string, epoch: number, act: string): void {
    this.counts.acts++
    if (epoch < this.#openEpoch)
      this.#violated("authority", `${who} ${act} under ${epoch} although ${this.#openEpoch} is open`)
  }

  /** A voter holds these as committed. */
  sawCommitted(who: string, entries: readonly OrderedEntry[]): void {
    for (const entry of entries) {
      const known = this.committed[entry.number - 1]
      if (known !== undefined) {
        if (!same(known, entry))
          this.#violated("prefix", `${who} holds ${describe(entry)} as committed, others ${describe(known)}`)
        continue
      }
      if (entry.number !== this.committed.length + 1) {
        this.#violated("prefix", `${who} committed ${describe(entry)} after ${this.committed.length}`)
        continue
      }
      this.committed.push(entry)
      this.counts.committed++
      if (entry.kind !== "message") continue
      const key = `${entry.stream} ${entry.origin}`
      const last = this.#sequences.get(key) ?? 0
      if (entry.sequence <= last) this.#violated("once and in order", `${describe(entry)} after ${last} of ${key}`)
      this.#sequences.set(key, entry.sequence)
      this.#places.add(`${key} ${entry.sequence}`)
      const order = (this.#orders.get(entry.stream) ?? 0) + 1
      if (entry.order !== order) this.#violated("order", `${describe(entry)} is number ${entry.order}, not ${order}`)
      this.#orders.set(entry.stream, entry.order)
    }
  }

  /** An origin was told that everything of its up to that number is safe. */
  acked(origin: string, stream: string, sequence: number, tier: "rooted" | "replicated"): void {
    const key = `${stream} ${origin}`
    if (tier === "rooted") this.counts.ackedRooted++
    else {
      this.counts.ackedReplicated++
      if (!this.#places.has(`${key} ${sequence}`))
        this.#violated("acknowledged is kept", `${key} ${sequence} was acknowledged and is not committed`)
    }
    this.#acked.push({ key, sequence, tier })
  }

  /** The record was changed. */
  recorded(record: RootRecord): void {
    const known = this.#record
    if (known !== undefined && record.epoch < known.epoch)
      this.#violated("record", `the record fell from epoch ${known.epoch} to ${record.epoch}`)
    this.#record = record
  }

  rewound(): void {
    this.counts.rewinds++
  }

  /** At the end: what was acknowledged is in the log of whoever is root now. */
  judge(): void {
    for (const { key, sequence, tier } of this.#acked) {
      if (this.#places.has(`${key} ${sequence}`)) continue
      if (tier === "rooted") this.counts.lostRooted++
      else this.#violated("acknowledged is kept", `${key} ${sequence} was acknowledged and is lost`)
    }
  }

  /** The order of a stream, as committed. */
  stream(name: string): OrderedEntry[] {
    return this.committed.filter(entry => entry.kind === "message" && entry.stream === name)
  }

  #violated(invariant: string, what: string): void {
    this.#journal.violated(invariant, what)
  }
}

function same(a: OrderedEntry, b: OrderedEntry): boolean {
  return a.epoch === b.epoch && a.stream === b.stream && a.origin === b.origin && a.sequence === b.sequence
}

function describe(entry: OrderedEntry): string {
  return `${entry.epoch}:${entry.number} (${entry.kind} ${entry.stream} ${entry.origin} ${entry.sequence})`
}

/** A voter's id as people read it: ids of the simulator begin with the machine's number. */
export function name(id: string): string {
  return `v${Number.parseInt(id.slice(0, 4), 16)}${id.slice(4, 8) === "0000" ? "" : `/${Number.parseInt(id.slice(4, 8), 16)}`}`
}
