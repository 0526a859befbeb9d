/** The client's side of the virtual network. */
import { type Deferred, deferred } from "../../core/deferred.ts"
import { ZincError } from "../../core/errors.ts"
import type { FrameBatch } from "../../core/frame-batch.ts"
import type {
  BatchHandler,
  DealerHandler,
  DealerSocket,
  DialedSocket,
  DialHandler,
  PusherSocket,
  SocketOptions,
  SubscriberHandler,
  SubscriberSocket,
} from "../transport.ts"
import { messageOf } from "./bound-socket.ts"
import type { End, EndOwner } from "./connection.ts"
import { Leg } from "./fault.ts"
import type { SimulatedNode } from "./node.ts"
import type { SimulatedNetwork } from "./simulated-network.ts"

const defaultLingerMs = 1_000
const defaultHandshakeTimeoutMs = 30_000

abstract class SimulatedDialedSocket implements DialedSocket, EndOwner {
  readonly options: SocketOptions
  protected readonly network: SimulatedNetwork
  protected readonly node: SimulatedNode
  /** The connection once it is open, until it is lost. */
  protected end: End | undefined
  readonly #leg: Leg
  readonly #what: string
  readonly #handler: DialHandler & Partial<BatchHandler>
  #dialing: { readonly end: End; readonly done: Deferred<void>; stop(): void } | undefined
  #dialed = false
  #crashed = false
  #closing: Promise<void> | undefined

  constructor(
    network: SimulatedNetwork,
    node: SimulatedNode,
    leg: Leg,
    what: string,
    handler: DialHandler & Partial<BatchHandler>,
    options: SocketOptions,
  ) {
    this.network = network
    this.node = node
    this.#leg = leg
    this.#what = `the ${what} of "${node.name}"`
    this.#handler = handler
    this.options = options
    network.own(node, this)
  }

  connect(address: string, options: { readonly signal: AbortSignal }): Promise<void> {
    const { signal } = options
    const done = deferred()
    try {
      this.assertOpen()
      if (this.#dialed)
        throw new ZincError("BadOption", `${this.#what} has dialled before; make a new one for each dial`)
    } catch (thrown) {
      done.reject(thrown)
      return done.promise
    }
    this.#dialed = true
    if (signal.aborted) {
      this.#fail(done, new ZincError("Aborted", `dialling ${address} was aborted before it began`))
      return done.promise
    }
    if (this.#crashed) return done.promise
    let end: End
    try {
      end = this.network.dial(this.node, this.#leg, address)
    } catch (thrown) {
      this.#fail(done, thrown)
      return done.promise
    }
    end.own(this)
    const onAbort = () => {
      this.#giveUp(new ZincError("Aborted", `dialling ${address} was aborted`, { cause: signal.reason }))
    }
    const timeoutMs = this.options.handshakeTimeoutMs ?? defaultHandshakeTimeoutMs
    const timer = this.node.clock.after(timeoutMs, () => {
      this.#giveUp(
        new ZincError("Timeout", `${address} did not complete the handshake within ${timeoutMs} ms`, {
          retryable: true,
        }),
      )
    })
    signal.addEventListener("abort", onAbort, { once: true })
    this.#dialing = {
      end,
      done,
      stop: () => {
        timer.cancel()
        signal.removeEventListener("abort", onAbort)
      },
    }
    return done.promise
  }

  close(options: { readonly lingerMs?: number } = {}): Promise<void> {
    this.#closing ??= new Promise(resolve => {
      this.network.disown(this.node, this)
      const done = () => {
        this.node.clock.after(0, resolve)
      }
      const end = this.end
      this.end = undefined
      this.#giveUp(new ZincError("Aborted", `${this.#what} was closed while it dialled`))
      if (end === undefined) done()
      else end.finish(options.lingerMs ?? defaultLingerMs, done)
    })
    return this.#closing
  }

  abort(): void {
    this.#closing ??= Promise.resolve()
    this.network.disown(this.node, this)
    this.#giveUp(new ZincError("Aborted", `${this.#what} was closed while it dialled`))
    const end = this.end
    this.end = undefined
    end?.close()
  }

  /** The process is gone: nothing is told any more, and what it waited for never comes. */
  crash(): void {
    this.#crashed = true
    this.#dialing?.stop()
    this.#dialing = undefined
    this.end = undefined
  }

  onOpen(end: End): void {
    const dialing = this.#dialing
    if (dialing === undefined) return
    this.#dialing = undefined
    dialing.stop()
    end.number = 1
    this.end = end
    end.review()
    this.opened(end)
    dialing.done.resolve()
  }

  onRefused(end: End): void {
    // As a machine's kernel says it of a port where nobody listens.
    const cause = Object.assign(new Error("connection refused"), { code: "ECONNREFUSED" })
    this.#giveUp(
      new ZincError("Unreachable", `nobody listens at ${end.connection.address}`, { retryable: true, cause }),
    )
  }

  onMessages(_end: End, batch: FrameBatch): void {
    this.#handler.onBatch?.(batch)
  }

  onSubscription(): void {}

  onRoom(): void {
    this.#handler.onDrain?.()
  }

  onLost(end: End, error: Error | undefined): void {
    if (this.#dialing !== undefined) {
      const because = error === undefined ? "" : `: ${error.message}`
      this.#giveUp(
        new ZincError("HandshakeFailed", `${end.connection.address} closed during the handshake${because}`, {
          retryable: true,
        }),
      )
      return
    }
    if (this.end !== end) return
    this.end = undefined
    if (error === undefined) this.#handler.onDisconnect?.()
    else this.#handler.onDisconnect?.(error)
  }

  protected opened(_end: End): void {}

  protected assertOpen(): void {
    if (this.#closing !== undefined) throw new ZincError("Closed", `${this.#what} is closed; make a new one`)
  }

  #giveUp(reason: ZincError): void {
    const dialing = this.#dialing
    if (dialing === undefined) return
    this.#dialing = undefined
    dialing.stop()
    dialing.end.abandon()
    this.#fail(dialing.done, reason)
  }

  #fail(done: Deferred<void>, reason: unknown): void {
    this.#closing ??= Promise.resolve()
    this.network.disown(this.node, this)
    done.reject(reason)
  }
}

