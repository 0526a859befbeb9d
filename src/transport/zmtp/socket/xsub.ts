/** XSUB: as SUB, but it sees everything that publishers send it and can send messages of its own to them. */
import { concat } from "../../../core/bytes.ts"
import { encodeCancel, encodeSubscribe } from "../../../zmtp/command.ts"
import { encodeMessage } from "../../../zmtp/frame.ts"
import { SubscriptionCount } from "../../../zmtp/pattern/subscription-count.ts"
import { SocketType } from "../../../zmtp/socket-type.ts"
import { checkFrames, checkOctets } from "./frame-check.ts"
import type { Peer } from "./peer.ts"
import { ReceivingSocket } from "./receiving.ts"
import type { PatternSocketOptions } from "./socket-options.ts"

export class XSub extends ReceivingSocket {
  protected readonly socketType: SocketType = SocketType.XSub
  protected readonly subscriptions: SubscriptionCount = new SubscriptionCount()
  readonly #publishers = new Set<Peer>()

  constructor(options: PatternSocketOptions = {}) {
    super(options)
  }

  /** Asks all publishers, now and to come, for messages whose first frame begins with the prefix. Counted. */
  subscribe(prefix: Uint8Array): void {
    this.lifecycle.assertOpen()
    checkOctets("a prefix", prefix)
    this.subscriptions.add(prefix)
    for (const peer of this.#publishers) tell(peer, prefix, true)
  }

  /** As many unsubscribes as subscribes end it. */
  unsubscribe(prefix: Uint8Array): void {
    this.lifecycle.assertOpen()
    checkOctets("a prefix", prefix)
    if (this.subscriptions.remove(prefix)) for (const peer of this.#publishers) tell(peer, prefix, false)
  }

  /**
   * To every publisher that has room. A single frame that begins with 01 or 00 subscribes or unsubscribes, and goes out
   * as the message it is (G6). False when there was nobody to send it to, or not everyone had room.
   */
  send(frames: readonly Uint8Array[]): boolean {
    this.lifecycle.assertOpen()
    checkFrames(frames)
    const only = frames.length === 1 ? frames[0]! : undefined
    if (only?.[0] === 1) this.subscriptions.add(only.subarray(1))
    if (only?.[0] === 0) this.subscriptions.remove(only.subarray(1))
    let all = this.#publishers.size > 0
    for (const peer of this.#publishers) all = peer.outbox.send(frames) && all
    return all
  }

  override get drops(): boolean {
    return true
  }
  protected get hasRoom(): boolean {
    for (const peer of this.#publishers) if (!peer.outbox.hasRoom) return false
    return this.#publishers.size > 0
  }

  /** A new publisher hears of every subscription, each once (S3). */
  protected override opened(peer: Peer): void {
    this.#publishers.add(peer)
    for (const prefix of this.subscriptions.prefixes()) tell(peer, prefix, true)
  }
  protected override closed(peer: Peer): void {
    this.#publishers.delete(peer)
  }
}

/** As a command to those who know it, as a message to the others (G6). */
function tell(peer: Peer, prefix: Uint8Array, wanted: boolean): void {
  const { outbox, connection } = peer
  if (!connection.takesSubscribeCommands) {
    outbox.sendEncoded(encodeMessage([concat([Uint8Array.of(wanted ? 1 : 0), prefix])]))
  } else outbox.sendEncoded(wanted ? encodeSubscribe(prefix) : encodeCancel(prefix))
}
