/**
 * Hosts and clients that write down what they hear, and hold every test to the rules that have no test of their own:
 * a connection's number is new, nothing comes from it before its beginning or after its end, no callback comes from
 * inside a call or after a close.
 */
import assert from "node:assert/strict"
import type { FrameBatch } from "../../../core/frame-batch.ts"
import type {
  DealerSocket,
  DialedSocket,
  HostAddresses,
  PublisherOptions,
  PublisherSocket,
  PullerSocket,
  PusherSocket,
  RouterSocket,
  Socket,
  SocketOptions,
  SubscriberSocket,
  Transport,
} from "../../../transport/transport.ts"
import { Watch } from "../watch.ts"
import type { TransportUnderTest } from "./options.ts"

export interface Received {
  readonly connection: number
  readonly frames: readonly Uint8Array[]
}

/** What a bound socket heard. */
export interface Bound {
  readonly received: Received[]
  readonly connected: number[]
  readonly disconnected: number[]
}

export interface Host {
  readonly transport: Transport
  readonly router: RouterSocket
  readonly publisher: PublisherSocket
  readonly puller: PullerSocket
  addresses: HostAddresses
  readonly control: Bound
  readonly publish: Bound
  readonly push: Bound
  /** "+prefix" and "-prefix" in order, as latin1. */
  readonly subscriptions: string[]
  readonly subscribers: number[]
  readonly full: Received[]
  readonly room: number[]
  /** Called while a subscription is being told. */
  onSubscribe?: (connection: number, prefix: Uint8Array) => void
}

/** What a dialled socket heard. */
export interface Dialed {
  readonly received: (readonly Uint8Array[])[]
  lost: number
  drained: number
}

export interface Client {
  readonly transport: Transport
  readonly dealer: DealerSocket
  readonly subscriber: SubscriberSocket
  readonly pusher: PusherSocket
  readonly control: Dialed
  readonly publish: Dialed
  readonly push: Dialed
}

const never = new AbortController().signal

export class World {
  readonly subject: TransportUnderTest
  readonly watch: Watch
  readonly #sockets: Socket[] = []
  readonly #wrongs: string[] = []
  #calls = 0

  constructor(subject: TransportUnderTest) {
    this.subject = subject
    this.watch = new Watch(subject.settle)
  }

