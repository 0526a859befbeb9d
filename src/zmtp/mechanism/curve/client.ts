/**
 * CURVE (rfc:26) as the side that dials. It knows the server's lasting key beforehand, and so knows whom it talks to.
 *
 *   HELLO ▶ ◀ WELCOME   INITIATE ▶ ◀ READY   then MESSAGE both ways (traffic.ts)
 */
import { concat, copyOf, readU64 } from "../../../core/bytes.ts"
import { ZincError } from "../../../core/errors.ts"
import { type Random, systemRandom } from "../../../core/random.ts"
import { commandName, encodeCommand, encodeProperties, parseProperties } from "../../command.ts"
import { refusedBy } from "../authenticator.ts"
import type { HandshakeStep, Mechanism, Metadata, Security, TrafficCipher } from "../mechanism.ts"
import { errorReason, failure, malformed, unexpected } from "../plain.ts"
import { type Box, keyBytes } from "./box.ts"
import { fastestBox } from "./fastest-box.ts"
import { type CurveKey, readKey } from "./key.ts"
import { CurveTraffic } from "./traffic.ts"
import { cookieBytes, counterBytes, nonceOf, opened, readyMinBytes, sealed, Words, welcomeBytes } from "./wire.ts"

export interface CurveClientOptions {
  /** The lasting public key of the server. */
  readonly serverKey: CurveKey
  /** Our lasting secret key, by whose public half an authenticator knows us. Default: a fresh one, known to nobody. */
  readonly secretKey?: CurveKey
  /** Who does the sums. Default: the fastest there is here. */
  readonly box?: Box | Promise<Box>
  readonly random?: Random
}

/** For sockets that dial. Throws `BadOption`. */
export function curveClient(options: CurveClientOptions): Security {
  const { random = systemRandom } = options
  const serverKey = readKey("serverKey", options.serverKey)
  const secretKey = options.secretKey === undefined ? random.bytes(keyBytes) : readKey("secretKey", options.secretKey)
  let box = options.box ?? fastestBox()
  if (box instanceof Promise) {
    void box.then(
      loaded => {
        box = loaded
      },
      () => {},
    )
  }
  return { mechanism: "CURVE", open: () => new CurveClient({ serverKey, secretKey, box, random }) }
}

interface Parts {
  readonly serverKey: Uint8Array
  readonly secretKey: Uint8Array
  readonly box: Box | Promise<Box>
  readonly random: Random
}

/** The counters of our two boxes in a handshake. */
const helloCounter = 1
const initiateCounter = 2

export class CurveClient implements Mechanism {
  readonly name = "CURVE"
  readonly asServer = false
  /** A refusal in the clear would tell a listener what we are. */
  readonly tellsWhy = false
  readonly covers = true
  readonly #parts: Parts
  readonly #shortSecret: Uint8Array
  #box!: Box
  #shortPublic!: Uint8Array
  #metadata: Metadata = []
  #expects: "WELCOME" | "READY" | "nothing" = "WELCOME"
  /** What C' and S' share, from WELCOME on. */
  #key: Uint8Array | undefined
  #received = 0

  constructor(parts: Parts) {
    this.#parts = parts
    this.#shortSecret = parts.random.bytes(keyBytes)
  }

  begin(metadata: Metadata | undefined): readonly Uint8Array[] {
    this.#metadata = metadata ?? []
    return []
  }

  greeted(): HandshakeStep {
    const { box } = this.#parts
    if (!(box instanceof Promise)) return this.#hello(box)
    return { type: "pending", step: box.then(loaded => this.#hello(loaded)).catch(noBox) }
  }

  receive(buffer: Uint8Array, start: number, end: number): HandshakeStep {
    const name = commandName(buffer, start, end)
    // Anybody on the way could have said so; it ends this connection, not our wish for one.
    if (name === "ERROR" && this.#expects !== "nothing") {
      return failure(refusedBy(errorReason(buffer, start, end), { retryable: true }))
    }
    if (name !== this.#expects) return failure(unexpected(name, this.#expects))
    const command = copyOf(buffer, start, end)
    return name === "WELCOME" ? this.#welcome(command) : this.#ready(command)
  }

  ready(): readonly Uint8Array[] {
    return []
  }

  traffic(): TrafficCipher {
    return new CurveTraffic({
      box: this.#box,
      key: this.#key!,
      ours: Words.FromClient,
      theirs: Words.FromServer,
      sent: initiateCounter,
      received: this.#received,
    })
  }

  #hello(box: Box): HandshakeStep {
    this.#box = box
    this.#shortPublic = box.publicKeyOf(this.#shortSecret)
    const key = box.sharedKey(this.#parts.serverKey, this.#shortSecret)
    if (key === undefined) return failure(new ZincError("BadOption", "serverKey is no usable key"))
    const counter = counterBytes(helloCounter)
    const proof = sealed(box, key, nonceOf(Words.Hello, counter), new Uint8Array(64))
    const body = concat([Uint8Array.of(1, 0), new Uint8Array(72), this.#shortPublic, counter, proof])
    return { type: "wait", send: [encodeCommand("HELLO", body)] }
  }

  #welcome(command: Uint8Array): HandshakeStep {
    const box = this.#box
    const { serverKey, secretKey, random } = this.#parts
    if (command.length !== welcomeBytes) return failure(malformed("WELCOME"))
    const serverKeyed = box.sharedKey(serverKey, this.#shortSecret)!
    const plain = opened(box, serverKeyed, nonceOf(Words.Welcome, command.subarray(8, 24)), command.subarray(24))
    if (plain === undefined) {
      return failure(new ZincError("HandshakeFailed", "the server does not hold the key we expect; check serverKey"))
    }
    const shortServer = plain.subarray(0, keyBytes)
    const cookie = plain.subarray(keyBytes, keyBytes + cookieBytes)
    this.#key = box.sharedKey(shortServer, this.#shortSecret)
    const vouchKey = box.sharedKey(shortServer, secretKey)
    if (this.#key === undefined || vouchKey === undefined) return failure(malformed("WELCOME"))
    const vouchNonce = random.bytes(16)
    const claim = concat([this.#shortPublic, serverKey])
    const vouch = sealed(box, vouchKey, nonceOf(Words.Vouch, vouchNonce), claim)
    const inside = concat([box.publicKeyOf(secretKey), vouchNonce, vouch, encodeProperties(this.#metadata)])
    const counter = counterBytes(initiateCounter)
    const body = concat([cookie, counter, sealed(box, this.#key, nonceOf(Words.Initiate, counter), inside)])
    this.#shortSecret.fill(0)
    this.#expects = "READY"
    return { type: "wait", send: [encodeCommand("INITIATE", body)] }
  }

  #ready(command: Uint8Array): HandshakeStep {
    if (command.length < readyMinBytes) return failure(malformed("READY"))
    const counter = readU64(command, 6)
    const nonce = nonceOf(Words.Ready, command.subarray(6, 14))
    const plain = opened(this.#box, this.#key!, nonce, command.subarray(14))
    const properties = plain && parseProperties(plain, 0, plain.length)
    if (properties === undefined) return failure(malformed("READY"))
    this.#received = counter
    this.#expects = "nothing"
    return { type: "ready", properties }
  }
}

export function noBox(cause: unknown): HandshakeStep {
  return failure(new ZincError("MissingPackage", "the cryptography of CURVE could not be loaded", { cause }))
}
