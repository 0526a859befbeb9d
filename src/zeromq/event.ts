/** What happens to sockets, in zeromq.js's terms. */
import type { ZincError } from "../core/errors.ts"
import type { SocketEvent } from "../transport/zmtp/index.ts"
import { type AuthError, type ErrnoError, type ProtoError, translated } from "./errors.ts"
import { ZapError } from "./zap.ts"

/** How an observer hears of a socket. */
export interface Watched {
  readonly closed: boolean
  watchEvents(listener: (event: Event) => void): void
}

export interface EventAddress {
  address: string
}
export interface EventInterval {
  interval: number
}
export interface EventError<E = ErrnoError> {
  error: E
}
export type EventFor<T extends string, D = unknown> = { type: T } & D

export type Event =
  | EventFor<"accept", EventAddress>
  | EventFor<"accept:error", EventAddress & EventError>
  | EventFor<"bind", EventAddress>
  | EventFor<"bind:error", EventAddress & EventError>
  | EventFor<"connect", EventAddress>
  | EventFor<"connect:delay", EventAddress>
  | EventFor<"connect:retry", EventAddress & EventInterval>
  | EventFor<"close", EventAddress>
  | EventFor<"close:error", EventAddress & EventError>
  | EventFor<"disconnect", EventAddress>
  | EventFor<"end">
  | EventFor<"handshake", EventAddress>
  | EventFor<"handshake:error:protocol", EventAddress & EventError<ProtoError>>
  | EventFor<"handshake:error:auth", EventAddress & EventError<AuthError>>
  | EventFor<"handshake:error:other", EventAddress & EventError>
  | EventFor<"unknown">
export type EventType = Event["type"]
export type EventOfType<E extends EventType = EventType> = Extract<Event, { type: E }>

/** An event of the engine's in zeromq.js's terms; undefined for what libzmq does not tell, such as anything of inproc. */
export function eventOf(event: SocketEvent, shown: (address: string) => string): Event | undefined {
  if (!("address" in event) || event.address.startsWith("inproc:")) return undefined
  const address = shown(event.address)
  switch (event.type) {
    case "listening":
      return { type: "bind", address }
    case "listenFailed":
      // As libzmq names it there.
      return { type: "bind:error", address: address.replace(/^tcp:\/\//, ""), error: translated(event.error) }
    case "unbound":
      return { type: "close", address }
    case "accepted":
      return { type: "accept", address }
    case "dialling":
      return { type: "connect:delay", address }
    case "reached":
      return { type: "connect", address }
    case "dialFailed":
      return { type: "close", address }
    case "redialling":
      return { type: "connect:retry", address, interval: Math.round(event.inMs) }
    case "connected":
      return { type: "handshake", address }
    case "disconnected":
      return { type: "disconnect", address }
    case "handshakeFailed":
      return failedHandshake(event.error, address)
    default:
      return undefined
  }
}

const denials: Readonly<Record<AuthError["status"], string>> = {
  300: "Temporary error",
  400: "Authentication failure",
  500: "Internal error",
}

function failedHandshake(error: ZincError, address: string): Event {
  if (error.cause instanceof ZapError) return { type: "handshake:error:protocol", address, error: error.cause }
  if (error.code === "Unauthorized") {
    const status = Number(/\((300|400|500)\)/.exec(error.message)?.[1] ?? 400) as AuthError["status"]
    const denied = Object.assign(new Error(denials[status], { cause: error }), { status })
    return { type: "handshake:error:auth", address, error: denied }
  }
  if (error.retryable) return { type: "handshake:error:other", address, error: translated(error) }
  const code = /mechanism/.test(error.message) ? "ERR_ZMTP_MECHANISM_MISMATCH" : "ERR_ZMTP_UNSPECIFIED"
  const wrong = Object.assign(new Error("ZMTP protocol error", { cause: error }), { code })
  return { type: "handshake:error:protocol", address, error: wrong }
}
