/**
 * PLAIN (rfc:24): a name and a password, in the clear. For networks that are private already, or inside wss.
 *
 *   client: HELLO(name, password) ▶   server: ◀ WELCOME   client: INITIATE(metadata) ▶   server: ◀ READY(metadata)
 */
import { concat, fromUtf8, utf8 } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"
import { commandName, encodeCommand, encodeProperties, parseCommand, parseProperties } from "../command.ts"
import { type Examination, examine, type PeerAuthenticator, refusedBy } from "./authenticator.ts"
import type { HandshakeStep, Mechanism, Metadata, Security, TrafficCipher } from "./mechanism.ts"

/** Most octets of a name and of a password. */
const credentialMax = 255

export interface PlainClientOptions {
  /** At most 255 octets of UTF-8. */
  readonly username: string
  /** At most 255 octets of UTF-8. It travels in the clear. */
  readonly password: string
}

/** For sockets that dial. Throws `BadOption`. */
export function plainClient(options: PlainClientOptions): Security {
  const username = credential("username", options.username)
  const password = credential("password", options.password)
  return { mechanism: "PLAIN", open: () => new PlainClient(username, password) }
}

export interface PlainServerOptions {
  /** PLAIN without somebody who checks would let everybody in, so there is no default. */
  readonly authenticator: PeerAuthenticator
  /** Told to the authenticator. Default: empty. */
  readonly domain?: string
}

/** For sockets that listen. */
export function plainServer(options: PlainServerOptions): Security {
  const { authenticator, domain = "" } = options
  if (typeof authenticator !== "function") {
    throw new ZincError("BadOption", "a PLAIN server needs an authenticator that checks names and passwords")
  }
  return { mechanism: "PLAIN", open: remote => new PlainServer({ authenticator, domain, remote }) }
}

function credential(name: string, value: string): Uint8Array {
  const bytes = utf8(String(value))
  if (bytes.length <= credentialMax) return bytes
  throw new ZincError("BadOption", `the ${name} has ${bytes.length} octets; at most ${credentialMax} fit`)
}

export class PlainClient implements Mechanism {
  readonly name = "PLAIN"
  readonly asServer = false
  readonly tellsWhy = true
  readonly covers = false
  readonly #username: Uint8Array
  readonly #password: Uint8Array
  #metadata: Metadata = []
  #expects: "WELCOME" | "READY" = "WELCOME"

  constructor(username: Uint8Array, password: Uint8Array) {
    this.#username = username
    this.#password = password
  }

  begin(metadata: Metadata | undefined): readonly Uint8Array[] {
    this.#metadata = metadata ?? []
    return []
  }

