/**
 * Direct messages that the ring has no room for any more, and of which nobody knows yet that they came. A client that is
 * away may have joined another host, and one that seems well may have gone a moment ago; then they are sent on its new way,
 * however little the ring holds. Within bounds: what is beyond is lost with the session it was for (decision 23).
 */
import type { Link } from "./link.ts"

export interface HeldMessage {
  /** Its publish number. */
  readonly number: number
  readonly header: Uint8Array
  readonly payload: Uint8Array
}

/** Messages for one client. */
const heldMessagesMax = 1024
/** Octets for all. */
const heldBytesMax = 8 * 1024 * 1024

/** Of a link: its last direct message that is known to have come. */
type Receiver = Pick<Link, "directSure">

export class HeldMessages {
  readonly #of = new Map<Receiver, HeldMessage[]>()
  #bytes = 0

  /** Octets held for all. */
  get bytes(): number {
    return this.#bytes
  }

  /** Keeps a copy, if there is room. */
  hold(link: Receiver, message: HeldMessage): void {
    if (message.number <= link.directSure) return
    const held = this.#of.get(link) ?? []
    this.#release(held, link.directSure)
    const bytes = message.header.length + message.payload.length
    if (held.length >= heldMessagesMax || this.#bytes + bytes > heldBytesMax) return
    held.push({ ...message, header: message.header.slice(), payload: message.payload.slice() })
    this.#of.set(link, held)
    this.#bytes += bytes
  }

  /** In the order in which they were published. */
  of(link: Receiver): readonly HeldMessage[] {
    return this.#of.get(link) ?? []
  }

  /** Forgets what is known by now to have come. */
  tick(): void {
    for (const [link, held] of this.#of) {
      this.#release(held, link.directSure)
      if (held.length === 0) this.#of.delete(link)
    }
  }

  /** Its session is over. */
  forget(link: Receiver): void {
    this.#release(this.#of.get(link) ?? [], Number.POSITIVE_INFINITY)
    this.#of.delete(link)
  }

  #release(held: HeldMessage[], through: number): void {
    let released = 0
    for (const { number, header, payload } of held) {
      if (number > through) break
      this.#bytes -= header.length + payload.length
      released++
    }
    if (released > 0) held.splice(0, released)
  }
}
