/** The pattern sockets of one virtual process. */
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
import { SimulatedPublisher } from "./bound-publisher.ts"
import { SimulatedPuller, SimulatedRouter } from "./bound-socket.ts"
import { SimulatedDealer, SimulatedPusher, SimulatedSubscriber } from "./dialed-socket.ts"
import type { SimulatedNode } from "./node.ts"
import type { SimulatedNetwork } from "./simulated-network.ts"

export class SimulatedTransport implements Transport {
  readonly name: string = "simulated"
  readonly supports: TransportSupport = {
    schemes: ["sim"],
    sharedPort: true,
    browser: true,
    connectionEvents: true,
    subscriberIdentity: true,
    curve: false,
    referenceBytes: Number.POSITIVE_INFINITY,
  }
  readonly #network: SimulatedNetwork
  readonly #node: SimulatedNode

  /** Made by `SimulatedNetwork.transport`. */
  constructor(network: SimulatedNetwork, node: SimulatedNode) {
    this.#network = network
    this.#node = node
  }

  router(handler: RouterHandler, options: SocketOptions = {}): RouterSocket {
    return new SimulatedRouter(this.#network, this.#node, handler, options)
  }
  publisher(handler: PublisherHandler, options: PublisherOptions = {}): PublisherSocket {
    return new SimulatedPublisher(this.#network, this.#node, handler, options)
  }
  puller(handler: PullerHandler, options: SocketOptions = {}): PullerSocket {
    return new SimulatedPuller(this.#network, this.#node, handler, options)
  }

  /** Needs no virtual time. */
  async bind(address: string, sockets: HostSockets): Promise<HostAddresses> {
    const bound = this.#network.listen(this.#node, address, sockets)
    return { control: bound, publish: bound, push: bound }
  }

  dealer(handler: DealerHandler, options: SocketOptions = {}): DealerSocket {
    return new SimulatedDealer(this.#network, this.#node, handler, options)
  }
  subscriber(handler: SubscriberHandler, options: SocketOptions = {}): SubscriberSocket {
    return new SimulatedSubscriber(this.#network, this.#node, handler, options)
  }
  pusher(handler: DialHandler, options: SocketOptions = {}): PusherSocket {
    return new SimulatedPusher(this.#network, this.#node, handler, options)
  }
}
