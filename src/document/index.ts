export {
  type DocumentEvent,
  type DocumentHandle,
  type DocumentState,
  type DocumentTier,
  OpenDocument,
} from "./document-handle.ts"
export { type DocumentOptions, DocumentService, type OpenDocumentOptions } from "./document-service.ts"
export { DocumentSync, type DocumentSyncOptions, type DocumentSyncStatistics } from "./document-sync.ts"
export type {
  Applied,
  ChangeSource,
  DocumentOrder,
  DocumentType,
  Replica,
  ReplicaOptions,
  SequencedRules,
  Verdict,
} from "./document-type.ts"
export type { Presence, PresenceChange, Present } from "./presence.ts"
export { remoteOrigin } from "./yjs/remote-origin.ts"
export { type TextAttributes, type TextChange, TextDocument, type TextStep, text } from "./yjs/text.ts"
export { YjsDocument, yjs } from "./yjs/yjs.ts"
