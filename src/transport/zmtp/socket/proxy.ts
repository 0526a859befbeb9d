/**
 * Passes messages between two sockets, both ways, until told to stop: what comes in at one goes out at the other, held
 * back while the other has no room. With a capture socket, everything that passes is sent there too (what it has no room
 * for, it misses). It can be paused, resumed and asked how much has passed, as libzmq's steerable proxy.
 *
 *   DEALERs ──▶ Router ═══ proxy ═══ Dealer ──▶ REPs          also XSub ═ XPub, Pull ═ Push
 */
import { type Deferred, deferred } from "../../../core/deferred.ts"
import { ZincError } from "../../../core/errors.ts"
import type { PatternSocket } from "./pattern-socket.ts"
import { Pub } from "./pub.ts"
import { ReceivingSocket } from "./receiving.ts"

/** A socket that sends. */
interface Sending extends PatternSocket {
  send(frames: readonly Uint8Array[]): boolean
}

export interface ProxyOptions {
  /** Is sent everything that passes, either way. */
  readonly capture?: Sending
}

/** Messages that have passed, and the octets of their frames. */
export interface ProxyCount {
  readonly messages: number
  readonly bytes: number
}

/** After this many messages the other direction, and everything else, has its turn. */
const burst = 1_000

export class SteerableProxy {
  readonly front: PatternSocket
  readonly back: PatternSocket
  readonly #lanes: readonly Lane[]
  #done: Deferred<void> | undefined
  #paused = false

  /** Takes over reading from both, which must not have been made with `onBatch`. */
  constructor(front: PatternSocket, back: PatternSocket, options: ProxyOptions = {}) {
    this.front = front
    this.back = back
    const lanes: Lane[] = []
    for (const [from, to] of [
      [front, back],
      [back, front],
    ] as const) {
      if (from instanceof ReceivingSocket && !(from instanceof Pub) && sends(to))
        lanes.push(new Lane(from, to, options.capture, () => this.#mayRun))
    }
    if (lanes.length === 0)
      throw new ZincError(
        "BadOption",
        "neither of these sockets can receive what the other sends; a proxy needs a pair",
      )
    this.#lanes = lanes
  }

  /** Resolves after `terminate`, or when one of the sockets has closed. Joins a run under way. */
  run(): Promise<void> {
    if (this.#done !== undefined) return this.#done.promise
    const done = deferred<void>()
    this.#done = done
    const stops = [this.front, this.back].map(socket => socket.events.on("closed", () => this.terminate()))
    void done.promise.then(() => {
      for (const stop of stops) stop()
      for (const lane of this.#lanes) lane.stop()
    })
    for (const lane of this.#lanes) lane.start()
    return done.promise
  }

  get isRunning(): boolean {
    return this.#done !== undefined && !this.#done.settled
  }

  /** Lets nothing through; what comes waits in the sockets, up to their limits. */
  pause(): void {
    this.#paused = true
  }
  resume(): void {
    this.#paused = false
    if (this.isRunning) for (const lane of this.#lanes) lane.start()
  }
  /** Stops for good; the sockets stay open. */
  terminate(): void {
    this.#done?.resolve()
  }

  /** What has passed so far, from the front to the back and the other way. */
  get statistics(): { readonly forth: ProxyCount; readonly back: ProxyCount } {
    const of = (socket: PatternSocket) => this.#lanes.find(lane => lane.from === socket) ?? none
    return { forth: countOf(of(this.front)), back: countOf(of(this.back)) }
  }

  get #mayRun(): boolean {
    return this.isRunning && !this.#paused && this.front.isOpen && this.back.isOpen
  }
}

/** One direction. */
class Lane {
  readonly from: ReceivingSocket
  readonly #to: Sending
  readonly #capture: Sending | undefined
  readonly #mayRun: () => boolean
  messages = 0
  bytes = 0
  #waits = false

  constructor(from: ReceivingSocket, to: Sending, capture: Sending | undefined, mayRun: () => boolean) {
    this.from = from
    this.#to = to
    this.#capture = capture
    this.#mayRun = mayRun
  }

  start(): void {
    this.from.onReadable = () => this.#pump()
    this.#pump()
  }
  stop(): void {
    this.from.onReadable = undefined
  }

  #pump(): void {
    if (this.#waits) return
    for (let left = burst; this.#mayRun(); left--) {
      if (!this.#to.writable || left === 0) {
        this.#wait(left === 0 ? this.from.nextTurn() : this.#to.drained())
        return
      }
      const message = this.from.poll()
      if (message === undefined) return
      if (!this.#pass(message)) continue
      this.messages++
      for (const frame of message) this.bytes += frame.length
      this.#capture?.send(message)
    }
  }

  /** False when the socket refuses what a stranger sent: a mandatory Router knows nobody of that name. It is dropped. */
  #pass(message: Uint8Array[]): boolean {
    try {
      this.#to.send(message)
      return true
    } catch (thrown) {
      if (ZincError.is(thrown) && thrown.code !== "Closed") return false
      throw thrown
    }
  }

  #wait(until: Promise<void>): void {
    this.#waits = true
    void until.then(() => {
      this.#waits = false
      this.#pump()
    })
  }
}

const none: ProxyCount = { messages: 0, bytes: 0 }

function countOf({ messages, bytes }: ProxyCount): ProxyCount {
  return { messages, bytes }
}

function sends(socket: PatternSocket): socket is Sending {
  return typeof (socket as Partial<Sending>).send === "function" && socket.sendsMessages
}
