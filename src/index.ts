export type { RootRecord } from "./cluster/index.ts"
export { ErrorCode, ZincError } from "./core/errors.ts"
export { type EndpointId, isEndpointId } from "./core/id.ts"
export { type CloseReason, State } from "./core/lifecycle.ts"
export type { LogFields, Logger } from "./core/logger.ts"
export type {
  DocumentEvent,
  DocumentHandle,
  DocumentState,
  DocumentTier,
} from "./document/document-handle.ts"
export type { DocumentOptions, OpenDocumentOptions } from "./document/document-service.ts"
export type { DocumentType } from "./document/document-type.ts"
export type { Presence, PresenceChange, Present } from "./document/presence.ts"
export { remoteOrigin } from "./document/yjs/remote-origin.ts"
export { type TextAttributes, type TextChange, TextDocument, type TextStep, text } from "./document/yjs/text.ts"
export { YjsDocument, yjs } from "./document/yjs/yjs.ts"
export type {
  AckOptions,
  AckTier,
  CodecName,
  EndpointEvent,
  EndpointOptions,
  EndpointRole,
  EndpointStatistics,
  GapReason,
  HandleOptions,
  HandlerModule,
  Handling,
  HostOptions,
  JoinOptions,
  MemberInfo,
  Message,
  MessageHandler,
  MessagingSurface,
  PeerInfo,
  Rates,
  RequestOptions,
  Roster,
  RosterChange,
  RosterEntry,
  SendOptions,
  SlowOptions,
  SlowPolicy,
  Target,
  WorkerMessage,
} from "./endpoint/api.ts"
export {
  type Authenticator,
  type Grants,
  type JoinRequest,
  tokenAuthenticator,
  type Verdict,
} from "./endpoint/authenticator.ts"
export type { Codec } from "./message/codec.ts"
export { jsonCodec } from "./message/json-codec.ts"
export { msgpackCodec } from "./message/msgpack-codec.ts"
export { protobufCodec } from "./message/protobuf-codec.ts"
export { rawCodec } from "./message/raw-codec.ts"
export {
  type DocumentInfo,
  Endpoint,
  type RelayOptions,
  type RelayParts,
  type WithDocuments,
  type WithRelays,
  type WithVotes,
} from "./zinc.ts"
