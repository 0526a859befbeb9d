/** The root record: who is root of which tree, in which reign, and who may decide that. One per tree, changed by compare-and-set only. */
import { ZincError } from "../../core/errors.ts"
import { newEndpointId } from "../../core/id.ts"
import type { Random } from "../../core/random.ts"

declare const voterIdBrand: unique symbol
/** Names a voter for as long as its data folder lasts: sixteen octets written as a UUID. No folder, no vote. */
export type VoterId = string & { readonly [voterIdBrand]: true }

declare const generationIdBrand: unique symbol
/** Drawn when a tree is founded: sixteen octets written as a UUID. Two generations that meet refuse each other. */
export type GenerationId = string & { readonly [generationIdBrand]: true }

export function newVoterId(random: Random): VoterId {
  return newEndpointId(random) as string as VoterId
}

export function newGenerationId(random: Random): GenerationId {
  return newEndpointId(random) as string as GenerationId
}

export interface VoterEntry {
  readonly id: VoterId
  /** Where its control link is dialled. */
  readonly address: string
  /** Nothing stands between us and the process at that address (no proxy, no firewall that rejects), so that a refused dial proves that it has ended. */
  readonly direct: boolean
}

export interface RootRecord {
  readonly tree: string
  readonly generation: GenerationId
  /** Rises by one with every change of the record, so that copies of it can be compared. The first is 1. */
  readonly revision: number
  /** The number of the reign. The first is 1. */
  readonly epoch: number
  readonly root: VoterId
  /** In the order in which they were admitted: their succession. */
  readonly voters: readonly VoterEntry[]
}

/** More voters cost more per decision than they add in safety. */
export const votersMax = 7

/** From this many on the tree survives the loss of one, and a root needs a lease. */
export const votersForPromotion = 3

export function majorityOf(count: number): number {
  return (count >> 1) + 1
}

/** A majority of the configured voters, not of those alive, fulfils `holds`. */
export function isMajority(voters: readonly VoterEntry[], holds: (id: VoterId) => boolean): boolean {
  let count = 0
  for (const { id } of voters) if (holds(id)) count++
  return voters.length > 0 && count >= majorityOf(voters.length)
}

export function isVoter(record: RootRecord, id: VoterId): boolean {
  return record.voters.some(voter => voter.id === id)
}

/** With fewer than three voters nobody is promoted against the root's will, so it needs no lease. */
export function needsLease(record: RootRecord): boolean {
  return record.voters.length >= votersForPromotion
}

/** The record with one voter more. Majorities before and after share a voter. */
export function withVoter(record: RootRecord, voter: VoterEntry): RootRecord {
  if (isVoter(record, voter.id)) throw new ZincError("BadOption", `voter ${voter.id} is one already`)
  if (record.voters.length >= votersMax)
    throw new ZincError("Full", `the tree has ${votersMax} voters; remove one before adding ${voter.id}`)
  return { ...record, revision: record.revision + 1, voters: [...record.voters, voter] }
}

/** The record with one voter less. */
export function withoutVoter(record: RootRecord, id: VoterId): RootRecord {
  if (!isVoter(record, id)) throw new ZincError("BadOption", `${id} is no voter`)
  if (record.voters.length === 1)
    throw new ZincError("BadOption", `${id} is the only voter; add another before removing it`)
  return { ...record, revision: record.revision + 1, voters: record.voters.filter(voter => voter.id !== id) }
}

/** The record of a tree that begins now. */
export function foundingRecord(tree: string, generation: GenerationId, founder: VoterEntry): RootRecord {
  return { tree, generation, revision: 1, epoch: 1, root: founder.id, voters: [founder] }
}
