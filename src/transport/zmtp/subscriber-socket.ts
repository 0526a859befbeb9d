/** The client's end of the down leg. It does not filter: what the host sends to it alone may have any topic. */
import { concat } from "../../core/bytes.ts"
import type { FrameBatch } from "../../core/frame-batch.ts"
import { encodeCancel, encodeSubscribe } from "../../zmtp/command.ts"
import type { Engine } from "../../zmtp/engine.ts"
import { encodeMessage } from "../../zmtp/frame.ts"
import type { Link } from "../../zmtp/link.ts"
import { SubscriptionCount } from "../../zmtp/pattern/subscription-count.ts"
import { SocketType } from "../../zmtp/socket-type.ts"
import type { SocketOptions, SubscriberHandler, SubscriberSocket } from "../transport.ts"
import type { CarrierTable } from "./carrier-table.ts"
import { ZmtpDialedSocket } from "./dialed-socket.ts"

/** Subscriptions must arrive whatever waits. */
const noLimits = { messages: 0, bytes: 0 }

export class ZmtpSubscriber extends ZmtpDialedSocket implements SubscriberSocket {
  readonly #handler: SubscriberHandler
  readonly #subscriptions = new SubscriptionCount()

  constructor(engine: Engine, carriers: CarrierTable, handler: SubscriberHandler, options: SocketOptions) {
    super(engine, carriers, SocketType.Sub, handler, options, noLimits)
    this.#handler = handler
  }

  subscribe(prefix: Uint8Array): void {
    this.assertOpen()
    this.#subscriptions.add(prefix)
    if (this.connection !== undefined) this.#tell(this.connection, prefix, true)
  }

  unsubscribe(prefix: Uint8Array): void {
    this.assertOpen()
    if (!this.#subscriptions.remove(prefix) || this.connection === undefined) return
    this.#tell(this.connection, prefix, false)
  }

  pause(): void {
    this.assertOpen()
    this.connection?.pause()
  }
  resume(): void {
    this.assertOpen()
    this.connection?.resume()
  }

  protected override opened(connection: Link): void {
    for (const prefix of this.#subscriptions.prefixes()) this.#tell(connection, prefix, true)
  }
  protected override received(batch: FrameBatch): void {
    this.#handler.onBatch(batch)
  }

  /** As a command to those who know it, as a message to the others (G6). */
  #tell(connection: Link, prefix: Uint8Array, wanted: boolean): void {
    if (!connection.takesSubscribeCommands) {
      this.outbox.sendEncoded(encodeMessage([concat([Uint8Array.of(wanted ? 1 : 0), prefix])]))
    } else this.outbox.sendEncoded(wanted ? encodeSubscribe(prefix) : encodeCancel(prefix))
  }
}
