/**
 * The upper seam: a transport offers pattern sockets to endpoints. Adapters: `zmtp` (our engine, the default),
 * `native` (libzmq through npm `zeromq`), `simulated` (virtual network). The conformance suite is `transportSuite` in
 * `zincmq/testing`.
 *
 * A host binds a router (control), a publisher (down) and a puller (up); a client dials each of them with a dealer, a
 * subscriber and a pusher. Clients only ever dial, each socket dials once in its life, and nothing here reconnects by
 * itself: who reconnects, when and where is the endpoint's business (L2, L9, L10).
 *
 * Shared rules.
 * - Messages are whole: a message that was half received or half sent when a connection broke is never seen.
 * - Within one connection messages keep their order.
 * - `onBatch` gets a batch that is valid during the call only; the octets it points to are plain Uint8Arrays and never
 *   overwritten, but a small view pins a large chunk, so copy what you keep (`slice`).
 * - `send` is synchronous. The array of frames is not kept. Frames shorter than `supports.referenceBytes` are copied
 *   before it returns; longer ones are kept by reference and must not change until sent.
 * - Callbacks never come from inside a call to the socket (a send never delivers), and none comes after close.
 */
import type { FrameBatch } from "../core/frame-batch.ts"
import type { Logger } from "../core/logger.ts"

/** What a transport can do: callers branch on it, suites skip by it. */
export interface TransportSupport {
  /** Address schemes, without "://". */
  readonly schemes: readonly string[]
  /** One address serves router, publisher and puller. */
  readonly sharedPort: boolean
  /** Runs in a browser tab. */
  readonly browser: boolean
  /** Says at once when a connection is made or lost; without it only heartbeats tell. */
  readonly connectionEvents: boolean
  /** The publisher knows each subscriber: it can hold, grant, measure and cut off one. */
  readonly subscriberIdentity: boolean
  /** Connections can be encrypted and authenticated by CURVE. */
  readonly curve: boolean
  /** Frames of at least this many octets are kept by reference when sent. */
  readonly referenceBytes: number
}

/** Limits of one connection's outbound queue; whichever is reached first counts. */
export interface QueueLimits {
  /** Whole messages; default 1,000 (libzmq's), 0 for no limit. */
  readonly messages?: number
  /** Octets; default 64 MiB, 0 for no limit. */
  readonly bytes?: number
}

export interface SocketOptions {
  readonly sendLimits?: QueueLimits
  /** Largest whole message accepted from a peer; a larger one costs that peer its connection. Default 64 MiB. */
  readonly maxMessageBytes?: number
  /** From connection to the end of the ZMTP handshake; default 30,000 (libzmq's ZMQ_HANDSHAKE_IVL). */
  readonly handshakeTimeoutMs?: number
  /**
   * Most connections of one listening address whose handshake is not complete; the oldest goes when there is one more.
   * Default 1,024. Without meaning where libzmq does the listening.
   */
  readonly maxPendingHandshakes?: number
  /** ZMTP PING after this much silence, and how long to wait for any sign of life. Default: none. */
  readonly heartbeat?: { readonly intervalMs: number; readonly timeoutMs: number }
  readonly logger?: Logger
}

/** Receives from many connections. */
export interface BatchHandler {
  onBatch(batch: FrameBatch): void
}

/** Learns of connections where `supports.connectionEvents`. */
export interface ConnectionHandler {
  /** The handshake is complete; `remote` is for people. */
  onConnect?(connection: number, remote: string): void
  /** Comes once for each `onConnect`. */
  onDisconnect?(connection: number, error?: Error): void
}

/** What dialled sockets hear. */
export interface DialHandler {
  /** The connection is over; the socket is of no more use. Only where `supports.connectionEvents`. */
  onDisconnect?(error?: Error): void
  /** A send that returned false may be tried again. */
  onDrain?(): void
}

export interface Socket {
  /** Sends what is queued for at most `lingerMs` (default 1,000), then closes. */
  close(options?: { readonly lingerMs?: number }): Promise<void>
  /** Closes now; what is queued is lost. */
  abort(): void
}

export interface DialedSocket extends Socket {
  /**
   * Dials, once. Resolves when the ZMTP handshake is complete. Rejects with `Unreachable`, `HandshakeFailed`, `Timeout`,
   * `BadAddress` or `Aborted`; then the socket is closed.
   */
  connect(address: string, options: { readonly signal: AbortSignal }): Promise<void>
}

// ---- host side ----

export interface RouterSocket extends Socket {
  /** False when that connection is gone or its queue is full; the message is then not sent. */
  send(connection: number, frames: readonly Uint8Array[]): boolean
  /** Sends what is queued for it, then closes that connection. On native it only forgets it. */
  disconnect(connection: number): void
}
export interface RouterHandler extends BatchHandler, ConnectionHandler {}

