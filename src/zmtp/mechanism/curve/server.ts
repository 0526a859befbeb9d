/**
 * CURVE (rfc:26) as the side that listens. It has a lasting key that clients know, learns each client's lasting key, and
 * may ask an authenticator about it. Nothing of a client is kept, and no lasting key is used for it, before HELLO has
 * proved that it knows ours.
 */
import { concat, copyOf, readU64 } from "../../../core/bytes.ts"
import { ZincError } from "../../../core/errors.ts"
import { type Random, systemRandom } from "../../../core/random.ts"
import { commandName, encodeCommand, encodeProperties, parseProperties } from "../../command.ts"
import { type Examination, examine, type PeerAuthenticator, refusedBy } from "../authenticator.ts"
import type { HandshakeStep, Mechanism, Metadata, Security, TrafficCipher } from "../mechanism.ts"
import { errorReason, failure, malformed, unexpected } from "../plain.ts"
import { type Box, keyBytes } from "./box.ts"
import { noBox } from "./client.ts"
import { fastestBox } from "./fastest-box.ts"
import { type CurveKey, publicKeyOf, readKey, sameOctets } from "./key.ts"
import { CurveTraffic } from "./traffic.ts"
import { cookieBytes, counterBytes, helloBytes, initiateMinBytes, nonceOf, opened, sealed, Words } from "./wire.ts"

export interface CurveServerOptions {
  /** Our lasting secret key; clients know its public half. */
  readonly secretKey: CurveKey
  /** Decides by the client's lasting public key. Default: whoever knows our public key may come in. */
  readonly authenticator?: PeerAuthenticator
  /** Told to the authenticator. Default: empty. */
  readonly domain?: string
  /** Who does the sums. Default: the fastest there is here. */
  readonly box?: Box | Promise<Box>
  readonly random?: Random
}

/** For sockets that listen. Throws `BadOption`. */
export function curveServer(options: CurveServerOptions): Security {
  const { random = systemRandom, authenticator, domain = "" } = options
  const secretKey = readKey("secretKey", options.secretKey)
  const publicKey = publicKeyOf(secretKey)
  let box = options.box ?? fastestBox()
  if (box instanceof Promise) {
    void box.then(
      loaded => {
        box = loaded
      },
      () => {},
    )
  }
  return {
    mechanism: "CURVE",
    open: remote =>
      new CurveServer({
        secretKey,
        publicKey,
        box,
        random,
        examination: authenticator && { authenticator, domain, remote },
      }),
  }
}

interface Parts {
  readonly secretKey: Uint8Array
  readonly publicKey: Uint8Array
  readonly box: Box | Promise<Box>
  readonly random: Random
  readonly examination: Examination | undefined
}

/** The counter of our one counted box in a handshake. */
const readyCounter = 1

