/**
 * libzmq through npm `zeromq` (an optional peer), for programs that want the reference implementation or its
 * security. It knows less than our engine: no shared port, no names for subscribers and pushers, and no word of a
 * lost connection at the bound side; dialled sockets do hear it.
 */
import { type Clock, sleep, systemClock } from "../../core/clock.ts"
import { ZincError } from "../../core/errors.ts"
import type {
  DealerHandler,
  DealerSocket,
  DialHandler,
  HostAddresses,
  HostSockets,
  PublisherHandler,
  PublisherOptions,
  PublisherSocket,
  PullerHandler,
  PullerSocket,
  PusherSocket,
  RouterHandler,
  RouterSocket,
  SocketOptions,
  SubscriberHandler,
  SubscriberSocket,
  Transport,
  TransportSupport,
} from "../transport.ts"
import { type NativeBoundSocket, NativePublisher, NativePuller, NativeRouter } from "./bound-socket.ts"
import { NativeDealer, NativePusher, NativeSubscriber } from "./dialed-socket.ts"
import { loadZeromq } from "./load-zeromq.ts"
import { dialable, fromZeromq, isTaken, toBind } from "./native-address.ts"
import type { NativeContext } from "./native-socket.ts"
import { referenceBytes } from "./send-queue.ts"

export interface NativeTransportOptions {
  /** Default: the machine's. */
  readonly clock?: Clock
}

/** libzmq lets go of an address some time after a close; so long a bind waits for one of ours. */
const releaseMs = 500

export class NativeTransport implements Transport {
  readonly name: string = "native"
  readonly supports: TransportSupport = {
    schemes: ["tcp", "ipc"],
    sharedPort: false,
    browser: false,
    connectionEvents: false,
    subscriberIdentity: false,
    curve: false,
    referenceBytes,
  }
  readonly #context: NativeContext
  /** Places closed by us, with when. */
  readonly #released = new Map<string, number>()

  /** Throws `MissingPackage` when `zeromq` is not installed. */
  static async open(options: NativeTransportOptions = {}): Promise<NativeTransport> {
    return new NativeTransport({ zeromq: await loadZeromq(), clock: options.clock ?? systemClock })
  }

  private constructor(context: NativeContext) {
    this.#context = context
  }

  router(handler: RouterHandler, options: SocketOptions = {}): RouterSocket {
    return new NativeRouter(this.#context, handler, options, this.#onEnd)
  }
  publisher(handler: PublisherHandler, options: PublisherOptions = {}): PublisherSocket {
    return new NativePublisher(this.#context, handler, options, this.#onEnd)
  }
  puller(handler: PullerHandler, options: SocketOptions = {}): PullerSocket {
    return new NativePuller(this.#context, handler, options, this.#onEnd)
  }

  async bind(address: string, sockets: HostSockets): Promise<HostAddresses> {
    const { router, publisher, puller } = sockets
    if (!(router instanceof NativeRouter && publisher instanceof NativePublisher && puller instanceof NativePuller)) {
      throw new ZincError("BadOption", "bind takes the router, publisher and puller that this transport made")
    }
    const wanted = await toBind(address)
    const bound: [NativeBoundSocket, string][] = []
    try {
      for (const [socket, endpoint] of [
        [router, wanted.control],
        [publisher, wanted.publish],
        [puller, wanted.push],
      ] as const) {
        bound.push([socket, await this.#bind(socket, endpoint, address)])
      }
    } catch (thrown) {
      for (const [socket, endpoint] of bound) await socket.native.unbind(endpoint).catch(() => {})
      throw thrown
    }
    for (const [socket, endpoint] of bound) socket.endpoints.push(endpoint)
    const [control, publish, push] = bound.map(([, endpoint]) => dialable(endpoint))
    return { control: control!, publish: publish!, push: push! }
  }

  dealer(handler: DealerHandler, options: SocketOptions = {}): DealerSocket {
    return new NativeDealer(this.#context, handler, options)
  }
  subscriber(handler: SubscriberHandler, options: SocketOptions = {}): SubscriberSocket {
    return new NativeSubscriber(this.#context, handler, options)
  }
  pusher(handler: DialHandler, options: SocketOptions = {}): PusherSocket {
    return new NativePusher(this.#context, handler, options)
  }

  /** The endpoint as libzmq calls it. */
  async #bind(socket: NativeBoundSocket, endpoint: string, address: string): Promise<string> {
    const { clock } = this.#context
    for (;;) {
      socket.assertOpen()
      try {
        if (await isTaken(endpoint)) throw Object.assign(new Error("somebody listens there"), { code: "EADDRINUSE" })
        socket.assertOpen()
        // The asynchronous bind would run beside the reading of the same socket, which libzmq does not allow.
        if (endpoint.includes("[")) socket.native.ipv6 = true
        socket.native.bindSync(endpoint)
        return socket.native.lastEndpoint ?? endpoint
      } catch (thrown) {
        if (ZincError.is(thrown)) throw thrown
        const since = this.#released.get(placeOf(endpoint))
        const inUse = (thrown as { code?: string }).code === "EADDRINUSE"
        if (!inUse || since === undefined || clock.now() - since > releaseMs) throw fromZeromq(thrown, address)
        await sleep(clock, 2)
      }
    }
  }

  readonly #onEnd = (endpoints: readonly string[]): void => {
    const now = this.#context.clock.now()
    for (const [place, since] of this.#released) if (now - since > releaseMs) this.#released.delete(place)
    for (const endpoint of endpoints) this.#released.set(placeOf(endpoint), now)
  }
}

/** What two endpoints cannot share: a port, whatever the interface, or a path. */
function placeOf(endpoint: string): string {
  return endpoint.startsWith("tcp:") ? endpoint.slice(endpoint.lastIndexOf(":")) : endpoint
}
