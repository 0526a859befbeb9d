/** The socket classes, with what each can do. See zeromq.js's documentation for how they are used. */
import type { Context } from "./context.ts"
import { DuplexSocket, ReadableSocket, WritableSocket } from "./direction.ts"
import type { Message, MessageLike } from "./message.ts"
import { defineOptions } from "./option-bag.ts"
import { socketOptions, Type } from "./option-table.ts"

type IfEquals<X, Y, A, B = never> = (<T>() => T extends X ? 1 : 2) extends <T>() => T extends Y ? 1 : 2 ? A : B

/** The properties of a socket that can be set. */
type WritableKeys<T> = {
  [P in keyof T]-?: T[P] extends (...args: never[]) => unknown
    ? never
    : IfEquals<{ [Q in P]: T[P] }, { -readonly [Q in P]: T[P] }, P>
}[keyof T]

/** What a constructor takes: any option of the socket, and its context. */
export type SocketOptions<S> = Partial<Pick<S, WritableKeys<S>>> & { context?: Context }

/** How a router or a stream names whom it connects to. */
export interface RouterConnectOptions {
  routingId?: string
}
export type StreamConnectOptions = RouterConnectOptions

/** One peer, both ways. */
export class Pair extends DuplexSocket {
  constructor(options?: SocketOptions<Pair>) {
    super(Type.Pair, options)
  }
}

/** Each message to everyone who subscribed to a prefix of its first frame. */
export class Publisher extends WritableSocket {
  declare noDrop: boolean
  declare conflate: boolean
  declare invertMatching: boolean

  constructor(options?: SocketOptions<Publisher>) {
    super(Type.Publisher, options)
  }
}

/** What publishers send and was subscribed to. */
export class Subscriber extends ReadableSocket {
  declare conflate: boolean
  declare invertMatching: boolean

  constructor(options?: SocketOptions<Subscriber>) {
    super(Type.Subscriber, options)
  }

  /** Asks for what begins with any of the prefixes; for everything without one. */
  subscribe(...prefixes: (Buffer | string)[]): void {
    if (prefixes.length === 0) this.setStringOption(6, null)
    for (const prefix of prefixes) this.setStringOption(6, prefix)
  }
  /** Takes as many back. */
  unsubscribe(...prefixes: (Buffer | string)[]): void {
    if (prefixes.length === 0) this.setStringOption(7, null)
    for (const prefix of prefixes) this.setStringOption(7, prefix)
  }
}

/** A request, then its reply, in strict turn. */
export class Request extends DuplexSocket {
  declare routingId: string | null
  declare probeRouter: boolean
  declare correlate: boolean
  declare relaxed: boolean

  constructor(options?: SocketOptions<Request>) {
    super(Type.Request, options)
  }
}

/** A request, then its reply, in strict turn, from the other side. */
export class Reply extends DuplexSocket {
  declare routingId: string | null

  constructor(options?: SocketOptions<Reply>) {
    super(Type.Reply, options)
  }
}

/** To all peers in turn, and from all of them fairly. */
export class Dealer extends DuplexSocket {
  declare routingId: string | null
  declare probeRouter: boolean
  declare conflate: boolean

  constructor(options?: SocketOptions<Dealer>) {
    super(Type.Dealer, options)
  }
}

/** Knows its peers by name: the first frame says from whom, and to whom. */
export class Router extends DuplexSocket {
  declare routingId: string | null
  declare mandatory: boolean
  declare probeRouter: boolean
  declare handover: boolean

  constructor(options?: SocketOptions<Router>) {
    super(Type.Router, options)
  }

  /** `routingId` is what the peer there is called here, whatever it calls itself; it can be sent to at once. */
  override connect(address: string, options: RouterConnectOptions = {}): void {
    if (options.routingId) this.setStringOption(61, options.routingId)
    super.connect(address)
  }
}

/** From all pushers, fairly. */
export class Pull extends ReadableSocket {
  declare conflate: boolean

  constructor(options?: SocketOptions<Pull>) {
    super(Type.Pull, options)
  }
}

/** To all pullers, in turn. */
export class Push extends WritableSocket {
  declare conflate: boolean

  constructor(options?: SocketOptions<Push>) {
    super(Type.Push, options)
  }
}

/** A publisher that is told who subscribes to what. */
export class XPublisher extends DuplexSocket {
  declare noDrop: boolean
  declare manual: boolean
  declare welcomeMessage: string | null
  declare invertMatching: boolean

  constructor(options?: SocketOptions<XPublisher>) {
    super(Type.XPublisher, options)
  }

  /** Tell repeated subscriptions too, and their ends. */
  set verbosity(value: null | "allSubs" | "allSubsUnsubs") {
    this.setBoolOption(40, value === "allSubs")
    if (value === "allSubsUnsubs") this.setBoolOption(78, true)
  }
  /** With `manual`: gives the subscriber whose message was received last what begins with the prefix. */
  subscribe(prefix: Buffer | string): void {
    this.setStringOption(6, prefix)
  }
  unsubscribe(prefix: Buffer | string): void {
    this.setStringOption(7, prefix)
  }
}

/** A subscriber that subscribes by messages, 01 and 00 with the prefix. */
export class XSubscriber extends DuplexSocket {
  constructor(options?: SocketOptions<XSubscriber>) {
    super(Type.XSubscriber, options)
  }
}

/** Plain TCP, without ZMTP: who, and octets. */
export class Stream extends DuplexSocket<[MessageLike, MessageLike], [Message, Message]> {
  declare notify: boolean

  constructor(options?: SocketOptions<Stream>) {
    super(Type.Stream, options)
  }

  /** `routingId` is what the peer there is called here, whatever it calls itself; it can be sent to at once. */
  override connect(address: string, options: StreamConnectOptions = {}): void {
    if (options.routingId) this.setStringOption(61, options.routingId)
    super.connect(address)
  }
}

for (const [Class, type] of [
  [Pair, Type.Pair],
  [Publisher, Type.Publisher],
  [Subscriber, Type.Subscriber],
  [Request, Type.Request],
  [Reply, Type.Reply],
  [Dealer, Type.Dealer],
  [Router, Type.Router],
  [Pull, Type.Pull],
  [Push, Type.Push],
  [XPublisher, Type.XPublisher],
  [XSubscriber, Type.XSubscriber],
  [Stream, Type.Stream],
] as const)
  defineOptions(
    Class.prototype,
    socketOptions.filter(option => option.on?.includes(type)),
    Class.name,
  )
