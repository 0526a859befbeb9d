/** What a host tells its clients about their up legs (L7): how far each has come, and from where to send again. */
import type { Clock, Timer } from "../../core/clock.ts"
import type { Link, Tell } from "./link.ts"

/** How long an ack may wait for others, unless somebody waits for it; and after how many frames it goes at once. */
const ackDelayMs = 2
const ackFrames = 1024
/** How long a resend may take before it is asked for again. */
const resendPatienceMs = 50

export class Acknowledgements {
  readonly #clock: Clock
  readonly #tell: Tell
  #due: Link[] = []
  #timer: Timer | undefined

  constructor(clock: Clock, tell: Tell) {
    this.#clock = clock
    this.#tell = tell
  }

  /** Whether so much has come of it that its ack is to go at once. */
  isPressing(link: Link): boolean {
    return link.received - link.acknowledged >= ackFrames
  }

  soon(link: Link): void {
    if (link.ackDue) return
    link.ackDue = true
    // Gathered for a moment: an ack for each arrival would cost more than the arrival.
    this.#timer ??= this.#clock.after(ackDelayMs, () => this.flush())
    this.#due.push(link)
  }

  /** Sends all that are due. */
  flush(): void {
    this.cancel()
    const due = this.#due
    this.#due = []
    for (const link of due) {
      link.ackDue = false
      link.acknowledged = link.received
      if (link.awaySince === undefined) this.#send(link, false)
    }
  }

  /** Asks for what follows the last that came. What was asked for may be lost too: again when it has had time to come. */
  askResend(link: Link): void {
    // It will be asked when there is room for what it sends.
    if (link.stalled) return
    const now = this.#clock.now()
    if (now - link.resendAskedAt < Math.max(2 * (link.roundTripMs ?? 0), resendPatienceMs)) return
    link.resendAskedAt = now
    this.#send(link, true)
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Sends the notices that have not gone out; false when not all of them could. */
  notify(link: Link): boolean {
    return link.notices.flush(link.heartbeatCount, body => this.#tell(link, body))
  }

  #send(link: Link, resend: boolean): void {
    // Acknowledged means passed on, unless a notice has said otherwise before. The next ACK says it all.
    if (!this.notify(link)) return
    this.#tell(link, {
      case: "ack",
      value: { received: BigInt(link.received), rooted: BigInt(link.rooted), resend },
    })
  }
}
