/** Who sees to it that the right machines vote: asks whoever is root, again and again, for the next change. */
import { votersMax } from "../../../cluster/election/root-record.ts"
import type { Machine } from "./machine.ts"

export class Operator {
  /** The machines that are to vote. */
  wanted: Set<Machine>

  constructor(wanted: readonly Machine[]) {
    this.wanted = new Set(wanted)
  }

  /** One step towards what is wanted, if there is a root that can make it. */
  step(machines: readonly Machine[]): void {
    const root = machines.find(machine => !machine.paused && machine.voter?.hasAuthority())
    const record = root?.voter?.record
    if (root === undefined || record === undefined) return
    const missing = [...this.wanted].find(
      machine => machine.up && !record.voters.some(voter => voter.voterId === machine.id),
    )
    // A machine that lost its folder has its old voter in the set besides.
    if (missing !== undefined && record.voters.length < votersMax) {
      root.voter!.addVoter(missing.entry)
      return
    }
    const surplus = record.voters.find(voter => ![...this.wanted].some(machine => machine.id === voter.voterId))
    if (surplus === undefined) return
    if (surplus.voterId === root.id) root.voter!.handOver({ leaving: true })
    else root.voter!.removeVoter(surplus.voterId)
  }

  /** Whether the record is what is wanted. */
  isDone(machines: readonly Machine[]): boolean {
    const record = machines.find(machine => machine.voter?.hasAuthority())?.voter?.record
    return (
      record !== undefined &&
      record.voters.length === this.wanted.size &&
      [...this.wanted].every(machine => record.voters.some(voter => voter.voterId === machine.id))
    )
  }
}