  /** Only now: a peer without PLAIN is not told the password. */
  greeted(): HandshakeStep {
    const body = concat([
      Uint8Array.of(this.#username.length),
      this.#username,
      Uint8Array.of(this.#password.length),
      this.#password,
    ])
    return { type: "wait", send: [encodeCommand("HELLO", body)] }
  }

  receive(buffer: Uint8Array, start: number, end: number): HandshakeStep {
    const name = commandName(buffer, start, end)
    if (name === "ERROR") return failure(refusedBy(errorReason(buffer, start, end)))
    const theirs = libzmqError(buffer, start, end)
    if (theirs !== undefined) return failure(refusedBy(theirs))
    if (name !== this.#expects) return failure(unexpected(name, this.#expects))
    const bodyAt = start + 1 + name.length
    if (name === "WELCOME") {
      if (bodyAt !== end) return failure(malformed("WELCOME"))
      this.#expects = "READY"
      return { type: "wait", send: [encodeCommand("INITIATE", encodeProperties(this.#metadata))] }
    }
    const properties = parseProperties(buffer, bodyAt, end)
    return properties === undefined ? failure(malformed("READY")) : { type: "ready", properties }
  }

  ready(): readonly Uint8Array[] {
    return []
  }
  traffic(): TrafficCipher | undefined {
    return undefined
  }
}

export class PlainServer implements Mechanism {
  readonly name = "PLAIN"
  readonly asServer = true
  readonly tellsWhy = true
  readonly covers = false
  readonly #examination: Examination
  #expects: "HELLO" | "INITIATE" | "nothing" = "HELLO"
  #userId: string | undefined

  constructor(examination: Examination) {
    this.#examination = examination
  }

  begin(): readonly Uint8Array[] {
    return []
  }
  greeted(): HandshakeStep {
    return { type: "wait" }
  }

  receive(buffer: Uint8Array, start: number, end: number): HandshakeStep {
    const name = commandName(buffer, start, end)
    if (name === "ERROR") return failure(refusedBy(errorReason(buffer, start, end)))
    if (name !== this.#expects) return failure(unexpected(name, this.#expects))
    const bodyAt = start + 1 + name.length
    return name === "HELLO" ? this.#hello(buffer, bodyAt, end) : this.#initiate(buffer, bodyAt, end)
  }

  #hello(buffer: Uint8Array, start: number, end: number): HandshakeStep {
    const username = readCredential(buffer, start, end)
    const password = username && readCredential(buffer, username.end, end)
    if (password === undefined || password.end !== end) return failure(malformed("HELLO"))
    this.#expects = "nothing"
    const credentials = { mechanism: "PLAIN", username: username!.text, password: password.text } as const
    return examine(this.#examination, credentials, ({ userId }) => {
      this.#userId = userId
      this.#expects = "INITIATE"
      return { type: "wait", send: [encodeCommand("WELCOME")] }
    })
  }

  #initiate(buffer: Uint8Array, start: number, end: number): HandshakeStep {
    const properties = parseProperties(buffer, start, end)
    if (properties === undefined) return failure(malformed("INITIATE"))
    this.#expects = "nothing"
    return { type: "ready", properties, ...(this.#userId !== undefined && { userId: this.#userId }) }
  }

  ready(metadata: Metadata): readonly Uint8Array[] {
    return [encodeCommand("READY", encodeProperties(metadata))]
  }
  traffic(): TrafficCipher | undefined {
    return undefined
  }
}

function readCredential(buffer: Uint8Array, start: number, end: number): { text: string; end: number } | undefined {
  if (start >= end) return undefined
  const stop = start + 1 + buffer[start]!
  if (stop > end) return undefined
  try {
    return { text: fromUtf8(buffer.subarray(start + 1, stop)), end: stop }
  } catch {
    return undefined
  }
}

/** "^RROR": how libzmq's PLAIN server spells ERROR, its source having "\x5ERROR" where "\x05" "ERROR" was meant. */
const misspelt = Uint8Array.of(0x5e, 0x52, 0x52, 0x4f, 0x52)

/** The reason in an ERROR of libzmq's PLAIN server, or undefined when it is none. */
function libzmqError(buffer: Uint8Array, start: number, end: number): string | undefined {
  const reasonAt = start + misspelt.length + 1
  if (end < reasonAt || misspelt.some((octet, i) => buffer[start + i] !== octet)) return undefined
  return String.fromCharCode(...buffer.subarray(reasonAt, Math.min(end, reasonAt + buffer[reasonAt - 1]!)))
}

export function failure(error: ZincError): HandshakeStep {
  return { type: "failed", error }
}
export function malformed(name: string): ZincError {
  return new ZincError("BadFrame", `the peer sent a malformed ${name}`)
}
export function unexpected(name: string, due: string): ZincError {
  // What it sent is not repeated where it is no name.
  const what = /^[A-Z]{1,12}$/.test(name) ? name : "something else"
  return new ZincError("BadFrame", `the peer sent ${what} where ${due} was due`)
}
export function errorReason(buffer: Uint8Array, start: number, end: number): string {
  const command = parseCommand(buffer, start, end)
  return command.name === "ERROR" ? command.reason : ""
}
