/**
 * What an endpoint pushed to its host and the host has not rooted yet (L7): kept by leg number, sent as the pusher takes
 * it, sent again after a loss, released when rooted. Who waits for an acknowledgement or for room waits here.
 */
import { readU64, writeU64 } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"
import { At, Flag } from "../../message/header.ts"
import type { PusherSocket } from "../../transport/transport.ts"
import { FrameLog } from "../frame-log.ts"
import type { Traffic } from "../roster/traffic.ts"
import type { TopicState } from "../topic-state.ts"

/** How far a push has come: at the host, or at the root of the tree. */
export type Tier = "received" | "rooted"

export interface UpBufferOptions {
  /** Most messages and octets (headers and payloads) not rooted yet; a push beyond is refused. */
  readonly messagesMax: number
  readonly bytesMax: number
  /** Payloads of at least that many octets are kept by the transport by reference. */
  readonly referenceBytes: number
  /** Where pushes go now; undefined while the link is not up or its push leg is lost. */
  readonly pusher: () => Pick<PusherSocket, "send"> | undefined
  readonly statistics: { resent: number }
  readonly traffic: Pick<Traffic, "messagesOut" | "bytesOut">
  /** What the host has received, and the root need not have, is let go (rule L7 left out). Default false. */
  readonly forgetful?: boolean
  /** The header is that of a message of our own, not of one of those below. */
  readonly isOwn: (header: Uint8Array) => boolean
  /** The root has all pushed up to that leg number. */
  readonly onRooted?: (number: number) => void
}

interface Waiter {
  readonly number: number
  resolve(): void
  reject(error: ZincError): void
}

export class UpBuffer {
  readonly #o: UpBufferOptions
  readonly #log: FrameLog
  readonly #out: Uint8Array[] = [new Uint8Array(0), new Uint8Array(0), new Uint8Array(0)]
  #session = new Uint8Array(16)
  /** Leg number last handed to the pusher. */
  #sent = 0
  #received = 0
  /** The root has all through that number. */
  #rooted = 0
  #isPinned = false
  /** The highest number ever handed to a pusher: what goes out again is marked so. */
  #everSent = 0
  #refused = false
  /** The last push that asked for its ack at once, and the octets pushed since. */
  #asked = 0
  #bytesSinceAsked = 0
  #isOver = false
  readonly #waiting: Readonly<Record<Tier, Waiter[]>> = { received: [], rooted: [] }
  #room: (() => void)[] = []

  constructor(options: UpBufferOptions) {
    this.#o = options
    this.#log = new FrameLog({ messagesMax: options.messagesMax, bytesMax: options.bytesMax, after: 0 })
  }

  /** The session that frames carry: zeros before the first join. */
  get session(): Uint8Array {
    return this.#session
  }
  /** The lowest leg number kept; 0 when nothing is. */
  get first(): number {
    return this.#log.size > 0 ? this.#log.first : 0
  }
  /** The leg number of what was pushed last. */
  get last(): number {
    return this.#log.last
  }
  /** The leg number last handed to the pusher. */
  get sent(): number {
    return this.#sent
  }
  /** A push was refused and no room has come since. */
  get refused(): boolean {
    return this.#refused
  }

