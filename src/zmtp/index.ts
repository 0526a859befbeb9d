export {
  type Command,
  encodeCancel,
  encodeError,
  encodePing,
  encodePong,
  encodeReady,
  encodeSubscribe,
  type Properties,
  parseCommand,
  property,
} from "./command.ts"
export {
  Connection,
  type ConnectionHandler,
  type ConnectionOptions,
  type ConnectionOutput,
  type PeerInfo,
  type Role,
} from "./connection.ts"
export { Engine } from "./engine.ts"
export { encodeCommandFrame, encodeMessage, Flag, frameBytes, messageBytes, writeHeader } from "./frame.ts"
export { type CommandSink, type DecoderLimits, defaultLimits, FrameDecoder } from "./frame-decoder.ts"
export { encodeGreeting, type Greeting, GreetingReader, greetingBytes, type Version } from "./greeting.ts"
export type { Link } from "./link.ts"
export type { HandshakeStep, Mechanism } from "./mechanism/mechanism.ts"
export { NullMechanism } from "./mechanism/null.ts"
export { type ByteSink, Outbox, type OutboxLimits, type OutboxOptions, referenceBytes } from "./outbox.ts"
export { FairQueue } from "./pattern/fair-queue.ts"
export { Fanout } from "./pattern/fanout.ts"
export { RoundRobin } from "./pattern/round-robin.ts"
export { SubscriptionCount } from "./pattern/subscription-count.ts"
export { SubscriptionTrie } from "./pattern/subscription-trie.ts"
export { RawConnection, type RawConnectionOptions } from "./raw-connection.ts"
export { mayTalk, SocketType } from "./socket-type.ts"
