/** A voter's data folder on a simulated disk: slow to store, and a crash of its machine loses what was not stored. */
import type { VoteChange, VoteMemory } from "../../../cluster/election/index.ts"
import { newVoterId, type VoterId } from "../../../cluster/election/root-record.ts"
import type { VoteFolder } from "../../../cluster/vote-folder/vote-folder.ts"
import type { SeededRandom } from "../../../core/random.ts"
import { VoteDisk, type VoteDiskOptions } from "../election/vote-disk.ts"

/** What stays of a machine between two lives of its voter. */
export class VoteMachine {
  disk: VoteDisk
  voterId: VoterId
  readonly #o: VoteDiskOptions

  constructor(options: VoteDiskOptions) {
    this.#o = options
    this.disk = new VoteDisk(options)
    this.voterId = newVoterId(options.random)
  }

  /** As `kill -9`, or a loss of power: an end of what was not stored is gone. */
  crash(): void {
    this.disk.crash()
  }

  /** The folder is gone: whoever opens here next is another voter (R1). */
  wipe(): void {
    this.disk = new VoteDisk(this.#o)
    this.voterId = newVoterId(this.#o.random as SeededRandom)
  }

  open(): VoteFolder {
    return new VoteDiskFolder(this.disk, this.voterId)
  }
}

class VoteDiskFolder implements VoteFolder {
  readonly voterId: VoterId
  readonly memory: VoteMemory
  readonly #disk: VoteDisk

  constructor(disk: VoteDisk, voterId: VoterId) {
    this.#disk = disk
    this.voterId = voterId
    this.memory = disk.memory()
  }

  write(change: VoteChange, done?: () => void): void {
    this.#disk.write(change, done)
  }

  onFailed(): void {}

  close(): Promise<void> {
    return new Promise(resolve => this.#disk.stored(resolve))
  }
}
