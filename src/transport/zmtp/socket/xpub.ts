/**
 * XPUB: each message to everyone who subscribed to a prefix of its first frame; tells who wants what. PUB is the same
 * without ears. A subscriber whose queue is full misses messages until it has room (Q: libzmq drops for it too).
 */
import { concat } from "../../../core/bytes.ts"
import { ZincError } from "../../../core/errors.ts"
import { FrameBatch } from "../../../core/frame-batch.ts"
import { Fanout, prefixesMax } from "../../../zmtp/pattern/fanout.ts"
import { SocketType } from "../../../zmtp/socket-type.ts"
import { checkFrames, checkOctets } from "./frame-check.ts"
import type { Peer } from "./peer.ts"
import { ReceivingSocket } from "./receiving.ts"
import type { PatternSocketOptions } from "./socket-options.ts"

export interface XPubOptions extends PatternSocketOptions {
  /** Tell repeated subscriptions too (libzmq's ZMQ_XPUB_VERBOSE). Default false. */
  readonly verbose?: boolean
  /** Tell repeated subscriptions and their ends too (libzmq's ZMQ_XPUB_VERBOSER). Default false. */
  readonly verboser?: boolean
  /**
   * Give nobody what they subscribe to, but tell the application, which then says who gets what with `subscribe` and
   * `unsubscribe` (libzmq's ZMQ_XPUB_MANUAL). Default false.
   */
  readonly manual?: boolean
  /**
   * As `manual`; and the message that is sent next after a subscription was received goes to that subscriber only, so
   * that a cache can answer with the last value (libzmq's ZMQ_XPUB_MANUAL_LAST_VALUE). Default false.
   */
  readonly lastValue?: boolean
  /** Send to nobody rather than not to everyone: `send` then says false and took nothing (ZMQ_XPUB_NODROP). Default false. */
  readonly noDrop?: boolean
  /** What every new subscriber is sent first, as one frame (libzmq's ZMQ_XPUB_WELCOME_MSG). Default: nothing. */
  readonly welcome?: Uint8Array
  /** Send to those who did *not* subscribe (libzmq's ZMQ_INVERT_MATCHING). Default false. */
  readonly invertMatching?: boolean
  /** Most octets of prefixes kept for one subscriber; more costs it its connection. Default 1 MiB. */
  readonly maxSubscriptionBytes?: number
}

/** Messages that are kept for an application that has never read one; those that come after them are not. */
const neverReadMax = 10_000

export class XPub extends ReceivingSocket {
  protected readonly socketType: SocketType = SocketType.XPub
  readonly #maxSubscriptionBytes: number
  readonly #lastValue: boolean
  readonly #welcome: Uint8Array | undefined
  readonly #fanout: Fanout<Peer>
  /** With `manual`, what subscribers asked for; what they get is in #fanout. */
  readonly #asked: Fanout<Peer> | undefined
  readonly #peersByNumber = new Map<number, Peer>()
  /** Who sent what the application read last. */
  #from: Peer | undefined
  readonly #full: Peer[] = []
  readonly #fullOnes = new Set<Peer>()

  constructor(options: XPubOptions = {}) {
    super(options)
    this.#maxSubscriptionBytes = options.maxSubscriptionBytes ?? 1024 * 1024
    this.#fanout = new Fanout(this.engine, { invert: options.invertMatching ?? false })
    this.#lastValue = options.lastValue ?? false
    this.#asked = options.manual || this.#lastValue ? new Fanout(this.engine) : undefined
    this.#welcome = options.welcome
    this.inbox.taken = (frames, from) => {
      this.#from = this.#peersByNumber.get(from)
      return frames
    }
  }

  /**
   * False when at least one subscriber's queue was full, so that it missed the message; or, with `noDrop`, so that nobody
   * got it. `drained` waits for room.
   */
  send(frames: readonly Uint8Array[]): boolean {
    this.lifecycle.assertOpen()
    checkFrames(frames)
    if (this.#lastValue && this.#from !== undefined) {
      const only = this.#from
      this.#from = undefined
      return this.#fanout.sendTo(only, frames)
    }
    this.#fanout.send(frames, this.#full, (this.options as XPubOptions).noDrop)
    if (this.#full.length === 0) return true
    for (const peer of this.#full) this.#fullOnes.add(peer)
    this.#full.length = 0
    return false
  }

  /**
   * With `manual`: gives a subscriber what begins with the prefix; by default the one whose message was read last. Throws
   * `BadOption` without `manual`.
   */
  subscribe(prefix: Uint8Array, peer?: number): void {
    checkOctets("a prefix", prefix)
    const subscriber = this.#chosen(peer)
    if (subscriber !== undefined) this.#fanout.subscribe(subscriber, prefix, this.#maxSubscriptionBytes)
  }
  /** With `manual`: takes that back. */
  unsubscribe(prefix: Uint8Array, peer?: number): void {
    checkOctets("a prefix", prefix)
    const subscriber = this.#chosen(peer)
    if (subscriber !== undefined) this.#fanout.cancel(subscriber, prefix)
  }

  /** How many peers are subscribed to anything. */
  get subscribers(): number {
    return this.#fanout.size
  }

  #chosen(peer: number | undefined): Peer | undefined {
    if (this.#asked === undefined)
      throw new ZincError("BadOption", "only an XPub made with `manual` subscribes for its subscribers")
    return peer === undefined ? this.#from : this.#peersByNumber.get(peer)
  }

  protected override opened(peer: Peer): void {
    this.#peersByNumber.set(peer.number, peer)
    this.#fanout.join(peer)
    if (this.#welcome !== undefined) peer.outbox.send([this.#welcome])
  }

  protected override get paced(): boolean {
    return true
  }
  override get drops(): boolean {
    return !(this.options as XPubOptions).noDrop
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
    this.#peersByNumber.delete(peer.number)
    if (this.#from === peer) this.#from = undefined
    const tell = (prefix: Uint8Array) => {
      if (this.lifecycle.isOpen) this.#tell(peer, 0, prefix)
    }
    if (this.#asked === undefined) this.#fanout.remove(peer, tell)
    else {
      this.#fanout.remove(peer)
      this.#asked.remove(peer, tell)
    }
    this.signalRoom()
  }

  protected override subscription(peer: Peer, topic: Uint8Array, wanted: boolean): void {
    const fanout = this.#asked ?? this.#fanout
    const manual = this.#asked !== undefined
    const asked: XPubOptions = this.options
    if (wanted) {
      const result = fanout.subscribe(peer, topic, this.#maxSubscriptionBytes)
      if (result === "tooMany") {
        peer.connection.fail(
          new ZincError(
            "TooLarge",
            `${peer.remote} subscribed to more than ${this.#maxSubscriptionBytes} octets of topics`,
          ),
        )
      } else if (result === "new" || manual || asked.verbose || asked.verboser) this.#tell(peer, 1, topic)
    } else {
      const result = fanout.cancel(peer, topic)
      if (result === "last" || manual || (asked.verboser && result !== "absent")) this.#tell(peer, 0, topic)
    }
    peer.connection.kept = fanout.costOf(peer)
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

  /**
   * A message for the application: a subscription (01), its end (00), or what a subscriber sent. One that has never read
   * any hardly will, and must not starve its subscribers by it.
   */
  protected heard(batch: FrameBatch): void {
    if (this.inbox.wasRead || this.inbox.size < neverReadMax) this.inbox.deliver(batch)
  }
  /** What is told of as many subscriptions as one subscriber may have is no reason to stop reading from it. */
  protected override get unreadMax(): number {
    return super.unreadMax && Math.max(super.unreadMax, prefixesMax)
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
