/** What the election does with root records, which `coordination` defines: who is root of which tree, and who may decide that. */
import {
  type GenerationId,
  type RootPlace,
  type RootRecord,
  type VoterEntry,
  type VoterId,
  votersMax,
} from "../../coordination/root-record.ts"
import { ZincError } from "../../core/errors.ts"
import { newEndpointId } from "../../core/id.ts"
import type { Random } from "../../core/random.ts"

export { type GenerationId, type RootPlace, type RootRecord, type VoterEntry, type VoterId, votersMax }

export function newVoterId(random: Random): VoterId {
  return newEndpointId(random)
}

export function newGenerationId(random: Random): GenerationId {
  return newEndpointId(random)
}

/** From this many on the tree survives the loss of one, and a root needs a lease. */
export const votersForPromotion = 3

export function majorityOf(count: number): number {
  return (count >> 1) + 1
}

/** A majority of the configured voters, not of those alive, fulfils `holds`. */
export function isMajority(voters: readonly VoterEntry[], holds: (id: VoterId) => boolean): boolean {
  let count = 0
  for (const { voterId } of voters) if (holds(voterId)) count++
  return voters.length > 0 && count >= majorityOf(voters.length)
}

export function isVoter(record: RootRecord, id: VoterId): boolean {
  return entryOf(record, id) !== undefined
}

export function entryOf(record: RootRecord, id: VoterId): VoterEntry | undefined {
  return record.voters.find(voter => voter.voterId === id)
}

/** With fewer than three voters nobody is promoted against the root's will, so it needs no lease. */
export function needsLease(record: RootRecord): boolean {
  return record.voters.length >= votersForPromotion
}

/** The record with one voter more. Majorities before and after share a voter. */
export function withVoter(record: RootRecord, voter: VoterEntry): RootRecord {
  if (isVoter(record, voter.voterId)) throw new ZincError("BadOption", `voter ${voter.voterId} is one already`)
  if (record.voters.length >= votersMax)
    throw new ZincError("Full", `the tree has ${votersMax} voters; remove one before adding ${voter.voterId}`)
  return { ...record, revision: record.revision + 1, voters: [...record.voters, voter] }
}

/** The record with one voter less. */
export function withoutVoter(record: RootRecord, id: VoterId): RootRecord {
  if (!isVoter(record, id)) throw new ZincError("BadOption", `${id} is no voter`)
  if (record.voters.length === 1)
    throw new ZincError("BadOption", `${id} is the only voter; add another before removing it`)
  return { ...record, revision: record.revision + 1, voters: record.voters.filter(voter => voter.voterId !== id) }
}

/** The record with a voter of the set found elsewhere than before. The set stays what it is. */
export function withVoterMoved(record: RootRecord, voter: VoterEntry): RootRecord {
  if (!isVoter(record, voter.voterId)) throw new ZincError("BadOption", `${voter.voterId} is no voter`)
  return { ...record, revision: record.revision + 1, voters: moved(record.voters, voter) }
}

/** The record under the reign of that root. If it is found elsewhere than before, the set says so. */
export function underRoot(record: RootRecord, epoch: number, root: RootPlace): RootRecord {
  const { id: _, ...entry } = root
  return { ...record, revision: record.revision + 1, epoch, root, voters: moved(record.voters, entry) }
}

function moved(voters: readonly VoterEntry[], voter: VoterEntry): readonly VoterEntry[] {
  return voters.map(each => (each.voterId === voter.voterId ? voter : each))
}

/** The record of a tree that begins now. */
export function foundingRecord(tree: string, generation: GenerationId, founder: RootPlace): RootRecord {
  const { id: _, ...entry } = founder
  return { tree, generation, revision: 1, epoch: 1, root: founder, voters: [entry] }
}
