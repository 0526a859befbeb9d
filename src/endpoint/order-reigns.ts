/**
 * In which reigns the numbers of an ordered topic were given, as heard here (R5, T2). Numbers rise and epochs never fall with
 * them, so a frame of a higher epoch says: all numbers from its own on that were heard of a lower one are void. And a
 * frame of a lower epoch is void if its number is not below one heard of a higher.
 */
import { cutRuns, epochAt, noteRun, runsMax, type StreamRun } from "./stream-runs.ts"

export const Reigned = { Take: 0, Stale: 1, Rewind: 2 } as const
export type Reigned = (typeof Reigned)[keyof typeof Reigned]

export class OrderReigns {
  readonly #runs: StreamRun[] = []
  /** The highest epoch that came, delivered or not, and the lowest number that came of it. */
  #epoch = 0
  #from = Number.POSITIVE_INFINITY

  get runs(): readonly StreamRun[] {
    return this.#runs
  }

  /** What a frame of that epoch and number means to a receiver that expects `next`. */
  judge(epoch: number, number: number, next: number): Reigned {
    if (epoch < this.#epoch) return number >= this.#from ? Reigned.Stale : Reigned.Take
    if (epoch > this.#epoch) {
      this.#epoch = epoch
      this.#from = number
    } else if (number < this.#from) this.#from = number
    if (number >= next) return Reigned.Take
    const heard = epochAt(this.#runs, number)
    return heard !== undefined && heard < epoch ? Reigned.Rewind : Reigned.Take
  }

  /** Whether a frame with the next number begins another reign than was heard last. */
  begins(epoch: number): boolean {
    return this.#runs.length > 0 && this.#runs.at(-1)!.epoch < epoch
  }

  /** The number was delivered. */
  note(epoch: number, number: number): void {
    noteRun(this.#runs, epoch, number)
  }

  /** Where nothing was heard yet: what the host says of the numbers before. */
  adopt(runs: readonly StreamRun[]): void {
    if (this.#runs.length === 0) this.#runs.push(...runs.slice(-runsMax))
  }

  /** Numbers after that one are void. */
  cut(last: number): void {
    cutRuns(this.#runs, last)
  }

  clear(): void {
    this.#runs.length = 0
    this.#epoch = 0
    this.#from = Number.POSITIVE_INFINITY
  }
}
