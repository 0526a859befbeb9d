/**
 * XPUB: each message to everyone who subscribed to a prefix of its first frame; tells who wants what. PUB is the same
 * without ears. A subscriber whose queue is full misses messages until it has room (Q: libzmq drops for it too).
 */
import { concat } from "../../../core/bytes.ts"
import { ZincError } from "../../../core/errors.ts"
import { FrameBatch } from "../../../core/frame-batch.ts"
import { Fanout } from "../../../zmtp/pattern/fanout.ts"
import { SocketType } from "../../../zmtp/socket-type.ts"
import type { PatternSocketOptions, Peer } from "./pattern-socket.ts"
import { ReceivingSocket } from "./receiving.ts"

export interface XPubOptions extends PatternSocketOptions {
  /** Tell repeated subscriptions too (libzmq's ZMQ_XPUB_VERBOSE). Default false. */
  readonly verbose?: boolean
  /** Tell repeated subscriptions and their ends too (libzmq's ZMQ_XPUB_VERBOSER). Default false. */
  readonly verboser?: boolean
  /** Most octets of prefixes kept for one subscriber; more costs it its connection. Default 1 MiB. */
  readonly maxSubscriptionBytes?: number
}

export class XPub extends ReceivingSocket {
  protected readonly socketType: SocketType = SocketType.XPub
  readonly #verboseStart: boolean
  readonly #verboseEnd: boolean
  readonly #maxSubscriptionBytes: number
  readonly #fanout: Fanout<Peer>
  readonly #full: Peer[] = []
  readonly #fullOnes = new Set<Peer>()

  constructor(options: XPubOptions = {}) {
    super(options)
    this.#verboseEnd = options.verboser ?? false
    this.#verboseStart = this.#verboseEnd || (options.verbose ?? false)
    this.#maxSubscriptionBytes = options.maxSubscriptionBytes ?? 1024 * 1024
    this.#fanout = new Fanout(this.engine)
  }

  /** False when at least one subscriber's queue was full, so that it missed the message; `drained` waits for room. */
  send(frames: readonly Uint8Array[]): boolean {
    if (!this.lifecycle.isOpen) return false
    this.#fanout.send(frames, this.#full)
    if (this.#full.length === 0) return true
    for (const peer of this.#full) this.#fullOnes.add(peer)
    this.#full.length = 0
    return false
  }

  protected get hasRoom(): boolean {
    for (const peer of this.#fullOnes) {
      if (!peer.outbox.hasRoom) return false
      this.#fullOnes.delete(peer)
    }
    return true
  }
  protected override signalRoom(): void {
    if (this.hasRoom) super.signalRoom()
  }

  protected override closed(peer: Peer): void {
    this.#fullOnes.delete(peer)
    for (const prefix of this.#fanout.remove(peer)) this.#tell(peer, 0, prefix)
    this.signalRoom()
  }

  protected override subscription(peer: Peer, topic: Uint8Array, wanted: boolean): void {
    if (wanted) {
      const result = this.#fanout.subscribe(peer, topic, this.#maxSubscriptionBytes)
      if (result === "tooMany") {
        peer.connection.fail(
          new ZincError(
            "TooLarge",
            `${peer.remote} subscribed to more than ${this.#maxSubscriptionBytes} octets of topics`,
          ),
        )
      } else if (result === "new" || this.#verboseStart) this.#tell(peer, 1, topic)
    } else {
      const result = this.#fanout.cancel(peer, topic)
      if (result === "last" || (this.#verboseEnd && result !== "absent")) this.#tell(peer, 0, topic)
    }
  }

  /** Subscriptions come as messages too, from peers of ZMTP 3.0 (G6); anything else is for the application. */
  protected override received(peer: Peer, batch: FrameBatch): void {
    const rest = new FrameBatch()
    rest.connection = batch.connection
    for (let i = 0; i < batch.count; i++) {
      const at = batch.first[i]!
      const buffer = batch.buffers[at]!
      const start = batch.starts[at]!
      const end = batch.ends[at]!
      if (batch.framesOf(i) === 1 && end > start && buffer[start]! <= 1) {
        this.subscription(peer, buffer.subarray(start + 1, end), buffer[start] === 1)
      } else rest.addMessage(batch.message(i))
    }
    if (rest.count > 0) this.heard(rest)
  }

  /** A message for the application: a subscription (01), its end (00), or what a subscriber sent. */
  protected heard(batch: FrameBatch): void {
    this.inbox.deliver(batch)
  }

  protected override shut(): void {
    this.#fanout.close()
  }

  #tell(peer: Peer, first: 0 | 1, topic: Uint8Array): void {
    const batch = new FrameBatch()
    batch.connection = peer.number
    batch.addMessage([concat([Uint8Array.of(first), topic])])
    this.heard(batch)
  }
}
