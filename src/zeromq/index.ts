/**
 * ZeroMQ as zeromq.js 6 offers it, over our engine: the same classes, options, methods, events and errors, so that a
 * program changes one import. docs/reference/zeromq.md says what differs.
 */
export { Context, type ContextOptions, context } from "./context.ts"
export type { Readable, Writable } from "./direction.ts"
export type { AuthError, ErrnoError, ProtoError } from "./errors.ts"
export type { Event, EventAddress, EventError, EventFor, EventInterval, EventOfType, EventType } from "./event.ts"
export { capability, curveKeyPair, version } from "./library.ts"
export type { Message, MessageLike } from "./message.ts"
export { Observer } from "./observer.ts"
export { SocketProxy as Proxy } from "./proxy.ts"
export { Socket } from "./socket.ts"
export {
  Dealer,
  Pair,
  Publisher,
  Pull,
  Push,
  Reply,
  Request,
  Router,
  type RouterConnectOptions,
  type SocketOptions,
  Stream,
  type StreamConnectOptions,
  Subscriber,
  XPublisher,
  XSubscriber,
} from "./sockets.ts"