export interface PullerSocket extends Socket {
  /** Stops reading from that connection, so that its pusher feels back-pressure. On native: from all. */
  pause(connection: number): void
  resume(connection: number): void
  /** Closes that connection where `supports.connectionEvents`. */
  disconnect(connection: number): void
}
export interface PullerHandler extends BatchHandler, ConnectionHandler {}

export interface PublisherHandler extends ConnectionHandler {
  /**
   * Somebody subscribed to a prefix (repeats are told too). `connection` is 0 where the subscriber is not known. With
   * `guard`, it is told while the subscription is still held; call `grant` to let it take effect.
   */
  onSubscribe(connection: number, prefix: Uint8Array): void
  onUnsubscribe(connection: number, prefix: Uint8Array): void
  /**
   * That connection's queue is at its limit and the message was not queued for it. Where `supports.subscriberIdentity`
   * only; elsewhere the message is dropped silently. The frames are valid during the call.
   */
  onFull?(connection: number, frames: readonly Uint8Array[]): void
  /** A connection that was full has room: its queue fell to half its limits. */
  onRoom?(connection: number): void
}
export interface PublisherOptions extends SocketOptions {
  /** Holds every subscription until its connection is granted (L3). Needs `supports.subscriberIdentity`. Default false. */
  readonly guard?: boolean
  /** Most subscriptions held or kept for one connection, in octets of prefixes; more closes it. Default 1 MiB. */
  readonly maxSubscriptionBytes?: number
}
export interface PublisherSocket extends Socket {
  /** To every connection with a matching subscription; the first frame is what prefixes match. */
  send(frames: readonly Uint8Array[]): void
  /** To one connection, whatever it subscribed to. False when full or gone. Needs `supports.subscriberIdentity`. */
  sendTo(connection: number, frames: readonly Uint8Array[]): boolean
  /**
   * Lets a guarded connection's subscriptions take effect, those held and those to come, each if `allows` says so.
   * Called again it replaces the rule, and drops what it no longer allows.
   */
  grant(connection: number, allows: (prefix: Uint8Array) => boolean): void
  /** What waits for one connection, or undefined when unknown. */
  waiting(connection: number): { readonly messages: number; readonly bytes: number } | undefined
  /** Drops what is queued for that connection. The number of messages dropped. */
  clear(connection: number): number
  disconnect(connection: number): void
}

/** Which sockets an address shall serve; one bind gives each its address. */
export interface HostSockets {
  readonly router: RouterSocket
  readonly publisher: PublisherSocket
  readonly puller: PullerSocket
}

/** What a client must dial for each leg. Equal on transports with a shared port. */
export interface HostAddresses {
  readonly control: string
  readonly publish: string
  readonly push: string
}

// ---- client side ----

export interface DealerHandler extends BatchHandler, DialHandler {}
export interface DealerSocket extends DialedSocket {
  /** False when the queue is full; the message is then not taken. */
  send(frames: readonly Uint8Array[]): boolean
}

export interface SubscriberHandler extends BatchHandler, DialHandler {}
export interface SubscriberSocket extends DialedSocket {
  /** Asks for messages whose first frame begins with the prefix. Counted: as many unsubscribes end it. */
  subscribe(prefix: Uint8Array): void
  unsubscribe(prefix: Uint8Array): void
  pause(): void
  resume(): void
}

export interface PusherSocket extends DialedSocket {
  /** False when the queue is full or there is no connection; the message is then not taken. */
  send(frames: readonly Uint8Array[]): boolean
  /** What waits, not yet with the operating system (0 where that cannot be known). */
  readonly waiting: number
}

export interface Transport {
  readonly name: string
  readonly supports: TransportSupport

  router(handler: RouterHandler, options?: SocketOptions): RouterSocket
  publisher(handler: PublisherHandler, options?: PublisherOptions): PublisherSocket
  puller(handler: PullerHandler, options?: SocketOptions): PullerSocket
  /**
   * Binds the three at one address, or near it where `sharedPort` is false (a tcp router there, the others on ports the
   * system picks; ipc paths get a suffix). May be called several times with the same sockets. Rejects with
   * `AddressInUse`, `BadAddress` or `Unreachable`; then none of the three is bound there.
   */
  bind(address: string, sockets: HostSockets): Promise<HostAddresses>

  dealer(handler: DealerHandler, options?: SocketOptions): DealerSocket
  subscriber(handler: SubscriberHandler, options?: SocketOptions): SubscriberSocket
  pusher(handler: DialHandler, options?: SocketOptions): PusherSocket
}
