/**
 * What all connections of one engine may hold together: what was received and is not whole, what was sent and the system has
 * not taken, and what their owners keep for them, such as subscriptions. When it comes to more, the connection that holds most is closed, and the next, until it fits.
 */
import { ZincError } from "../core/errors.ts"

export class MemoryBudget {
  readonly #most: number
  readonly #accounts = new Set<MemoryAccount>()
  #used = 0
  #relieving = false

  /** What waits to be sent is counted too; where it is not, its own high-water mark is all that limits it. */
  readonly countsSent: boolean

  constructor(most: number, countsSent = true) {
    this.#most = most
    this.countsSent = countsSent
  }

  /** Octets held now. */
  get used(): number {
    return this.#used
  }

  /** An account for one connection; `cut` closes it. */
  open(remote: string, cut: (error: ZincError) => void): MemoryAccount {
    const account = new MemoryAccount(remote, cut, difference => this.#change(difference))
    this.#accounts.add(account)
    return account
  }

  close(account: MemoryAccount): void {
    if (!this.#accounts.delete(account)) return
    this.#used -= account.bytes
  }

  #change(difference: number): void {
    this.#used += difference
    if (this.#used > this.#most && difference > 0 && !this.#relieving) this.#relieve()
  }

  #relieve(): void {
    // Closing one may change the accounts of others.
    this.#relieving = true
    while (this.#used > this.#most) {
      let largest: MemoryAccount | undefined
      for (const account of this.#accounts) if (account.bytes > (largest?.bytes ?? 0)) largest = account
      if (largest === undefined) break
      this.close(largest)
      const { remote, bytes } = largest
      const why = `${remote} held ${bytes} octets, more than any other, when all together came to more than ${this.#most}`
      largest.cut(new ZincError("Full", `${why}; see maxBufferedBytes`, { retryable: true }))
    }
    this.#relieving = false
  }
}

/** One connection's part. */
export class MemoryAccount {
  readonly remote: string
  readonly cut: (error: ZincError) => void
  readonly #changed: (difference: number) => void
  #received = 0
  #sent = 0
  #kept = 0
  #closed = false

  constructor(remote: string, cut: (error: ZincError) => void, changed: (difference: number) => void) {
    this.remote = remote
    this.cut = error => {
      this.#closed = true
      cut(error)
    }
    this.#changed = changed
  }

  get bytes(): number {
    return this.#received + this.#sent + this.#kept
  }
  set received(bytes: number) {
    const difference = bytes - this.#received
    if (difference === 0 || this.#closed) return
    this.#received = bytes
    this.#changed(difference)
  }
  set kept(bytes: number) {
    const difference = bytes - this.#kept
    if (difference === 0 || this.#closed) return
    this.#kept = bytes
    this.#changed(difference)
  }
  set sent(bytes: number) {
    const difference = bytes - this.#sent
    if (difference === 0 || this.#closed) return
    this.#sent = bytes
    this.#changed(difference)
  }
}
