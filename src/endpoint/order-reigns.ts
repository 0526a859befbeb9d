/**
 * In which reigns the numbers of an ordered topic were given, as heard here (R5, T2). Numbers rise and epochs never fall with
 * them, so a frame of a higher epoch says: all numbers from its own on that were heard of a lower one are void. And a
 * frame of a lower epoch is void if its number is not below one heard of a higher.
 */
import { cutRuns, epochAt, narrowed, noteRun, runsMax, type StreamRun } from "./stream-runs.ts"

export const Reigned = { Take: 0, Stale: 1, Rewind: 2 } as const
export type Reigned = (typeof Reigned)[keyof typeof Reigned]

export class OrderReigns {
  readonly #runs: StreamRun[] = []
  /**
   * From where on lower epochs are void, as far as is known: what the host has said of its reigns, and then the highest
   * epoch that came, delivered or not, with the lowest number that came of it.
   */
  #bounds: StreamRun[] = []
  /** The highest number that was delivered. */
  #last: number | undefined

  get runs(): readonly StreamRun[] {
    return this.#runs
  }

  /** What a frame of that epoch and number means to a receiver that expects `next`. */
  judge(epoch: number, number: number, next: number): Reigned {
    const newest = this.#bounds.at(-1)
    if (newest === undefined || epoch > newest.epoch) this.#bounds = [{ epoch, first: number, after: 0 }]
    else if (epoch < newest.epoch) {
      if (this.#bounds.some(bound => bound.epoch > epoch && bound.first <= number)) return Reigned.Stale
    } else if (number < newest.first) this.#bounds[this.#bounds.length - 1] = { epoch, first: number, after: 0 }
    if (number >= next) return Reigned.Take
    const heard = epochAt(this.#runs, number)
    return heard !== undefined && heard < epoch ? Reigned.Rewind : Reigned.Take
  }

  /**
   * What a host says of its reigns holds, unless it has heard less than came here: from where each began, lower ones are void.
   * Returns those that are news here.
   */
  told(runs: readonly StreamRun[]): StreamRun[] {
    const [newest, ours] = [runs.at(-1), this.#bounds.at(-1)]
    if (newest === undefined || (ours !== undefined && newest.epoch < ours.epoch)) return []
    const isLower = ours !== undefined && newest.epoch === ours.epoch && ours.first < newest.first
    this.#bounds = isLower ? [...runs.slice(0, -1), ours] : [...runs]
    return ours === undefined ? [] : runs.filter(({ epoch }) => epoch > ours.epoch)
  }

  /** Whether a frame with the next number begins another reign than was heard last. */
  begins(epoch: number): boolean {
    return this.#runs.length > 0 && this.#runs.at(-1)!.epoch < epoch
  }

  /**
   * The number was delivered. Its reign may have begun before it, with numbers that were lost on the way here: returns the
   * first that may be of it, where others were heard before and it is news.
   */
  note(epoch: number, number: number): number | undefined {
    const newest = this.#runs.at(-1)
    const last = this.#last
    this.#last = number
    if (newest !== undefined && epoch <= newest.epoch) return undefined
    const { first, after = first - 1 } = narrowed({ epoch, first: number, after: last ?? 0 }, this.#bounds)
    noteRun(this.#runs, epoch, first, last === undefined ? undefined : after)
    return last === undefined || after + 1 === number ? undefined : after + 1
  }

  /**
   * What the host says of the numbers before those that were heard here, or of all where none was. And a reign whose first
   * numbers were not heard here began where the host says.
   */
  adopt(runs: readonly StreamRun[]): void {
    for (const [i, run] of this.#runs.entries()) this.#runs[i] = narrowed(run, runs)
    const first = this.#runs[0]
    const same = first === undefined ? runs.length : runs.findIndex(({ epoch }) => epoch === first.epoch)
    // Unless the host begins that reign later: then it knows no more of it.
    if (same < 0 || (first !== undefined && runs[same]!.first > first.first)) return
    const known = [...runs.slice(0, same + 1), ...this.#runs.slice(1)]
    this.#runs.splice(0, this.#runs.length, ...known.slice(-runsMax))
  }

  /** Numbers after that one are void. */
  cut(last: number): void {
    cutRuns(this.#runs, last)
    if (this.#last !== undefined) this.#last = Math.min(this.#last, last)
  }

  clear(): void {
    this.#runs.length = 0
    this.#bounds = []
    this.#last = undefined
  }
}
