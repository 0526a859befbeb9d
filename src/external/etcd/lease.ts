/** A lease of etcd that is renewed until it is let go, and drawn anew when etcd has given it up. */
import { type Clock, sleep } from "../../core/clock.ts"
import { messageOf } from "../../core/errors.ts"
import { type Logger, silentLogger } from "../../core/logger.ts"
import { EtcdError, type EtcdGateway } from "./gateway.ts"
import { revisionOf } from "./key.ts"

export interface LeaseOptions {
  readonly gateway: EtcdGateway
  readonly clock: Clock
  /** How long it outlives us; etcd may grant more. */
  readonly ttlMs: number
  /** Another lease than before: what was tied to that one has to be written again. Rejects to be called again. */
  renewed(id: string): Promise<void>
  readonly logger?: Logger
}

const pauseMs = 200

export class Lease {
  readonly #options: LeaseOptions
  readonly #logger: Logger
  /** Undefined before the first, and when it was lost. */
  #id: Promise<string> | undefined
  #ids = 0
  #keeping = false

  constructor(options: LeaseOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
  }

  /** Its id: a 64-bit number as text. The first call draws it. */
  async id(signal?: AbortSignal): Promise<string> {
    this.#id ??= this.#grant(signal)
    const asked = this.#id
    try {
      return await asked
    } catch (error) {
      if (this.#id === asked) this.#id = undefined
      throw error
    } finally {
      this.#keep()
    }
  }

  /** It turned out not to be there any more. */
  lost(id: string): void {
    const current = this.#id
    void current?.then(
      now => {
        if (now === id && this.#id === current) this.#id = undefined
      },
      () => {},
    )
  }

  /** Gives it back, with all that is tied to it. */
  async revoke(): Promise<void> {
    const id = await this.#id?.catch(() => undefined)
    if (id !== undefined) await this.#options.gateway.ask("/v3/lease/revoke", { ID: id }, { harmless: true })
  }

  async #grant(signal?: AbortSignal): Promise<string> {
    const { gateway, ttlMs } = this.#options
    const body = { TTL: String(Math.ceil(ttlMs / 1_000)) }
    // Asking twice draws two, and the one that nobody knows of ends by itself.
    const answer = await gateway.ask("/v3/lease/grant", body, { harmless: true, ...(signal ? { signal } : {}) })
    this.#ids++
    return String(revisionOf(answer.ID))
  }

  #keep(): void {
    if (this.#keeping) return
    this.#keeping = true
    void this.#keepRenewing()
  }

  /** Renews thrice per lifetime, counted from when it asked. */
  async #keepRenewing(): Promise<void> {
    const { gateway, clock, ttlMs, renewed } = this.#options
    let written = this.#ids
    while (!gateway.closing.aborted) {
      const began = clock.now()
      let restMs = pauseMs
      try {
        const id = await this.id()
        if (this.#ids !== written && written !== 0) await renewed(id)
        written = this.#ids
        await this.#renew(id)
        restMs = Math.max(pauseMs, ttlMs / 3 - (clock.now() - began))
      } catch (error) {
        this.#logger.debug("a lease could not be renewed", { reason: messageOf(error) })
      }
      if (this.#id === undefined) restMs = pauseMs
      await sleep(clock, restMs, gateway.closing).catch(() => {})
    }
  }

  async #renew(id: string): Promise<void> {
    try {
      const answer = await this.#options.gateway.ask("/v3/lease/keepalive", { ID: id }, { harmless: true })
      // A lease that has ended is answered without a time to live.
      if (answer.TTL === undefined || answer.TTL === "0") this.#id = undefined
    } catch (error) {
      if (error instanceof EtcdError && error.isAbsence) this.#id = undefined
      else throw error
    }
  }
}
