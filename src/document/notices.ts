/**
 * What the root tells of a document it has, once nothing has changed for a while or when it lacks something; and what
 * others make of it: whoever has something else asks. So a difference that nobody noticed is found.
 */
import { equalBytes, toHex } from "../core/bytes.ts"
import type { Timer } from "../core/clock.ts"
import { type EndpointId, endpointIdToBytes } from "../core/id.ts"
import type { DocumentPort } from "../endpoint/document-port.ts"
import { type DocumentNotice, noticeFrame, readNotice } from "./document-message.ts"
import type { Replica } from "./document-type.ts"
import { fingerprint } from "./fingerprint.ts"

/** The root tells what it has when nothing changed for this long. */
const quietMs = 1_000
/** Whoever has something else asks after a wait drawn from [0, this), lest all ask at once. */
const noticeJitterMs = 500
/** Between two calls for what a host knows it lacks. */
const urgentIntervalMs = 250

export interface NoticesOptions {
  readonly port: DocumentPort
  readonly replica: Replica
  /** Sends a frame to all who follow; false when there is no room now. */
  readonly publish: (frame: Uint8Array) => boolean
  /** Calls `watchQuiet` when frames may leave again. */
  readonly awaitRoom: () => void
  /** An exchange is to be made. */
  readonly exchange: () => void
  /** Whether an exchange is under way, or will be made anyway: what a notice says is old by then. */
  readonly busy: (urgent: boolean) => boolean
}

export class Notices {
  readonly #o: NoticesOptions
  /** Rises with each change of the replica. */
  #changes = 0
  #quietTimer: Timer | undefined
  #noticeTimer: Timer | undefined
  #urgentAt = Number.NEGATIVE_INFINITY
  #closed = false

  constructor(options: NoticesOptions) {
    this.#o = options
  }

  /** The replica is another than before. */
  changed(): void {
    this.#changes++
    this.watchQuiet()
  }

  close(): void {
    this.#closed = true
    this.#quietTimer?.cancel()
    this.#noticeTimer?.cancel()
  }

  // ---- at the root ----

  /** Asks those who have something else to exchange with us; all, or one. */
  callForMissing(target: EndpointId | undefined): void {
    const now = this.#o.port.clock.now()
    if (now - this.#urgentAt < urgentIntervalMs) return
    this.#urgentAt = now
    this.#o.publish(this.frame({ urgent: true, ...(target === undefined ? {} : { target }) }))
    // Those who are in the middle of something may miss it: the notice after the quiet is the second chance.
    this.watchQuiet()
  }

  frame(options: { readonly urgent: boolean; readonly target?: EndpointId }): Uint8Array {
    return noticeFrame({
      fingerprint: fingerprint(this.#o.replica.version()),
      urgent: options.urgent,
      ...(options.target === undefined ? {} : { target: endpointIdToBytes(options.target) }),
    })
  }

  /** The root tells what it has when nothing has changed for a while. */
  watchQuiet(): void {
    const { port, replica, publish, awaitRoom } = this.#o
    if (!port.isRoot || this.#quietTimer !== undefined || this.#closed) return
    const seen = this.#changes
    this.#quietTimer = port.clock.after(quietMs, () => {
      this.#quietTimer = undefined
      // Nobody brought what is held back for it: nobody has it.
      if (seen === this.#changes) replica.dropPremature()
      if (!port.outbound) awaitRoom()
      else if (seen !== this.#changes || !publish(this.frame({ urgent: false }))) this.watchQuiet()
    })
  }

  // ---- elsewhere ----

  /** Takes what the root says. False when it cannot be read. */
  take(frame: Uint8Array, origin: EndpointId): boolean {
    const { port, replica, busy, exchange } = this.#o
    if (port.isRoot || origin === port.id) return true
    let notice: DocumentNotice
    try {
      notice = readNotice(frame)
    } catch {
      return false
    }
    if (notice.target.length > 0 && toHex(notice.target) !== port.id.replaceAll("-", "")) return true
    if (busy(notice.urgent) || this.#noticeTimer !== undefined) return true
    const differs = () => !equalBytes(fingerprint(replica.version()), notice.fingerprint)
    if (!differs()) return true
    const seen = this.#changes
    const wait = notice.target.length > 0 ? 0 : port.random.float() * noticeJitterMs
    this.#noticeTimer = port.clock.after(wait, () => {
      this.#noticeTimer = undefined
      // Changed since: the host will be quiet again, and tell. A host that knows it lacks something is told now.
      if ((seen === this.#changes || notice.urgent) && differs()) exchange()
    })
    return true
  }
}
