/**
 * Our ZMTP engine over whatever carriers it is given; it knows none of its own, so that pages can have it too. One address serves a host's router,
 * publisher and puller; each knows its peers; dialled sockets connect once. On the wire any libzmq program is a fit
 * peer, for each leg is plain ZMTP 3.1.
 */
import { ZincError } from "../../core/errors.ts"
import type { Logger } from "../../core/logger.ts"
import { Engine } from "../../zmtp/engine.ts"
import type { Security } from "../../zmtp/mechanism/mechanism.ts"
import { nullSecurity } from "../../zmtp/mechanism/null.ts"
import { referenceBytes } from "../../zmtp/outbox.ts"
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
import { BoundPort } from "./bound-port.ts"
import { BoundSocket } from "./bound-socket.ts"
import { CarrierTable } from "./carrier-table.ts"
import { ZmtpDealer } from "./dealer-socket.ts"
import type { DialOptions } from "./dialed-socket.ts"
import { defaultBufferedBytes, notNegative } from "./limits.ts"
import { ZmtpPublisher } from "./publisher-socket.ts"
import { ZmtpPuller } from "./puller-socket.ts"
import { ZmtpPusher } from "./pusher-socket.ts"
import { ZmtpRouter } from "./router-socket.ts"
import { ZmtpSubscriber } from "./subscriber-socket.ts"
import type { Parts } from "./system.ts"

/** How the connections of a transport are secured; both ends must say the same mechanism. */
export interface TransportSecurity {
  /** For connections that hosts accept: `curveServer(…)`, `plainServer(…)`. Default: NULL, no security. */
  readonly listen?: Security
  /** For connections that clients dial: `curveClient(…)`, `plainClient(…)`. Default: NULL, no security. */
  readonly dial?: Security
}

export class EngineTransport implements Transport {
  readonly name = "zmtp"
  readonly supports: TransportSupport
  readonly #engine: Engine
  readonly #carriers: CarrierTable
  readonly #logger: Logger
  readonly #security: Required<TransportSecurity>

  constructor(
    parts: Required<Parts>,
    options: { readonly security?: TransportSecurity; readonly maxBufferedBytes?: number; readonly browser?: boolean },
  ) {
    const { clock, carriers, logger } = parts
    this.#security = { listen: nullSecurity, dial: nullSecurity, ...options.security }
    const { maxBufferedBytes = defaultBufferedBytes } = options
    this.#engine = new Engine(clock, notNegative("maxBufferedBytes", maxBufferedBytes))
    this.#carriers = new CarrierTable(carriers)
    this.#logger = logger
    this.supports = {
      schemes: this.#carriers.schemes,
      sharedPort: true,
      browser: options.browser ?? false,
      connectionEvents: true,
      subscriberIdentity: true,
      curve: true,
      referenceBytes,
    }
  }

  router(handler: RouterHandler, options: SocketOptions = {}): RouterSocket {
    return new ZmtpRouter(this.#engine, handler, options)
  }
  publisher(handler: PublisherHandler, options: PublisherOptions = {}): PublisherSocket {
    return new ZmtpPublisher(this.#engine, handler, options)
  }
  puller(handler: PullerHandler, options: SocketOptions = {}): PullerSocket {
    return new ZmtpPuller(this.#engine, handler, options)
  }

  async bind(address: string, sockets: HostSockets): Promise<HostAddresses> {
    const { router, publisher, puller } = sockets
    const ours: BoundSocket[] = []
    for (const socket of [router, publisher, puller]) {
      if (!(socket instanceof BoundSocket)) {
        throw new ZincError("BadOption", "these sockets were made by another transport; bind them there")
      }
      socket.assertOpen()
      ours.push(socket)
    }
    const port = new BoundPort(this.#engine, this.#logger, ours, this.#security.listen)
    const bound = await port.listen(this.#carriers.find(address), address)
    return { control: bound, publish: bound, push: bound }
  }

  dealer(handler: DealerHandler, options: SocketOptions = {}): DealerSocket {
    return new ZmtpDealer(this.#engine, this.#carriers, handler, this.#dialling(options))
  }
  subscriber(handler: SubscriberHandler, options: SocketOptions = {}): SubscriberSocket {
    return new ZmtpSubscriber(this.#engine, this.#carriers, handler, this.#dialling(options))
  }
  pusher(handler: DialHandler, options: SocketOptions = {}): PusherSocket {
    return new ZmtpPusher(this.#engine, this.#carriers, handler, this.#dialling(options))
  }

  #dialling(options: SocketOptions): DialOptions {
    return { ...options, security: this.#security.dial }
  }
}