  /** Of each topic kept, the sequence number of the first own frame kept. */
  firstSequences(): Map<TopicState, number> {
    const firsts = new Map<TopicState, number>()
    for (let number = this.#log.first; number <= this.#log.last; number++) {
      const topic = this.#log.topic(number)!
      if (firsts.has(topic)) continue
      const header = this.#log.header(number)!
      if (this.#o.isOwn(header)) firsts.set(topic, readU64(header, At.Sequence))
    }
    return firsts
  }

  /** How many messages of our own are kept: the root is not known to have them. */
  get own(): number {
    let count = 0
    for (let number = this.#log.first; number <= this.#log.last; number++)
      if (this.#o.isOwn(this.#log.header(number)!)) count++
    return count
  }

  /** Whether a frame of that size, header and payload, would be taken. */
  hasRoom(bytes: number): boolean {
    return this.#log.hasRoom(bytes)
  }
  /** Half of the room is free: worth going on after a halt. */
  get isRoomy(): boolean {
    return this.#log.size * 2 <= this.#log.messagesMax && this.#log.bytes * 2 <= this.#log.bytesMax
  }

  /** How much of the room is taken, from 0 to 1. */
  get fill(): number {
    return Math.max(this.#log.size / this.#log.messagesMax, this.#log.bytes / this.#log.bytesMax)
  }

  /** Keeps the frame, and sends it if nothing waits before it. False when full; then nothing was done. */
  push(topic: TopicState, header: Uint8Array, payload: Uint8Array): boolean {
    if (!this.#log.hasRoom(header.length + payload.length)) {
      this.#refused = true
      return false
    }
    const number = this.#log.last + 1
    header[At.Flags]! |= this.#isFilling(number, header.length + payload.length) ? Flag.Up | Flag.Prompt : Flag.Up
    header.set(this.#session, At.Session)
    writeU64(header, At.LegNumber, number)
    this.#log.append(topic, header, payload)
    const { traffic } = this.#o
    traffic.messagesOut++
    traffic.bytesOut += header.length + payload.length
    if (this.#sent === number - 1) {
      const out = this.#out
      out[0] = topic.bytes
      out[1] = header
      // A transport keeps long frames by reference, and the caller's octets are the caller's again when send returns.
      out[2] = payload.length < this.#o.referenceBytes ? payload : this.#log.payload(number)!
      if (this.#o.pusher()?.send(out)) this.#sent = this.#everSent = number
    }
    return true
  }

  /**
   * From half full on, one push in so many asks for its ack at once: acks that gather others on their way, at each host
   * up to the root, would leave a small window full most of the time.
   */
  #isFilling(number: number, bytes: number): boolean {
    const { messagesMax, bytesMax } = this.#log
    this.#bytesSinceAsked += bytes
    const isDue =
      ((this.#log.size + 1) * 2 >= messagesMax && (number - this.#asked) * 8 >= messagesMax) ||
      ((this.#log.bytes + bytes) * 2 >= bytesMax && this.#bytesSinceAsked * 8 >= bytesMax)
    if (!isDue) return false
    this.#asked = number
    this.#bytesSinceAsked = 0
    return true
  }

  /** Sends what was not sent yet, as far as the pusher takes it. */
  pump(): void {
    const pusher = this.#o.pusher()
    if (pusher === undefined) return
    while (this.#sent < this.#log.last) {
      const number = Math.max(this.#sent + 1, this.#log.first)
      const header = this.#log.header(number)!
      header.set(this.#session, At.Session)
      if (number <= this.#everSent) header[At.Flags]! |= Flag.Again
      const out = this.#out
      out[0] = this.#log.topic(number)!.bytes
      out[1] = header
      out[2] = this.#log.payload(number)!
      if (!pusher.send(out)) return
      if (number <= this.#everSent) this.#o.statistics.resent++
      else this.#everSent = number
      this.#sent = number
    }
  }

  // What a host says it has beyond what was sent counts as all that was.

  /** A host has taken us: it says what it has already, and frames carry that session from now on. */
  joined(session: Uint8Array, said: number, rooted: number): void {
    const received = Math.min(said, this.#log.last)
    this.#session = session.slice()
    this.#acknowledge(received, rooted)
    this.#rewind(received)
  }

  /** Another host is being joined, who is told what is kept from here on: all of that stays. */
  pin(): void {
    this.#isPinned = true
  }
  unpin(): void {
    this.#isPinned = false
    this.#release()
  }

  /** The legs are new: all that this host had not received when it took us goes again. */
  resendAfter(received: number): void {
    this.#received = Math.min(received, this.#log.last)
    this.#rewind(this.#received)
  }

  /** The push leg is new, under the same session: what the host did not say it received goes again. */
  resend(): void {
    this.#rewind(this.#received)
    this.pump()
  }

  /** The host cannot say any more what became of frames through that number: whoever waits for one is told so. */
  loseNotices(through: number): void {
    const error = new ZincError(
      "Lost",
      "the host took the message, but the connection broke and it cannot say any more whether it could pass it on; ask the receiver, or send again if twice does no harm",
    )
    for (const waiters of [this.#waiting.received, this.#waiting.rooted]) {
      let count = 0
      while (count < waiters.length && waiters[count]!.number <= through) waiters[count++]!.reject(error)
      waiters.splice(0, count)
    }
  }

  /** An ACK. `resend`: the host misses what comes after `received`. */
  acknowledge(said: number, rooted: number, resend: boolean): void {
    const received = Math.min(said, this.#log.last)
    this.#acknowledge(received, rooted)
    if (resend && received < this.#sent) {
      this.#rewind(received)
      this.pump()
    }
  }

  /** Resolves when the tier covers that leg number; rejects with `Aborted`, or with what ended the link. */
  acknowledged(number: number, tier: Tier, signal?: AbortSignal): Promise<void> {
    const reached = tier === "rooted" ? this.#rooted : Math.max(this.#received, this.#rooted)
    if (number <= reached) return Promise.resolve()
    if (this.#isOver)
      return Promise.reject(new ZincError("Closed", "the endpoint closed before the message was acknowledged"))
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { number, resolve, reject }
      this.#waiting[tier].push(waiter)
      signal?.addEventListener(
        "abort",
        () => {
          const waiters = this.#waiting[tier]
          const at = waiters.indexOf(waiter)
          if (at >= 0) waiters.splice(at, 1)
          reject(
            new ZincError("Aborted", "the wait for an acknowledgement was aborted; the message is still on its way", {
              cause: signal.reason,
            }),
          )
        },
        { once: true },
      )
    })
  }

  /** Calls back, once, when a refused push may succeed. */
  onRoom(callback: () => void): void {
    this.#room.push(callback)
  }

  tellRoom(): void {
    this.#refused = false
    if (this.#room.length === 0) return
    const room = this.#room
    this.#room = []
    for (const callback of room) callback()
  }

  /** Nothing will be acknowledged any more: everybody who waits is told. */
  end(error: ZincError): void {
    this.#isOver = true
    for (const waiters of [this.#waiting.received, this.#waiting.rooted]) {
      for (const waiter of waiters.splice(0)) waiter.reject(error)
    }
    this.tellRoom()
  }

  #acknowledge(received: number, rooted: number): void {
    if (received > this.#received) this.#received = received
    const before = this.#rooted
    const through = this.#o.forgetful === true ? Math.max(received, rooted) : rooted
    this.#rooted = Math.max(before, Math.min(through, this.#log.last))
    this.#release()
    settleThrough(this.#waiting.received, Math.max(received, rooted))
    settleThrough(this.#waiting.rooted, rooted)
    if (this.#rooted === before) return
    this.#o.onRooted?.(this.#rooted)
    this.tellRoom()
  }

  /** What is rooted by another way is kept until this host has it: its leg has no holes. */
  #release(): void {
    if (!this.#isPinned) this.#log.releaseThrough(Math.min(this.#rooted, this.#received))
  }

  #rewind(received: number): void {
    this.#sent = Math.max(received, this.#log.first - 1)
  }
}

/** Waiters come in rising numbers, all but always. */
function settleThrough(waiters: Waiter[], number: number): void {
  let count = 0
  while (count < waiters.length && waiters[count]!.number <= number) waiters[count++]!.resolve()
  if (count > 0) waiters.splice(0, count)
}
