/** NULL: no security. Each side sends READY, in any order, and that is all; an authenticator may still look at the address. */
import { ZincError } from "../../core/errors.ts"
import { encodeReady, parseCommand } from "../command.ts"
import { type Examination, examine, type PeerAuthenticator, refusedBy } from "./authenticator.ts"
import type { HandshakeStep, Mechanism, Metadata, Security, TrafficCipher } from "./mechanism.ts"

export class NullMechanism implements Mechanism {
  readonly name = "NULL"
  readonly asServer = false
  readonly tellsWhy = true
  readonly covers = false
  readonly #examination: Examination | undefined
  #told = false

  constructor(examination?: Examination) {
    this.#examination = examination
  }

  begin(metadata: Metadata | undefined): readonly Uint8Array[] {
    // Who may yet be refused is not told that it is taken.
    if (metadata === undefined || this.#examination !== undefined) return []
    this.#told = true
    return [encodeReady(metadata)]
  }

  greeted(): HandshakeStep {
    return { type: "wait" }
  }

  receive(buffer: Uint8Array, start: number, end: number): HandshakeStep {
    const command = parseCommand(buffer, start, end)
    switch (command.name) {
      case "READY": {
        const { properties } = command
        if (this.#examination === undefined) return { type: "ready", properties }
        return examine(this.#examination, { mechanism: "NULL" }, ({ userId }) => ({
          type: "ready",
          properties,
          ...(userId !== undefined && { userId }),
        }))
      }
      case "ERROR":
        return { type: "failed", error: refusedBy(command.reason) }
      default:
        return {
          type: "failed",
          error: new ZincError("BadFrame", "the peer sent something else where READY was due"),
        }
    }
  }

  ready(metadata: Metadata): readonly Uint8Array[] {
    return this.#told ? [] : [encodeReady(metadata)]
  }

  traffic(): TrafficCipher | undefined {
    return undefined
  }
}

/** No security, which is what sockets have by default. */
export const nullSecurity: Security = { mechanism: "NULL", open: () => new NullMechanism() }

/** No security, save that an authenticator may refuse by address. */
export function nullServer(options: { readonly authenticator: PeerAuthenticator; readonly domain?: string }): Security {
  const { authenticator, domain = "" } = options
  return { mechanism: "NULL", open: remote => new NullMechanism({ authenticator, domain, remote }) }
}
