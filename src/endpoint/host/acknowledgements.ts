/** What a host tells its clients about their up legs (L7): how far each has come, and from where to send again. */
import type { Clock, Timer } from "../../core/clock.ts"
import type { Link, Tell } from "./link.ts"

/**
 * How long an ack may wait for others, unless somebody waits for it. Of those that follow a quiet while the first few, for
 * whoever sends now and then; and the others of a stream, where acks so frequent cost each message on its way more than
 * all else that a relay does.
 */
const firstDelayMs = 2
const streamDelayMs = 20
/** One message makes two acks at a relay: that it came, and that it is rooted. */
const firstAcks = 4
/** No ack went out for so long: what comes next is no stream. */
const quietMs = 100
/** After so many frames it goes at once. */
const ackFrames = 1024
/** How long a resend may take before it is asked for again. */
const resendPatienceMs = 50

export class Acknowledgements {
  readonly #clock: Clock
  readonly #tell: Tell
  readonly #due = new Set<Link>()
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY

  constructor(clock: Clock, tell: Tell) {
    this.#clock = clock
    this.#tell = tell
  }

  /** Whether so much has come of it, or is rooted, that its ack is to go at once. */
  isPressing(link: Link): boolean {
    const { received, rooted } = link.acknowledged
    return link.received - received >= ackFrames || link.rooted - rooted >= ackFrames
  }

  /** Its ack is due; gathered with what comes after, for an ack for each arrival would cost more than the arrival. */
  soon(link: Link): void {
    const { acknowledged } = link
    if (acknowledged.dueAt !== undefined) return
    const now = this.#clock.now()
    if (now - acknowledged.at >= quietMs) acknowledged.inARow = 0
    acknowledged.dueAt = now + (acknowledged.inARow < firstAcks ? firstDelayMs : streamDelayMs)
    this.#due.add(link)
    if (acknowledged.dueAt < this.#timerAt) this.#wake(acknowledged.dueAt, now)
  }

  /** Sends the one that is due to that client; without one, all that are. */
  flush(link?: Link): void {
    const now = this.#clock.now()
    if (link === undefined) for (const each of this.#due) this.#acknowledge(each, now)
    else if (this.#due.has(link)) this.#acknowledge(link, now)
  }

  #acknowledge(link: Link, now: number): void {
    const { acknowledged } = link
    this.#due.delete(link)
    acknowledged.dueAt = undefined
    acknowledged.received = link.received
    acknowledged.rooted = link.rooted
    acknowledged.inARow++
    acknowledged.at = now
    if (link.awaySince === undefined) this.#send(link, false)
  }

  /** The timer is set for the earliest that was due then; what has gone since costs it nothing. */
  #wake(at: number, now: number): void {
    this.#timer?.cancel()
    this.#timerAt = at
    this.#timer = this.#clock.after(at - now, () => this.#onTime())
  }

  #onTime(): void {
    // The platform's timers may be early by a part of a millisecond.
    const now = Math.max(this.#clock.now(), this.#timerAt)
    this.cancel()
    let next = Number.POSITIVE_INFINITY
    for (const link of this.#due) {
      const at = link.acknowledged.dueAt!
      // Those that are due soon go too, so that it does not wake for each of many.
      if (at <= now + firstDelayMs) this.#acknowledge(link, now)
      else if (at < next) next = at
    }
    if (next < this.#timerAt) this.#wake(next, now)
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
    this.#timerAt = Number.POSITIVE_INFINITY
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
