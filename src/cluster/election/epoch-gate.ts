/**
 * T2: the epoch fences authority, not content. What only a root may say (orders, acknowledgements, commands) is dropped
 * when its epoch is lower than one heard before; what origins say passes whatever its epoch.
 */

export const Speech = {
  /** A message, a fragment: whoever made it, it counts. */
  Content: "content",
  /** A place in a total order. */
  Order: "order",
  /** An acknowledgement of `rooted` and above. */
  Acknowledgement: "acknowledgement",
  /** Anything that tells the receiver what to do: a move, a reign, a drain. */
  Command: "command",
} as const
export type Speech = (typeof Speech)[keyof typeof Speech]

export class EpochGate {
  #epoch = 0
  /** How many frames were dropped. */
  dropped = 0

  /** The highest epoch heard. */
  get epoch(): number {
    return this.#epoch
  }

  /** Whether it is to be obeyed (content: taken). A higher epoch becomes the one to hold to. */
  admits(speech: Speech, epoch: number): boolean {
    if (speech === Speech.Content) return true
    if (epoch < this.#epoch) {
      this.dropped++
      return false
    }
    this.#epoch = epoch
    return true
  }

  /** A higher epoch was heard of in another way: of a reign, in an ACCEPT. */
  raise(epoch: number): void {
    if (epoch > this.#epoch) this.#epoch = epoch
  }
}
