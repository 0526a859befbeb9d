/**
 * Accepted connections whose handshake is not complete, oldest first. There is a most; one more, and the oldest makes room:
 * an honest handshake takes a round trip, so those that have waited longest are least likely to come to anything.
 */
import { ZincError } from "../../core/errors.ts"
import type { Link } from "../../zmtp/link.ts"

/** What sockets that listen take, unless told otherwise. */
export const pendingHandshakesMax = 1_024

export class PendingHandshakes {
  readonly #most: number
  readonly #links = new Set<Link>()

  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#links.size
  }

  add(link: Link): void {
    this.#links.add(link)
    if (this.#links.size <= this.#most) return
    const [oldest] = this.#links
    this.#links.delete(oldest!)
    const why = `${oldest!.remote} made room for a newer connection: ${this.#most} have not completed their handshakes`
    oldest!.fail(new ZincError("Full", why, { retryable: true }))
  }

  /** Its handshake is complete, or it is gone. */
  delete(link: Link): void {
    this.#links.delete(link)
  }

  destroyAll(): void {
    for (const link of this.#links) link.destroy()
  }
}
