/** What an endpoint has taken in and given out, counted where frames pass, and the rates that come of it. */

/** Counters; they only rise. A frame published to many subscribers counts once. */
export interface Traffic {
  messagesIn: number
  bytesIn: number
  messagesOut: number
  bytesOut: number
}

/** Per second, in whole numbers. */
export interface Rates {
  readonly messagesIn: number
  readonly messagesOut: number
  /** Octets of header and payload. */
  readonly bytesIn: number
  readonly bytesOut: number
}

export const idle: Rates = { messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0 }

export function newTraffic(): Traffic {
  return { messagesIn: 0, bytesIn: 0, messagesOut: 0, bytesOut: 0 }
}

export class TrafficMeter {
  readonly #traffic: Traffic
  #before: Traffic
  #at: number

  constructor(traffic: Traffic, now: number) {
    this.#traffic = traffic
    this.#before = { ...traffic }
    this.#at = now
  }

  /** The rates since this was last asked. */
  read(now: number): Rates {
    const before = this.#before
    const after = { ...this.#traffic }
    const seconds = (now - this.#at) / 1000
    this.#before = after
    this.#at = now
    if (seconds <= 0) return idle
    const rate = (from: number, to: number) => Math.min(ratesMax, Math.round((to - from) / seconds))
    return {
      messagesIn: rate(before.messagesIn, after.messagesIn),
      messagesOut: rate(before.messagesOut, after.messagesOut),
      bytesIn: rate(before.bytesIn, after.bytesIn),
      bytesOut: rate(before.bytesOut, after.bytesOut),
    }
  }
}

/** What fits thirty-two bits. */
const ratesMax = 0xffff_ffff
