// Messages that carry the time, and what is made of it.
import { count, fifth, size } from "./role.mjs"

/** Nanoseconds of the system's monotonic clock, the same in all processes. */
export function now() {
  return Number(process.hrtime.bigint())
}

/** The message, with the time at its start. */
export function stamp(message, time) {
  message.writeDoubleLE(time, 0)
  return message
}
export function stampOf(frame, at = 0) {
  return new DataView(frame.buffer, frame.byteOffset).getFloat64(at, true)
}

/**
 * Sends COUNT messages, RATE a second, each stamped with when it was due. What is due is sent at once, then the loop turns,
 * whatever the time until the next one. `send` is false when there is no room; `sent` hears of the end of each such run.
 */
export async function paced({ send, drained, sent = () => {} }) {
  const message = Buffer.alloc(size, 0x7a)
  const apart = 1e9 / fifth
  const first = now() + 20e6
  let done = 0
  while (done < count) {
    const due = Math.min(count, Math.floor((now() - first) / apart) + 1)
    while (done < due) {
      stamp(message, first + done * apart)
      if (send(message)) done++
      else await drained()
    }
    await sent()
    await new Promise(setImmediate)
  }
}

/** Sixteen steps in each doubling: within 6 % of the truth, and nothing is allocated for a message. */
const steps = 16

/** How late messages came. The first tenth is not counted. */
export class Lateness {
  messages = 0
  #skipped = Math.floor(count / 10)
  #counts = new Uint32Array(32 * steps)
  #buffer
  #view

  /** The message lies in `buffer` from `start` on, and came at `time`. */
  add(time, buffer, start) {
    if (this.#buffer !== buffer) {
      this.#buffer = buffer
      this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
    }
    if (this.messages++ < this.#skipped) return
    const late = Math.min(0x7fff_ffff, Math.max(steps, time - this.#view.getFloat64(start, true))) | 0
    const high = 31 - Math.clz32(late)
    this.#counts[high * steps + ((late >>> (high - 4)) & (steps - 1))]++
  }

  /** Microseconds. */
  summary() {
    return {
      p50: this.#at(0.5),
      p99: this.#at(0.99),
      p999: this.#at(0.999),
      messages: this.messages,
      seconds: count / fifth,
    }
  }

  #at(share) {
    let left = (this.messages - this.#skipped) * share
    for (let i = 0; i < this.#counts.length; i++) {
      left -= this.#counts[i]
      if (left <= 0) return (2 ** Math.floor(i / steps) * (1 + ((i % steps) + 0.5) / steps)) / 1000
    }
    return Number.NaN
  }
}
