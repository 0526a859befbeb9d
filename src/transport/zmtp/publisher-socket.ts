/** The host's end of the down leg: one message to everyone who wants it, and subscriptions held until granted (L3). */
import { copyOf } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"
import type { FrameBatch } from "../../core/frame-batch.ts"
import type { Connection } from "../../zmtp/connection.ts"
import type { Engine } from "../../zmtp/engine.ts"
import type { Outbox } from "../../zmtp/outbox.ts"
import { Fanout } from "../../zmtp/pattern/fanout.ts"
import { keyOf } from "../../zmtp/pattern/subscription-count.ts"
import { SocketType } from "../../zmtp/socket-type.ts"
import type { PublisherHandler, PublisherOptions, PublisherSocket } from "../transport.ts"
import { type BoundPeer, BoundSocket } from "./bound-socket.ts"

/**
 * Most that is held for a subscriber before it is granted. A client asks for its private topic first, and is granted
 * with that; who is not, is nobody yet, and a prefix costs us more than its octets.
 */
const heldPrefixesMax = 1024
const heldBytesMax = 64 * 1024

interface Subscriber extends BoundPeer {
  /** Which prefixes it may have; absent until it is granted. */
  allows: ((prefix: Uint8Array) => boolean) | undefined
  /** What it asked for before. */
  held: Map<string, Uint8Array>
  heldBytes: number
}

export class ZmtpPublisher extends BoundSocket<Subscriber> implements PublisherSocket {
  protected override readonly paced: boolean = true
  readonly #handler: PublisherHandler
  readonly #guard: boolean
  readonly #maxSubscriptionBytes: number
  readonly #fanout: Fanout<Subscriber>
  readonly #full: Subscriber[] = []

  constructor(engine: Engine, handler: PublisherHandler, options: PublisherOptions) {
    super(engine, SocketType.XPub, handler, options)
    this.#handler = handler
    this.#guard = options.guard ?? false
    this.#maxSubscriptionBytes = options.maxSubscriptionBytes ?? 1024 * 1024
    this.#fanout = new Fanout(engine)
  }

  send(frames: readonly Uint8Array[]): void {
    this.assertOpen()
    this.#fanout.send(frames, this.#full)
    if (this.#full.length > 0) this.#tellFull(frames)
  }

  sendTo(connection: number, frames: readonly Uint8Array[]): boolean {
    this.assertOpen()
    return this.peers.get(connection)?.outbox.send(frames) ?? false
  }

  grant(connection: number, allows: (prefix: Uint8Array) => boolean): void {
    this.assertOpen()
    const peer = this.peers.get(connection)
    if (peer === undefined || !this.#guard) return
    peer.allows = allows
    for (const prefix of this.#fanout.prefixesOf(peer)) if (!allows(prefix)) this.#fanout.cancel(peer, prefix)
    for (const prefix of peer.held.values()) {
      if (allows(prefix)) this.#fanout.subscribe(peer, prefix, this.#maxSubscriptionBytes)
    }
    peer.held.clear()
    peer.heldBytes = 0
  }

  waiting(connection: number): { readonly messages: number; readonly bytes: number } | undefined {
    const outbox = this.peers.get(connection)?.outbox
    return outbox && { messages: outbox.messages, bytes: outbox.bytes }
  }

  clear(connection: number): number {
    this.assertOpen()
    return this.peers.get(connection)?.outbox.clear() ?? 0
  }

  protected makePeer(number: number, connection: Connection, outbox: Outbox): Subscriber {
    return { number, connection, outbox, allows: this.#guard ? undefined : everything, held: new Map(), heldBytes: 0 }
  }

  protected override subscription(peer: Subscriber, topic: Uint8Array, wanted: boolean): void {
    if (!this.peers.has(peer.number)) return
    const prefix = copyOf(topic)
    if (!wanted) {
      this.#fanout.cancel(peer, prefix)
      if (peer.held.delete(keyOf(prefix))) peer.heldBytes -= prefix.length
      this.#handler.onUnsubscribe(peer.number, prefix)
    } else if (this.#keep(peer, prefix)) this.#handler.onSubscribe(peer.number, prefix)
    else {
      const most = this.#maxSubscriptionBytes
      peer.connection.fail(
        new ZincError("TooLarge", `${peer.connection.remote} subscribed to more than ${most} octets of topics`),
      )
    }
    peer.connection.kept = this.#fanout.costOf(peer)
  }

  /** Peers of ZMTP 3.0 subscribe by messages (G6); nothing else is expected of a subscriber. */
  protected override received(peer: Subscriber, batch: FrameBatch): void {
    for (let i = 0; i < batch.count; i++) {
      const at = batch.first[i]!
      const buffer = batch.buffers[at]!
      const start = batch.starts[at]!
      const end = batch.ends[at]!
      if (batch.framesOf(i) !== 1 || start === end || buffer[start]! > 1) continue
      this.subscription(peer, buffer.subarray(start + 1, end), buffer[start] === 1)
    }
  }

  protected override hasRoom(number: number): void {
    this.#handler.onRoom?.(number)
  }
  protected override forget(peer: Subscriber): void {
    this.#fanout.remove(peer)
    peer.held.clear()
  }
  protected override shut(): void {
    this.#fanout.close()
  }

  /** False when it has too many. */
  #keep(peer: Subscriber, prefix: Uint8Array): boolean {
    if (peer.allows !== undefined) {
      if (!peer.allows(prefix)) return true
      return this.#fanout.subscribe(peer, prefix, this.#maxSubscriptionBytes) !== "tooMany"
    }
    const key = keyOf(prefix)
    if (peer.held.has(key)) return true
    const bytesMax = Math.min(heldBytesMax, this.#maxSubscriptionBytes)
    if (peer.heldBytes + prefix.length > bytesMax || peer.held.size >= heldPrefixesMax) return false
    peer.held.set(key, prefix)
    peer.heldBytes += prefix.length
    return true
  }

  /** After the send is done, so that the handler may do anything to the subscribers. */
  #tellFull(frames: readonly Uint8Array[]): void {
    const full = this.#full.splice(0)
    if (this.#handler.onFull === undefined) return
    for (const peer of full) {
      if (!this.isClosed && this.peers.has(peer.number)) this.#handler.onFull(peer.number, frames)
    }
  }
}

function everything(): boolean {
  return true
}
