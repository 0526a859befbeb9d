/**
 * The transport that endpoints use by default: our ZMTP engine over carriers. One address serves a host's router,
 * publisher and puller; each knows its peers; dialled sockets connect once. On the wire any libzmq program is a fit
 * peer, for each leg is plain ZMTP 3.1.
 */
import { ZincError } from "../../core/errors.ts"
import type { Logger } from "../../core/logger.ts"
import { Engine } from "../../zmtp/engine.ts"
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
import { ZmtpPublisher } from "./publisher-socket.ts"
import { ZmtpPuller } from "./puller-socket.ts"
import { ZmtpPusher } from "./pusher-socket.ts"
import { ZmtpRouter } from "./router-socket.ts"
import { ZmtpSubscriber } from "./subscriber-socket.ts"
import { type Parts, withSystemParts } from "./system.ts"

export class ZmtpTransport implements Transport {
  readonly name = "zmtp"
  readonly supports: TransportSupport
  readonly #engine: Engine
  readonly #carriers: CarrierTable
  readonly #logger: Logger

  constructor(parts: Parts = {}) {
    const { clock, carriers, logger } = withSystemParts(parts)
    this.#engine = new Engine(clock)
    this.#carriers = new CarrierTable(carriers)
    this.#logger = logger
    this.supports = {
      schemes: this.#carriers.schemes,
      sharedPort: true,
      browser: false,
      connectionEvents: true,
      subscriberIdentity: true,
      curve: false,
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
    const port = new BoundPort(this.#engine, this.#logger, ours)
    const bound = await port.listen(this.#carriers.find(address), address)
    return { control: bound, publish: bound, push: bound }
  }

  dealer(handler: DealerHandler, options: SocketOptions = {}): DealerSocket {
    return new ZmtpDealer(this.#engine, this.#carriers, handler, options)
  }
  subscriber(handler: SubscriberHandler, options: SocketOptions = {}): SubscriberSocket {
    return new ZmtpSubscriber(this.#engine, this.#carriers, handler, options)
  }
  pusher(handler: DialHandler, options: SocketOptions = {}): PusherSocket {
    return new ZmtpPusher(this.#engine, this.#carriers, handler, options)
  }
}