  /** Runs a test in a world of its own, and closes what it opened. */
  static async run(subject: TransportUnderTest, test: (world: World) => Promise<void>): Promise<void> {
    const world = new World(subject)
    try {
      await test(world)
      assert.deepEqual(world.#wrongs, [])
    } finally {
      for (const socket of world.#sockets) socket.abort()
      await subject.close?.()
    }
  }

  until(what: string, condition: () => boolean): Promise<void> {
    return this.watch.until(what, condition)
  }

  settled<T>(what: string, promise: Promise<T>): Promise<T> {
    return this.watch.settled(what, promise)
  }

  /** Everything a test does to a socket that could wrongly call back goes through here. */
  call<T>(action: () => T): T {
    this.#calls++
    try {
      return action()
    } finally {
      this.#calls--
    }
  }

  /** A host that is not bound yet. */
  makeHost(options: SocketOptions & PublisherOptions = {}): Host {
    const transport = this.subject.host
    const control = this.#bound("router")
    const publish = this.#bound("publisher")
    const push = this.#bound("puller")
    const { guard: _, maxSubscriptionBytes: __, ...socketOptions } = options
    const subscriptions: string[] = []
    const subscribers: number[] = []
    const full: Received[] = []
    const room: number[] = []
    const router = this.#track(transport.router(control.handler, socketOptions), control)
    const puller = this.#track(transport.puller(push.handler, socketOptions), push)
    const publisher = this.#track(
      transport.publisher(
        {
          ...publish.handler,
          onSubscribe: (connection, prefix) => {
            publish.called("onSubscribe")
            subscriptions.push(`+${latin1(prefix)}`)
            subscribers.push(connection)
            host.onSubscribe?.(connection, prefix)
            this.watch.poke()
          },
          onUnsubscribe: (_connection, prefix) => {
            publish.called("onUnsubscribe")
            subscriptions.push(`-${latin1(prefix)}`)
            this.watch.poke()
          },
          // The one callback that may come from inside a send: it is about that very message.
          onFull: (connection, frames) => {
            publish.called("onFull", true)
            full.push({ connection, frames: frames.map(copy) })
          },
          onRoom: connection => {
            publish.called("onRoom")
            room.push(connection)
            this.watch.poke()
          },
        },
        options,
      ),
      publish,
    )
    const addresses = { control: "", publish: "", push: "" }
    const host: Host = {
      transport,
      router,
      publisher,
      puller,
      addresses,
      control: control.heard,
      publish: publish.heard,
      push: push.heard,
      subscriptions,
      subscribers,
      full,
      room,
    }
    return host
  }

  /** A bound host. */
  async host(options: SocketOptions & PublisherOptions = {}): Promise<Host> {
    const host = this.makeHost(options)
    host.addresses = await this.bind(host, this.subject.address())
    return host
  }

  bind(host: Host, address: string): Promise<HostAddresses> {
    return this.settled(`binding ${address}`, host.transport.bind(address, host))
  }

  /** A client that has not dialled yet. */
  makeClient(options: SocketOptions = {}): Client {
    const transport = this.subject.client
    const control = this.#dialed("dealer")
    const publish = this.#dialed("subscriber")
    const push = this.#dialed("pusher")
    return {
      transport,
      dealer: this.#track(transport.dealer(control.handler, options), control),
      subscriber: this.#track(transport.subscriber(publish.handler, options), publish),
      pusher: this.#track(transport.pusher(push.handler, options), push),
      control: control.heard,
      publish: publish.heard,
      push: push.heard,
    }
  }

  /** A client connected on all legs. */
  async client(host: Host, options: SocketOptions = {}): Promise<Client> {
    const client = this.makeClient(options)
    await this.connect(client, host)
    return client
  }

  async connect(client: Client, host: Host): Promise<void> {
    const { control, publish, push } = host.addresses
    await this.dial(client.dealer, control)
    await this.dial(client.subscriber, publish)
    await this.dial(client.pusher, push)
  }

  dial(socket: DialedSocket, address: string, signal: AbortSignal = never): Promise<void> {
    return this.settled(
      `connecting to ${address}`,
      this.call(() => socket.connect(address, { signal })),
    )
  }

  /** Subscribes and waits until the publisher has been told. */
  async subscribe(host: Host, client: Client, prefix: string): Promise<number> {
    const before = host.subscriptions.length
    this.call(() => client.subscriber.subscribe(bytes(prefix)))
    const told = () => host.subscriptions.indexOf(`+${prefix}`, before)
    await this.until(`the publisher to hear of "${prefix}"`, () => told() >= 0)
    const index = host.subscriptions.slice(0, told() + 1).filter(each => each.startsWith("+")).length - 1
    return host.subscribers[index]!
  }

  /** The number by which the router knows a client: from a greeting it sends. */
  async greet(host: Host, client: Client, name: string): Promise<number> {
    const find = () => host.control.received.find(each => latin1(each.frames[0]!) === `hello ${name}`)
    assert.equal(
      this.call(() => client.dealer.send([bytes(`hello ${name}`)])),
      true,
    )
    await this.until(`the greeting of ${name}`, () => find() !== undefined)
    return find()!.connection
  }

  /** Lets others go back and forth thrice, so that whatever was under way has had its time. */
  async breathe(): Promise<void> {
    const host = await this.host()
    const client = await this.client(host)
    for (let round = 1; round <= 3; round++) {
      const connection = await this.greet(host, client, `round ${round}`)
      this.call(() => host.router.send(connection, [bytes("back")]))
      await this.until("the answer to a bystander", () => client.control.received.length === round)
    }
    client.dealer.abort()
    client.subscriber.abort()
    client.pusher.abort()
    host.router.abort()
    host.publisher.abort()
    host.puller.abort()
  }

  #bound(what: string) {
    const heard: Bound = { received: [], connected: [], disconnected: [] }
    const events = this.subject.host.supports.connectionEvents
    const recorder = this.#recorder(what)
    const alive = (connection: number) =>
      heard.connected.includes(connection) && !heard.disconnected.includes(connection)
    return {
      ...recorder,
      heard,
      handler: {
        onBatch: (batch: FrameBatch) => {
          recorder.called("onBatch")
          recorder.check(batch)
          if (events && !alive(batch.connection)) this.#wrongs.push(`${what}: a batch from no live connection`)
          for (let i = 0; i < batch.count; i++) {
            heard.received.push({ connection: batch.connection, frames: batch.message(i).map(copy) })
          }
          this.watch.poke()
        },
        onConnect: (connection: number) => {
          recorder.called("onConnect")
          if (connection < 1 || heard.connected.includes(connection)) {
            this.#wrongs.push(`${what}: connection number ${connection} is not new`)
          }
          heard.connected.push(connection)
          this.watch.poke()
        },
        onDisconnect: (connection: number) => {
          recorder.called("onDisconnect")
          if (!alive(connection)) this.#wrongs.push(`${what}: onDisconnect of ${connection}, which is not connected`)
          heard.disconnected.push(connection)
          this.watch.poke()
        },
      },
    }
  }

