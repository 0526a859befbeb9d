/** How far one voter's copy of the log is, as the root knows it. */
export class Progress {
  /** Its copy is ours up to here, and stored. */
  matched = 0
  /** The next entry to send. */
  next: number
  /** `matched` when the last heartbeat was due: no advance since, and something under way, means that it was lost. */
  #matchedAtBeat = -1
  /** Heartbeats in a row that it refused because it has signed a higher epoch. */
  refusals = 0
  /** That epoch. */
  refusedFor = 0
  /** The root's clock when it last accepted anything. */
  heardAt: number = Number.NEGATIVE_INFINITY

  constructor(next: number) {
    this.next = next
  }

  accepted(now: number): void {
    this.heardAt = now
    this.refusals = 0
  }

  matchedTo(number: number): void {
    if (number > this.matched) this.matched = number
    if (this.next <= this.matched) this.next = this.matched + 1
  }

  /** It lacks what came before. True when there is a lower place to try. */
  mismatched(last: number): boolean {
    const next = Math.max(this.matched + 1, Math.min(this.next - 1, last + 1))
    if (next >= this.next) return false
    this.next = next
    return true
  }

  /** Once per heartbeat: what seems lost is sent again. */
  beat(): void {
    if (this.matched === this.#matchedAtBeat && this.next > this.matched + 1) this.next = this.matched + 1
    this.#matchedAtBeat = this.matched
  }
}
