/** Has a voter's endpoint be what the votes say: root, or a relay below whoever is. */
import type { ZincError } from "../core/errors.ts"
import { type EndpointId, endpointIdToBytes } from "../core/id.ts"
import type { Candidate } from "../endpoint/lineage.ts"
import type { Seat } from "../endpoint/seat.ts"
import { VoterAuthority } from "./election/index.ts"
import type { RootRecord } from "./election/root-record.ts"
import type { Voting } from "./voting/voting.ts"
import type { VotingEvent } from "./voting/voting-event.ts"

export interface GovernorOptions {
  readonly seat: Seat
  readonly voting: Voting
  readonly tree: string
  readonly deliver: "ordered" | "majority"
  /** Another process is this voter. */
  readonly onDouble: (error: ZincError) => void
}

export class Governor {
  readonly #o: GovernorOptions
  readonly #stop: () => void
  /** Where the root is that is followed now. */
  #followed = ""

  constructor(options: GovernorOptions) {
    this.#o = options
    this.#stop = options.voting.on("*", event => this.#heard(event))
    const { root } = options.voting
    if (root !== undefined && !root.self) this.#follow(root.epoch, root.addresses)
  }

  end(): void {
    this.#stop()
  }

  #heard(event: VotingEvent): void {
    const { seat, voting } = this.#o
    switch (event.type) {
      case "reign":
        if (event.self) this.#reign(event.epoch)
        else this.#follow(event.epoch, event.addresses)
        return
      case "recordChanged": {
        // A root that was obeyed before it was known where it is.
        const { root } = event.record
        if (voting.root?.self === true) seat.voters(candidatesOf(event.record))
        if (voting.root?.self === false && voting.root.voterId === root.voterId)
          this.#follow(event.record.epoch, root.addresses)
        return
      }
      case "deposed":
        seat.detach(event.reason)
        return
      case "storageFailed":
        seat.storageFailed(event.error)
        this.#followOthers(event.error.message)
        return
      case "doubleRefused":
        seat.refusedVoter(event.double.name ?? "", "Duplicate", event.reason)
        return
      case "isDouble":
        this.#o.onDouble(event.error)
        return
      case "committed":
        seat.committed(event.through)
        return
    }
  }

  #reign(epoch: number): void {
    const { seat, voting, tree, deliver } = this.#o
    const { record } = voting
    if (record === undefined) return
    this.#followed = ""
    const authority = new VoterAuthority(voting, epoch, () => voting.reignEpoch)
    seat.reign({
      authority,
      inheritance: authority.inheritance(),
      tree,
      generation: generationOf(record),
      voters: candidatesOf(record),
      deliver,
      reason: epoch === 1 ? "it founded the tree" : "a majority of the voters chose it",
    })
  }

  /** Nobody tells it of the next root any more: it goes below whichever voter takes it, and stays where it is below one. */
  #followOthers(reason: string): void {
    const { seat, voting } = this.#o
    const { record } = voting
    if (record === undefined) return
    const others = record.voters.filter(({ voterId }) => voterId !== voting.voterId)
    const addresses = others.flatMap(voter => voter.addresses)
    if (addresses.length > 0) seat.follow(addresses, generationOf(record), reason)
  }

  #follow(epoch: number, addresses: readonly string[]): void {
    const { record } = this.#o.voting
    if (addresses.length === 0 || record === undefined) return
    const followed = `${epoch} ${addresses.join(" ")}`
    if (followed === this.#followed) return
    this.#followed = followed
    this.#o.seat.follow(addresses, generationOf(record), `another voter reigns, in reign ${epoch}`)
  }
}

function generationOf({ generation }: RootRecord): Uint8Array {
  return endpointIdToBytes(generation as EndpointId)
}

/** The voters, as those below are told of them. */
function candidatesOf({ voters }: RootRecord): Candidate[] {
  return voters.map(({ voterId, name, addresses }) => ({
    endpointId: new Uint8Array(0),
    name: name ?? "",
    addresses,
    voterId: endpointIdToBytes(voterId as EndpointId),
  }))
}
