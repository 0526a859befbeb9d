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
export { allowKeys, allowUsers } from "./mechanism/allow.ts"
export type {
  AuthenticationDecision,
  AuthenticationRequest,
  Credentials,
  PeerAuthenticator,
} from "./mechanism/authenticator.ts"
export type { Box } from "./mechanism/curve/box.ts"
export { type CurveClientOptions, curveClient } from "./mechanism/curve/client.ts"
export { fastestBox } from "./mechanism/curve/fastest-box.ts"
export { type CurveKey, type CurveKeyPair, keyText, makeKeyPair, publicKeyOf } from "./mechanism/curve/key.ts"
export { nobleBox } from "./mechanism/curve/noble-box.ts"
export { type CurveServerOptions, curveServer } from "./mechanism/curve/server.ts"
export { SodiumBox } from "./mechanism/curve/sodium-box.ts"
export type { HandshakeStep, Mechanism, Metadata, Security, TrafficCipher } from "./mechanism/mechanism.ts"
export { NullMechanism, nullSecurity, nullServer } from "./mechanism/null.ts"
export { type PlainClientOptions, type PlainServerOptions, plainClient, plainServer } from "./mechanism/plain.ts"
export { type ByteSink, Outbox, type OutboxLimits, type OutboxOptions, referenceBytes } from "./outbox.ts"
export { FairQueue } from "./pattern/fair-queue.ts"
export { Fanout } from "./pattern/fanout.ts"
export { RoundRobin } from "./pattern/round-robin.ts"
export { SubscriptionCount } from "./pattern/subscription-count.ts"
export { SubscriptionTrie } from "./pattern/subscription-trie.ts"
export { RawConnection, type RawConnectionOptions } from "./raw-connection.ts"
export { mayTalk, SocketType } from "./socket-type.ts"
