/** A transport whose other ends are all the fuzzer's: it gives sockets what it likes, and notes what they send. */
import { FrameBatch } from "../../src/core/frame-batch.ts"
import type {
  BatchHandler,
  DealerHandler,
  DealerSocket,
  DialHandler,
  HostAddresses,
  PublisherHandler,
  PublisherSocket,
  PullerHandler,
  PullerSocket,
  PusherSocket,
  RouterHandler,
  RouterSocket,
  SubscriberHandler,
  SubscriberSocket,
  Transport,
  TransportSupport,
} from "../../src/transport/transport.ts"

export class HostileTransport implements Transport {
  readonly name = "hostile"
  readonly supports: TransportSupport = {
    schemes: ["sim"],
    sharedPort: true,
    browser: false,
    connectionEvents: true,
    subscriberIdentity: true,
    curve: false,
    referenceBytes: 6 * 1024,
  }
  // The newest of each, as whoever uses it hears of things.
  routerHandler: RouterHandler | undefined
  publisherHandler: PublisherHandler | undefined
  pullerHandler: PullerHandler | undefined
  dealerHandler: DealerHandler | undefined
  subscriberHandler: SubscriberHandler | undefined
  pusherHandler: DialHandler | undefined
  /** Connections that were closed on us. */
  readonly cut: Set<number> = new Set()
  /** Hears what is sent to a connection of a router or a publisher, or (0) by a dealer. */
  onSent: (connection: number, frames: readonly Uint8Array[]) => void = () => {}
  readonly #queued = new Map<number, number>()

  router(handler: RouterHandler): RouterSocket {
    this.routerHandler = handler
    return {
      ...this.#common(),
      send: (connection, frames) => {
        if (this.cut.has(connection)) return false
        this.onSent(connection, frames.map(copy))
        return true
      },
    }
  }
  publisher(handler: PublisherHandler): PublisherSocket {
    this.publisherHandler = handler
    return {
      ...this.#common(),
      send: frames => this.onSent(0, frames.map(copy)),
      sendTo: (connection, frames) => {
        if (this.cut.has(connection)) return false
        this.onSent(connection, frames.map(copy))
        return true
      },
      grant: () => {},
      waiting: connection => ({ messages: 0, bytes: this.#queued.get(connection) ?? 0 }),
      clear: () => 0,
    }
  }
  puller(handler: PullerHandler): PullerSocket {
    this.pullerHandler = handler
    return { ...this.#common(), pause: () => {}, resume: () => {} }
  }
  async bind(address: string): Promise<HostAddresses> {
    return { control: address, publish: address, push: address }
  }
  dealer(handler: DealerHandler): DealerSocket {
    this.dealerHandler = handler
    return { ...this.#dialled(), send: frames => this.#heard(frames) }
  }
  subscriber(handler: SubscriberHandler): SubscriberSocket {
    this.subscriberHandler = handler
    const nothing = () => {}
    return { ...this.#dialled(), subscribe: nothing, unsubscribe: nothing, pause: nothing, resume: nothing }
  }
  pusher(handler: DialHandler): PusherSocket {
    this.pusherHandler = handler
    return { ...this.#dialled(), send: () => true, waiting: 0 }
  }

  /** Gives a socket a message, in memory that is never written again, as the contract has it. */
  give(handler: BatchHandler | undefined, connection: number, frames: readonly Uint8Array[]): void {
    const batch = new FrameBatch()
    batch.connection = connection
    batch.addMessage(frames.map(copy))
    handler?.onBatch(batch)
  }

  #heard(frames: readonly Uint8Array[]): boolean {
    this.onSent(0, frames.map(copy))
    return true
  }
  #common() {
    return {
      close: async () => {},
      abort: () => {},
      disconnect: (connection: number) => {
        this.cut.add(connection)
      },
    }
  }
  #dialled() {
    return { close: async () => {}, abort: () => {}, connect: async () => {} }
  }
}

function copy(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}
