export type * from "./api.ts"
export { type Authenticator, type Grants, type JoinRequest, tokenAuthenticator, type Verdict } from "./authenticator.ts"
export type { DocumentPort, Follow, FollowHandler, ReceivedFragment } from "./document-port.ts"
export { MessageEndpoint } from "./message-endpoint.ts"
