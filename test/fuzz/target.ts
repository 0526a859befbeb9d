/** What a fuzzer aims at: one place of ours where octets of strangers arrive. */
import type { SeededRandom } from "../../src/core/random.ts"

/** One input. */
export interface FuzzInput {
  readonly bytes: Uint8Array
  /** Where the octets are cut on their way: the seed of the cuts, or 0 for one piece. */
  readonly cut: number
}

export interface FuzzTarget {
  readonly name: string
  /** What is tried, in a line. */
  readonly about: string
  /** Inputs that are as they should be, from golden vectors or our own encoders: where mutation begins. */
  seeds(): readonly Uint8Array[]
  /** Pieces worth putting in: names, sizes at a limit, heads. */
  readonly words?: readonly Uint8Array[]
  /** Makes an input from nothing, beside mutation. */
  generate?(random: SeededRandom): Uint8Array
  /** Longest input tried; default 4 KiB. */
  readonly bytesMax?: number
  /**
   * Gives the input to a fresh subject and says what became of it, as a word or two: "taken", "refused: BadFrame". Throws
   * when something happens that must not, above all an error that is no documented refusal.
   */
  run(input: FuzzInput): string | Promise<string>
}

/** What must not be, found by a target. */
export class Broken extends Error {
  override readonly name = "Broken"
}

export function must(condition: boolean, what: () => string): asserts condition {
  if (!condition) throw new Broken(what())
}
