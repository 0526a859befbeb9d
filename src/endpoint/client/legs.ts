/**
 * The three connections of one link to a host, and how far joining has come on them. New ones are made for each attempt,
 * so that nothing old can speak for it.
 */
import { type Deferred, deferred } from "../../core/deferred.ts"
import type { FrameBatch } from "../../core/frame-batch.ts"
import type { Logger } from "../../core/logger.ts"
import { type Accept, decodeControl, type ProbeReply } from "../../message/control.ts"
import type { DealerSocket, PusherSocket, SubscriberSocket, Transport } from "../../transport/transport.ts"
import { onMachine, readMachineAddress } from "../machine-address.ts"

/** The two that carry data; either may be lost and dialled again while the link goes on (L9). */
export type DataLeg = "subscriber" | "pusher"

export interface LegsOptions {
  readonly transport: Transport
  readonly logger: Logger
  readonly maxPayloadBytes: number
  readonly onControl: (legs: Legs, batch: FrameBatch) => void
  readonly onPublished: (legs: Legs, batch: FrameBatch) => void
  /** The pusher takes more. */
  readonly onDrain: (legs: Legs) => void
  readonly onControlLost: (legs: Legs, error: Error | undefined) => void
  /** It was connected, or is being dialled; it is forgotten already. */
  readonly onDataLost: (legs: Legs, leg: DataLeg, error: Error | undefined) => void
}

export class Legs {
  readonly address: string
  readonly dealer: DealerSocket
  readonly abort: AbortController = new AbortController()
  /** Settled by the host's answer to the JOIN, and by the first baseline; rejected by whatever ends the attempt. */
  readonly accepted: Deferred<Accept> = deferred()
  readonly baseline: Deferred<void> = deferred()
  /** Settled by the answer to a PROBE that was sent before the JOIN. */
  readonly probed: Deferred<ProbeReply> = deferred()
  /** The control connection stands. */
  isConnected = false
  /** Undefined until the host has accepted. */
  accept: Accept | undefined
  subscriber: SubscriberSocket | undefined
  pusher: PusherSocket | undefined
  /** Why the link can no longer come up. */
  lost: Error | undefined
  readonly #o: LegsOptions

  constructor(address: string, options: LegsOptions) {
    this.address = address
    this.#o = options
    this.accepted.promise.catch(() => {})
    this.baseline.promise.catch(() => {})
    this.probed.promise.catch(() => {})
    this.dealer = options.transport.dealer(
      {
        onBatch: batch => options.onControl(this, batch),
        onDisconnect: error => options.onControlLost(this, error),
      },
      { maxMessageBytes: options.maxPayloadBytes + 1024 * 1024, logger: options.logger },
    )
  }

  /** The attempt ends with that error, whatever it waits for. */
  reject(error: Error): void {
    this.accepted.reject(error)
    this.baseline.reject(error)
    this.probed.reject(error)
  }

  /** The link can no longer come up, for the first reason given. */
  fail(error: Error): void {
    this.lost ??= error
    this.reject(this.lost)
    this.abort.abort(this.lost)
  }

  async connect(): Promise<void> {
    if (this.isConnected) return
    await this.dealer.connect(this.address, { signal: this.abort.signal })
    this.isConnected = true
  }

  /** What comes before the JOIN: the answer to a PROBE, and nothing else. */
  heardEarly(batch: FrameBatch): void {
    for (let i = 0; i < batch.count; i++) {
      try {
        const { body } = decodeControl(batch.frame(i, 0))
        if (body.case === "probeReply") this.probed.resolve(body.value)
      } catch (thrown) {
        this.fail(thrown as Error)
      }
    }
  }

  dial(leg: DataLeg): Promise<void> {
    return leg === "subscriber" ? this.#dialSubscriber() : this.#dialPusher()
  }

  /** Closes all three at once; what they still had to say is lost. */
  drop(): void {
    const { dealer, subscriber, pusher } = this
    this.subscriber = undefined
    this.pusher = undefined
    dealer.abort()
    subscriber?.abort()
    pusher?.abort()
  }

  async #dialSubscriber(): Promise<void> {
    const address = this.#addressOf(this.accept?.addresses?.publish)
    let own: SubscriberSocket | undefined
    const subscriber = this.#o.transport.subscriber(
      {
        onBatch: batch => this.subscriber === own && this.#o.onPublished(this, batch),
        onDisconnect: error => {
          if (this.subscriber !== own) return
          this.subscriber = undefined
          this.#o.onDataLost(this, "subscriber", error)
        },
      },
      { maxMessageBytes: this.#o.maxPayloadBytes + 64 * 1024, logger: this.#o.logger },
    )
    own = subscriber
    this.subscriber = subscriber
    try {
      await subscriber.connect(address, { signal: this.abort.signal })
    } catch (thrown) {
      if (this.subscriber === own) this.subscriber = undefined
      throw thrown
    }
  }

  async #dialPusher(): Promise<void> {
    const address = this.#addressOf(this.accept?.addresses?.push)
    let own: PusherSocket | undefined
    const pusher = this.#o.transport.pusher(
      {
        onDrain: () => this.pusher === own && this.#o.onDrain(this),
        onDisconnect: error => {
          if (this.pusher !== own) return
          this.pusher = undefined
          this.#o.onDataLost(this, "pusher", error)
        },
      },
      { sendLimits: { messages: 0, bytes: 4 * 1024 * 1024 }, logger: this.#o.logger },
    )
    own = pusher
    this.pusher = pusher
    try {
      await pusher.connect(address, { signal: this.abort.signal })
    } catch (thrown) {
      if (this.pusher === own) this.pusher = undefined
      throw thrown
    }
  }

  /** Where a leg is: what the host said, at the machine we dialled; nothing said means what we dialled. */
  #addressOf(said: string | undefined): string {
    if (said === undefined || said === "") return this.address
    const given = readMachineAddress(said)
    const dialled = readMachineAddress(this.address)
    if (given?.scheme !== "tcp" || dialled?.scheme !== "tcp") return said
    return onMachine(given, dialled.at?.machine ?? "127.0.0.1")
  }
}
