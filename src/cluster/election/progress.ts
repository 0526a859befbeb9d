/** How far one voter's copy of the log is, as the root knows it. */
export class Progress {
  /** Its copy is ours up to here, and stored. */
  matched = 0
  /** The next entry to send. */
  next: number
  /** Not known, but tried: a new root supposes that it has what comes before `next`, and goes back when it is refused. */
  #supposed: number
  /** How far back the next try goes. */
  #stride = 1
  /** A common place is being looked for: one message at a time, until it is found. */
  probing = false
  /** The root's clock when it last went back: answers to what was sent before say nothing new. */
  #wentBackAt = Number.NEGATIVE_INFINITY
  /** `matched` when the last heartbeat was due: no advance since, and something under way, means that it was lost. */
  #matchedAtBeat = -1
  /** Heartbeats in a row that it refused because it has signed a higher epoch. */
  refusals = 0
  /** That epoch. */
  refusedFor = 0
  /** The root's clock when it last accepted anything. */
  heardAt: number = Number.NEGATIVE_INFINITY
  /** The root's clock when it sent the last of what was accepted. */
  acceptedFrom: number = Number.NEGATIVE_INFINITY

  constructor(next: number) {
    this.next = next
    this.#supposed = next - 1
  }

  /** What is under way counts from here: `matched`, or what is supposed. */
  get base(): number {
    return Math.max(this.matched, this.#supposed)
  }

  accepted(now: number, sentAt: number): void {
    this.heardAt = now
    if (sentAt > this.acceptedFrom) this.acceptedFrom = sentAt
    this.refusals = 0
  }

  matchedTo(number: number): void {
    this.probing = false
    this.#stride = 1
    if (number > this.matched) this.matched = number
    if (this.next <= this.matched) this.next = this.matched + 1
  }

  /**
   * It lacks what came before something that was sent then. True when there is a lower place to try: once for all that
   * was under way, or each lost message would have everything behind it sent again. Each try goes twice as far back as the
   * one before: its copy may end with much that nobody else has.
   */
  mismatched(last: number, sentAt: number, now: number): boolean {
    if (sentAt < this.#wentBackAt) return false
    const refused = this.matched < this.#supposed ? this.#supposed : this.next - 1
    const next = Math.max(this.matched + 1, Math.min(refused + 1 - this.#stride, last + 1))
    if (next >= this.next) return false
    if (this.probing) this.#stride *= 2
    this.next = next
    this.#supposed = next - 1
    this.probing = true
    this.#wentBackAt = now
    return true
  }

  /** Once per heartbeat: what seems lost is sent again. */
  beat(): void {
    if (this.matched === this.#matchedAtBeat && this.next > this.base + 1) this.next = this.base + 1
    this.#matchedAtBeat = this.matched
  }
}
