/** What a voter must not forget, and the contract of where it is kept. */

import type { OrderedEntry } from "./ordered-entry.ts"
import { emptySnapshot, type LogSnapshot } from "./ordered-log.ts"
import type { RootRecord, VoterId } from "./root-record.ts"

/** Numbers the tries to change an embedded record; higher ones win. */
export interface Ballot {
  readonly counter: number
  readonly voter: VoterId
}

export function compareBallots(a: Ballot, b: Ballot): number {
  return a.counter - b.counter || (a.voter < b.voter ? -1 : a.voter > b.voter ? 1 : 0)
}

export interface VoteMemory {
  /** How often this voter has been opened. Rises before anything is sent. */
  readonly incarnation: number
  /** The highest epoch signed or obeyed, and for whom. Nothing of a lower epoch is accepted. */
  readonly signed: { readonly epoch: number; readonly candidate: VoterId | undefined }
  /** The newest root record known to hold. */
  readonly record: RootRecord | undefined
  /** As keeper of an embedded record: the highest ballot promised, and what was accepted last. */
  readonly promised: Ballot | undefined
  readonly accepted: { readonly ballot: Ballot; readonly record: RootRecord } | undefined
  readonly snapshot: LogSnapshot
  readonly entries: readonly OrderedEntry[]
}

export const freshMemory: VoteMemory = {
  incarnation: 0,
  signed: { epoch: 0, candidate: undefined },
  record: undefined,
  promised: undefined,
  accepted: undefined,
  snapshot: emptySnapshot,
  entries: [],
}

export type VoteChange =
  | { readonly type: "incarnation"; readonly incarnation: number }
  | { readonly type: "signed"; readonly epoch: number; readonly candidate: VoterId }
  | { readonly type: "record"; readonly record: RootRecord }
  | { readonly type: "promised"; readonly ballot: Ballot }
  | { readonly type: "accepted"; readonly ballot: Ballot; readonly record: RootRecord }
  | { readonly type: "append"; readonly entries: readonly OrderedEntry[] }
  | { readonly type: "truncate"; readonly after: number }
  /** Replaces everything up to its place; entries after it stay if they follow from it. */
  | { readonly type: "snapshot"; readonly snapshot: LogSnapshot; readonly keepsRest: boolean }

/**
 * Keeps a voter's memory. Changes are kept in the order in which they were given: after a crash a beginning of them is
 * there, and at least all whose `done` has been called.
 */
export interface VoteStorage {
  /** `done` is called when this change, and all before it, survive a crash of the machine. Never before `write` returns. */
  write(change: VoteChange, done?: () => void): void
}

/** What the memory is after the changes. Shared by all storages, so that they cannot differ. */
export function remember(memory: VoteMemory, changes: readonly VoteChange[]): VoteMemory {
  const ledger = new VoteLedger(memory)
  for (const change of changes) ledger.apply(change)
  return ledger.memory
}

/** A memory to which changes are applied one by one, without copying it. */
export class VoteLedger {
  #memory: { -readonly [K in keyof VoteMemory]: VoteMemory[K] }
  #entries: OrderedEntry[]

  constructor(memory: VoteMemory = freshMemory) {
    this.#memory = { ...memory }
    this.#entries = [...memory.entries]
  }

  /** As of now; later changes do not show in it. */
  get memory(): VoteMemory {
    return { ...this.#memory, entries: [...this.#entries] }
  }

  get incarnation(): number {
    return this.#memory.incarnation
  }

  apply(change: VoteChange): void {
    const next = this.#memory
    switch (change.type) {
      case "incarnation":
        next.incarnation = change.incarnation
        break
      case "signed":
        next.signed = { epoch: change.epoch, candidate: change.candidate }
        break
      case "record":
        next.record = change.record
        break
      case "promised":
        next.promised = change.ballot
        break
      case "accepted":
        next.promised = change.ballot
        next.accepted = { ballot: change.ballot, record: change.record }
        break
      case "append":
        for (const entry of change.entries) this.#entries.push(entry)
        break
      case "truncate": {
        // The last entries have the highest numbers.
        while (this.#entries.length > 0 && this.#entries.at(-1)!.number > change.after) this.#entries.pop()
        break
      }
      case "snapshot": {
        const { at } = change.snapshot
        next.snapshot = change.snapshot
        this.#entries = change.keepsRest ? this.#entries.filter(entry => entry.number > at.number) : []
        break
      }
    }
  }
}