export class SimulatedDealer extends SimulatedDialedSocket implements DealerSocket {
  constructor(network: SimulatedNetwork, node: SimulatedNode, handler: DealerHandler, options: SocketOptions) {
    super(network, node, Leg.Control, "dealer", handler, options)
  }

  send(frames: readonly Uint8Array[]): boolean {
    this.assertOpen()
    return this.end?.send(messageOf(frames)) ?? false
  }
}

export class SimulatedPusher extends SimulatedDialedSocket implements PusherSocket {
  constructor(network: SimulatedNetwork, node: SimulatedNode, handler: DialHandler, options: SocketOptions) {
    super(network, node, Leg.Push, "pusher", handler, options)
  }

  send(frames: readonly Uint8Array[]): boolean {
    this.assertOpen()
    return this.end?.send(messageOf(frames)) ?? false
  }

  get waiting(): number {
    return this.end?.out.bytes ?? 0
  }
}

/** Counts its subscriptions: each is told to the publisher, only the last end of one is. */
export class SimulatedSubscriber extends SimulatedDialedSocket implements SubscriberSocket {
  readonly #counts = new Map<string, { readonly prefix: Uint8Array; count: number }>()

  constructor(network: SimulatedNetwork, node: SimulatedNode, handler: SubscriberHandler, options: SocketOptions) {
    super(network, node, Leg.Publish, "subscriber", handler, options)
  }

  subscribe(prefix: Uint8Array): void {
    this.assertOpen()
    const key = String(prefix)
    const entry = this.#counts.get(key)
    if (entry === undefined) this.#counts.set(key, { prefix: new Uint8Array(prefix), count: 1 })
    else entry.count++
    this.#tell("subscribe", new Uint8Array(prefix))
  }

  unsubscribe(prefix: Uint8Array): void {
    this.assertOpen()
    const key = String(prefix)
    const entry = this.#counts.get(key)
    if (entry === undefined || --entry.count > 0) return
    this.#counts.delete(key)
    this.#tell("cancel", new Uint8Array(prefix))
  }

  pause(): void {
    this.assertOpen()
    this.end?.pause()
  }
  resume(): void {
    this.assertOpen()
    this.end?.resume()
  }

  protected override opened(): void {
    for (const { prefix } of this.#counts.values()) this.#tell("subscribe", prefix)
  }

  #tell(kind: "subscribe" | "cancel", prefix: Uint8Array): void {
    this.end?.out.push({ kind, prefix }, this.network.latency(Leg.Publish))
  }
}