export class CurveServer implements Mechanism {
  readonly name = "CURVE"
  readonly asServer = true
  readonly tellsWhy = false
  readonly covers = true
  readonly #parts: Parts
  #box!: Box
  #expects: "HELLO" | "INITIATE" | "nothing" = "HELLO"
  /** Lives from WELCOME to INITIATE. */
  #cookieKey: Uint8Array | undefined
  /** C' as HELLO said it. */
  #shortClient: Uint8Array | undefined
  /** What C' and S' share, from INITIATE on. */
  #key: Uint8Array | undefined
  #received = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  begin(): readonly Uint8Array[] {
    return []
  }

  greeted(): HandshakeStep {
    const { box } = this.#parts
    const begin = (loaded: Box): HandshakeStep => {
      this.#box = loaded
      return { type: "wait" }
    }
    return box instanceof Promise ? { type: "pending", step: box.then(begin).catch(noBox) } : begin(box)
  }

  receive(buffer: Uint8Array, start: number, end: number): HandshakeStep {
    const name = commandName(buffer, start, end)
    if (name === "ERROR") return failure(refusedBy(errorReason(buffer, start, end), { retryable: true }))
    if (name !== this.#expects) return failure(unexpected(name, this.#expects))
    const command = copyOf(buffer, start, end)
    return name === "HELLO" ? this.#hello(command) : this.#initiate(command)
  }

  ready(metadata: Metadata): readonly Uint8Array[] {
    const counter = counterBytes(readyCounter)
    const nonce = nonceOf(Words.Ready, counter)
    return [encodeCommand("READY", concat([counter, sealed(this.#box, this.#key!, nonce, encodeProperties(metadata))]))]
  }

  traffic(): TrafficCipher {
    return new CurveTraffic({
      box: this.#box,
      key: this.#key!,
      ours: Words.FromServer,
      theirs: Words.FromClient,
      sent: readyCounter,
      received: this.#received,
    })
  }

  #hello(command: Uint8Array): HandshakeStep {
    const box = this.#box
    const { secretKey, random } = this.#parts
    if (command.length !== helloBytes || command[6] !== 1 || command[7] !== 0) return failure(malformed("HELLO"))
    const shortClient = command.slice(80, 112)
    const nonce = command.subarray(112, 120)
    const key = box.sharedKey(shortClient, secretKey)
    const zeros = key && opened(box, key, nonceOf(Words.Hello, nonce), command.subarray(120))
    if (key === undefined || zeros === undefined) {
      return failure(new ZincError("HandshakeFailed", "the client does not know our key, or its HELLO was damaged"))
    }
    this.#received = readU64(command, 112)
    this.#shortClient = shortClient
    const shortSecret = random.bytes(keyBytes)
    const shortServer = box.publicKeyOf(shortSecret)
    this.#cookieKey = random.bytes(keyBytes)
    const cookieNonce = random.bytes(16)
    const secrets = concat([shortClient, shortSecret])
    const cookie = sealed(box, this.#cookieKey, nonceOf(Words.Cookie, cookieNonce), secrets)
    // The client carries it for us; we keep the key to it only.
    shortSecret.fill(0)
    secrets.fill(0)
    const welcomeNonce = random.bytes(16)
    const inside = concat([shortServer, cookieNonce, cookie])
    const welcome = sealed(box, key, nonceOf(Words.Welcome, welcomeNonce), inside)
    this.#expects = "INITIATE"
    return { type: "wait", send: [encodeCommand("WELCOME", concat([welcomeNonce, welcome]))] }
  }

  #initiate(command: Uint8Array): HandshakeStep {
    const box = this.#box
    if (command.length < initiateMinBytes) return failure(malformed("INITIATE"))
    const cookieNonce = nonceOf(Words.Cookie, command.subarray(9, 25))
    const secrets = opened(box, this.#cookieKey!, cookieNonce, command.subarray(25, 9 + cookieBytes))
    this.#cookieKey!.fill(0)
    this.#cookieKey = undefined
    this.#expects = "nothing"
    if (secrets === undefined || !sameOctets(secrets.subarray(0, keyBytes), this.#shortClient!)) {
      return failure(new ZincError("HandshakeFailed", "the client did not return the cookie it was given"))
    }
    const shortSecret = secrets.subarray(keyBytes)
    const step = this.#admit(command, shortSecret)
    secrets.fill(0)
    return step
  }

  #admit(command: Uint8Array, shortSecret: Uint8Array): HandshakeStep {
    const box = this.#box
    const counter = readU64(command, 105)
    this.#key = box.sharedKey(this.#shortClient!, shortSecret)
    const nonce = nonceOf(Words.Initiate, command.subarray(105, 113))
    const inside = this.#key && opened(box, this.#key, nonce, command.subarray(113))
    if (inside === undefined || counter <= this.#received) {
      return failure(
        new ZincError("HandshakeFailed", "the client's INITIATE cannot be opened: it is damaged or forged"),
      )
    }
    this.#received = counter
    const publicKey = inside.slice(0, keyBytes)
    const vouchKey = box.sharedKey(publicKey, shortSecret)
    const vouchNonce = nonceOf(Words.Vouch, inside.subarray(32, 48))
    const claim = vouchKey && opened(box, vouchKey, vouchNonce, inside.subarray(48, 128))
    if (claim === undefined || !sameOctets(claim, concat([this.#shortClient!, this.#parts.publicKey]))) {
      return failure(new ZincError("HandshakeFailed", "the client does not hold the lasting key it claims"))
    }
    const properties = parseProperties(inside, 128, inside.length)
    if (properties === undefined) return failure(malformed("INITIATE"))
    const { examination } = this.#parts
    if (examination === undefined) return { type: "ready", properties }
    return examine(examination, { mechanism: "CURVE", publicKey }, ({ userId }) => ({
      type: "ready",
      properties,
      ...(userId !== undefined && { userId }),
    }))
  }
}
