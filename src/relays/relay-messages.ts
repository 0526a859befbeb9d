/** What a host and the threads of its relays tell each other: plain data. */
import type { LogLevel } from "../core/logger.ts"
import type { HostingOptions } from "../endpoint/api.ts"
import type { JoinRequest, Verdict } from "../endpoint/authenticator.ts"

/** What a thread starts with. */
export interface RelayStart {
  readonly name: string
  readonly tree: string | undefined
  readonly host: readonly string[]
  readonly listen: readonly string[]
  readonly token: Uint8Array
  /** Joiners are for the host to judge. */
  readonly guarded: boolean
  readonly hosting: Omit<HostingOptions, "authenticator"> & {
    readonly maxPayloadBytes?: number
    readonly statusMs?: number
  }
  readonly module: string | undefined
  readonly data: unknown
}

export type FromRelay =
  | { readonly is: "ready"; readonly addresses: readonly string[] }
  | { readonly is: "failed"; readonly code: string; readonly message: string }
  | { readonly is: "joining"; readonly number: number; readonly request: JoinRequest }
  | { readonly is: "log"; readonly level: LogLevel; readonly message: string; readonly fields: string | undefined }

export type ToRelay =
  | { readonly is: "verdict"; readonly number: number; readonly verdict: Verdict }
  | { readonly is: "close"; readonly timeoutMs: number }
