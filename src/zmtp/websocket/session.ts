/**
 * What ZWS 2.0 (rfc:45) leaves out of ZMTP and our engine wants to hear or say: greetings, which the subprotocol stands
 * for, and READY, which on a connection without mechanism is a bare name each way. Shared by all ends of WebSocket.
 */
import { concat, noBytes, utf8 } from "../../core/bytes.ts"
import { encodeReady, parseCommand, property } from "../command.ts"
import { encodeGreeting, greetingBytes } from "../greeting.ts"
import type { Subprotocol } from "./upgrade.ts"

export class ZwsSession {
  readonly subprotocol: Subprotocol
  /** What the path says of the peer, which cannot say it itself. */
  readonly #peerType: string | undefined
  /** A client speaks first; a server answers as it was spoken to. */
  readonly #client: boolean
  /** Our name, kept until the peer has begun. */
  #held: { readonly command: Uint8Array } | undefined
  #begun = false
  #peerShakesHands = false

  constructor(options: {
    readonly subprotocol: Subprotocol
    readonly client: boolean
    readonly peerType: string | undefined
  }) {
    this.subprotocol = options.subprotocol
    this.#client = options.client
    this.#peerType = options.peerType
  }

  /**
   * The greeting the peer would have sent. Version 3.0, because subscriptions are messages on WebSocket: to libzmq a
   * command there is nothing.
   */
  greeting(): Uint8Array {
    const bytes = encodeGreeting(this.subprotocol.mechanism)
    bytes[11] = 0
    return bytes
  }

  /**
   * The peer's first message on a connection without mechanism: the READY it stands for, for the engine; undefined when
   * it is a command and so a handshake after all. `answer` is what was held for it.
   */
  first(
    isCommand: boolean,
    body: Uint8Array,
  ): { readonly ready: Uint8Array | undefined; readonly answer: Outgoing | undefined } {
    this.#begun = true
    this.#peerShakesHands = isCommand
    const held = this.#held
    this.#held = undefined
    const answer = held && this.#outgoing(held.command)
    if (isCommand) return { ready: undefined, answer }
    const properties: [string, Uint8Array][] = [["Identity", body]]
    if (this.#peerType !== undefined) properties.push(["Socket-Type", utf8(this.#peerType)])
    return { ready: encodeReady(properties), answer }
  }

  /** What becomes of a READY of ours (the command's body): what to send, or nothing yet. */
  ready(command: Uint8Array): Outgoing | undefined {
    if (this.#client || this.#begun) return this.#outgoing(command)
    this.#held = { command: new Uint8Array(command) }
    return undefined
  }

  #outgoing(command: Uint8Array): Outgoing {
    if (this.#peerShakesHands) return { isCommand: true, body: new Uint8Array(command) }
    const parsed = parseCommand(command, 0, command.length)
    const identity = parsed.name === "READY" ? property(parsed.properties, "Identity") : undefined
    return { isCommand: false, body: identity ?? noBytes }
  }
}

/** A message of its own. */
export interface Outgoing {
  readonly isCommand: boolean
  readonly body: Uint8Array
}

/** Takes our own greeting off the front of what the engine writes, and reads the mechanism in it. */
export class GreetingCutter {
  #bytes: Uint8Array = noBytes
  /** Once it is whole. */
  mechanism: string | undefined

  /** The chunks without it. */
  cut(chunks: readonly Uint8Array[]): readonly Uint8Array[] {
    if (this.mechanism !== undefined) return chunks
    const bytes = concat([this.#bytes, ...chunks])
    if (bytes.length < greetingBytes) {
      this.#bytes = bytes
      return []
    }
    this.#bytes = noBytes
    let mechanism = ""
    for (let i = 12; i < 32 && bytes[i] !== 0; i++) mechanism += String.fromCharCode(bytes[i]!)
    this.mechanism = mechanism
    return bytes.length > greetingBytes ? [bytes.subarray(greetingBytes)] : []
  }
}

/** The paths of a host's three sockets, below the address it listens at, and who dials each. */
export const legs: Readonly<Record<"control" | "publish" | "push", string>> = {
  control: "DEALER",
  publish: "SUB",
  push: "PUSH",
}

/** "/a/publish" → "/a" and "SUB"; another path is itself, and says nothing of who dials it. */
export function splitLeg(path: string): { readonly base: string; readonly peerType: string | undefined } {
  const match = /^(.*)\/(control|publish|push)$/.exec(path)
  if (match === null) return { base: path, peerType: undefined }
  return { base: match[1]!, peerType: legs[match[2] as keyof typeof legs] }
}

/** Where a client's socket of that type dials, given the address of the host. */
export function legAddress(address: string, socketType: string): string {
  if (!/^wss?:\/\//.test(address)) return address
  const leg = (Object.keys(legs) as (keyof typeof legs)[]).find(each => legs[each] === socketType)
  const [before = "", query] = address.split(/(?=[?#])/)
  const base = before.replace(/\/+$/, "")
  return leg === undefined || base.endsWith(`/${leg}`) ? address : `${base}/${leg}${query ?? ""}`
}
