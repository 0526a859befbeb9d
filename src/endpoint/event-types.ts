/** The names of events, to refuse a listener for any other. */
import type { EndpointEvent } from "./api.ts"

/** What `on` takes; a name that is none of them would wait for ever. */
export const eventTypes: Readonly<Record<EndpointEvent["type"] | "*", true>> = {
  joined: true,
  left: true,
  refused: true,
  redirected: true,
  moved: true,
  path: true,
  arrived: true,
  departed: true,
  regenerated: true,
  gap: true,
  diverged: true,
  role: true,
  readOnly: true,
  storageFailed: true,
  slow: true,
  tooSlow: true,
  handlerFailed: true,
  mailboxFull: true,
  undeliverable: true,
  denied: true,
  violation: true,
  "*": true,
}
