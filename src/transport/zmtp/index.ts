export { IpcCarrier } from "../carrier/ipc.ts"
export { MemoryCarrier } from "../carrier/memory.ts"
export { TcpCarrier } from "../carrier/tcp.ts"
export {
  type UpgradeMessage,
  type UpgradingServer,
  WebSocketCarrier,
  type WebSocketCarrierOptions,
} from "../carrier/websocket.ts"
export type { TransportSecurity } from "./engine-transport.ts"
export type { ReconnectOptions } from "./socket/back-off.ts"
export { Dealer, type DealerOptions } from "./socket/dealer.ts"
export { Pair } from "./socket/pair.ts"
export {
  type ConnectOptions,
  PatternSocket,
  type PatternSocketOptions,
  type SocketEvent,
} from "./socket/pattern-socket.ts"
export { type ProxyCount, type ProxyOptions, SteerableProxy } from "./socket/proxy.ts"
export { Pub, type PubOptions } from "./socket/pub.ts"
export { Pull, type PullOptions } from "./socket/pull.ts"
export { Push, type PushOptions } from "./socket/push.ts"
export { ReceivingSocket } from "./socket/receiving.ts"
export { Rep, type RepOptions } from "./socket/rep.ts"
export { Req, type ReqOptions } from "./socket/req.ts"
export { Router, type RouterOptions } from "./socket/router.ts"
export { Stream, type StreamOptions } from "./socket/stream.ts"
export { Sub, type SubOptions } from "./socket/sub.ts"
export { XPub, type XPubOptions } from "./socket/xpub.ts"
export { XSub } from "./socket/xsub.ts"
export type { Parts } from "./system.ts"
export { type ZapOptions, zapAddress, zapAuthenticator } from "./zap.ts"
export { ZmtpTransport, type ZmtpTransportOptions } from "./zmtp-transport.ts"
