/** A voter's folder in this process: the contract's twin, for tests. What is written is stored a turn of the loop later. */
import { type Clock, systemClock } from "../../../core/clock.ts"
import { ZincError } from "../../../core/errors.ts"
import { type Random, systemRandom } from "../../../core/random.ts"
import { freshMemory, remember, type VoteChange, type VoteMemory } from "../../election/index.ts"
import { newVoterId, type VoterId } from "../../election/root-record.ts"
import type { VoteFolder } from "../vote-folder.ts"

/** Stands for the disk: what one opening stored, the next one finds. */
export class MemoryVoteDisk {
  readonly voterId: VoterId
  memory: VoteMemory = freshMemory
  locked = false

  constructor(random: Random = systemRandom) {
    this.voterId = newVoterId(random)
  }
}

export class MemoryVoteFolder implements VoteFolder {
  readonly voterId: VoterId
  readonly memory: VoteMemory
  readonly #disk: MemoryVoteDisk
  readonly #clock: Clock
  #changes: VoteChange[] = []
  #waiting: (() => void)[] = []
  #closed = false

  /** Throws `AddressInUse` while another has it open. */
  constructor(disk: MemoryVoteDisk = new MemoryVoteDisk(), clock: Clock = systemClock) {
    if (disk.locked) throw new ZincError("AddressInUse", "this folder is open already; close it first")
    disk.locked = true
    this.#disk = disk
    this.#clock = clock
    this.voterId = disk.voterId
    this.memory = disk.memory
  }

  write(change: VoteChange, done?: () => void): void {
    if (this.#closed) throw new ZincError("Closed", "this folder is closed")
    this.#changes.push(change)
    if (done !== undefined) this.#waiting.push(done)
    if (this.#changes.length === 1) this.#clock.later(() => this.#sync())
  }

  onFailed(): void {}

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#sync()
    this.#disk.locked = false
  }

  #sync(): void {
    this.#disk.memory = remember(this.#disk.memory, this.#changes.splice(0))
    for (const done of this.#waiting.splice(0)) done()
  }
}
