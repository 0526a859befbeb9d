/**
 * Direct messages for clients that are away. The ring keeps them for when they come back; but one that never does may have
 * joined another host meanwhile, after more was published than the ring holds. So what was sent towards it while it was
 * away is kept apart, within bounds, to be sent on its new way.
 */
import type { Link } from "./link.ts"

export interface HeldMessage {
  /** Its publish number. */
  readonly number: number
  readonly header: Uint8Array
  readonly payload: Uint8Array
}

/** Messages for one client that is away. */
const heldMessagesMax = 1024
/** Octets for all. */
const heldBytesMax = 8 * 1024 * 1024

export class HeldMessages {
  readonly #of = new Map<Link, HeldMessage[]>()
  #bytes = 0

  /** Keeps a copy, if there is room. */
  hold(link: Link, message: HeldMessage): void {
    const held = this.#of.get(link) ?? []
    const bytes = message.header.length + message.payload.length
    if (held.length >= heldMessagesMax || this.#bytes + bytes > heldBytesMax) return
    held.push({ ...message, header: message.header.slice(), payload: message.payload.slice() })
    this.#of.set(link, held)
    this.#bytes += bytes
  }

  of(link: Link): readonly HeldMessage[] {
    return this.#of.get(link) ?? []
  }

  /** It is back, or its session is over. */
  forget(link: Link): void {
    for (const { header, payload } of this.#of.get(link) ?? []) this.#bytes -= header.length + payload.length
    this.#of.delete(link)
  }
}