  #dialed(what: string) {
    const heard: Dialed = { received: [], lost: 0, drained: 0 }
    const recorder = this.#recorder(what)
    return {
      ...recorder,
      heard,
      handler: {
        onBatch: (batch: FrameBatch) => {
          recorder.called("onBatch")
          recorder.check(batch)
          if (heard.lost > 0) this.#wrongs.push(`${what}: a batch after onDisconnect`)
          for (let i = 0; i < batch.count; i++) heard.received.push(batch.message(i).map(copy))
          this.watch.poke()
        },
        onDisconnect: () => {
          recorder.called("onDisconnect")
          if (++heard.lost > 1) this.#wrongs.push(`${what}: onDisconnect came twice`)
          this.watch.poke()
        },
        onDrain: () => {
          recorder.called("onDrain")
          heard.drained++
          this.watch.poke()
        },
      },
    }
  }

  #recorder(what: string) {
    const state = { closed: false }
    return {
      state,
      called: (callback: string, inside = false) => {
        if (state.closed) this.#wrongs.push(`${what}: ${callback} after close`)
        if (this.#calls > 0 && !inside) this.#wrongs.push(`${what}: ${callback} from inside a call to a socket`)
      },
      check: (batch: FrameBatch) => {
        if (batch.count < 1) this.#wrongs.push(`${what}: an empty batch`)
        for (let i = 0; i < batch.count; i++) {
          if (batch.framesOf(i) < 1) this.#wrongs.push(`${what}: a message without frames`)
          // A Buffer's slice() is a view where everybody expects a copy.
          if (batch.message(i).some(frame => frame.constructor !== Uint8Array))
            this.#wrongs.push(`${what}: a frame that is no plain Uint8Array`)
        }
      },
    }
  }

  /** Notes when the socket is closed, so that later callbacks are caught. */
  #track<S extends Socket>(socket: S, recorder: { readonly state: { closed: boolean } }): S {
    this.#sockets.push(socket)
    const { state } = recorder
    const close = socket.close.bind(socket)
    const abort = socket.abort.bind(socket)
    socket.close = async options => {
      const closed = close(options)
      await closed
      state.closed = true
    }
    socket.abort = () => {
      this.call(abort)
      state.closed = true
    }
    return socket
  }
}

/** A copy that is a plain array; Buffer's own slice would be a view. */
function copy(octets: Uint8Array): Uint8Array {
  return new Uint8Array(octets)
}

/** One octet per character. */
export function latin1(octets: Uint8Array): string {
  let text = ""
  for (let i = 0; i < octets.length; i++) text += String.fromCharCode(octets[i]!)
  return text
}

/** The reverse of `latin1`. */
export function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, character => character.charCodeAt(0))
}

/** Frames as text, joined by "|". */
export function textOf(frames: readonly Uint8Array[]): string {
  return frames.map(latin1).join("|")
}

/** Octets that differ from place to place, so that a piece out of place shows. */
export function pattern(length: number, seed = 1): Uint8Array {
  const octets = new Uint8Array(length)
  let state = seed >>> 0 || 1
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    octets[i] = state >>> 24
  }
  return octets
}
