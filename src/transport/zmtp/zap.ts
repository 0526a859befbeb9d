/**
 * ZAP (rfc:27): asks a handler that the application has bound at `inproc://zeromq.zap.01`, as libzmq does, a ROUTER or a
 * REP. For programs moved over from libzmq; others give sockets a function (`PeerAuthenticator`).
 *
 *   ask:    | "1.0" | request id | domain | address | identity | mechanism | credentials …
 *   answer: | "1.0" | request id | status | text | user id | metadata        (each after an empty frame)
 */
import { fromUtf8, noBytes, utf8 } from "../../core/bytes.ts"
import type { Timer } from "../../core/clock.ts"
import { type Deferred, deferred } from "../../core/deferred.ts"
import { parseProperties } from "../../zmtp/command.ts"
import type {
  AuthenticationDecision,
  AuthenticationRequest,
  Credentials,
  PeerAuthenticator,
} from "../../zmtp/mechanism/authenticator.ts"
import { Dealer } from "./socket/dealer.ts"
import { type Parts, withSystemParts } from "./system.ts"

export const zapAddress = "inproc://zeromq.zap.01"

export interface ZapOptions extends Parts {
  /** How long the handler may take; then the answer is 500. Default 10,000. */
  readonly timeoutMs?: number
  /** What to say when no handler is bound. Default "refuse", with 500; libzmq accepts for NULL and CURVE. */
  readonly withoutHandler?: "refuse" | "accept"
}

interface Question {
  readonly answer: Deferred<AuthenticationDecision>
  readonly timer: Timer
}

/** An authenticator that asks the handler of this process. */
export function zapAuthenticator(options: ZapOptions = {}): PeerAuthenticator {
  const asker = new ZapAsker(options)
  return request => asker.ask(request)
}

class ZapAsker {
  readonly #options: ZapOptions
  readonly #parts: Required<Parts>
  readonly #waiting = new Map<string, Question>()
  #dealer: Dealer | undefined
  #lastId = 0

  constructor(options: ZapOptions) {
    this.#options = options
    this.#parts = withSystemParts(options)
  }

  ask(request: AuthenticationRequest): Promise<AuthenticationDecision> {
    const id = String(++this.#lastId)
    const answer = deferred<AuthenticationDecision>()
    const timer = this.#parts.clock.after(this.#options.timeoutMs ?? 10_000, () =>
      this.#answer(id, { status: 500, text: `nobody answered at ${zapAddress} in time` }),
    )
    this.#waiting.set(id, { answer, timer })
    const { credentials, domain, address } = request
    const frames = ["", "1.0", id, domain, address, "", credentials.mechanism].map(utf8)
    if (!this.#connected().send([...frames, ...credentialFrames(credentials)])) {
      this.#answer(id, { status: 500, text: "too many questions wait for the handler" })
    }
    return answer.promise
  }

  /** Connected while there is something to ask, so that it keeps no program from ending. */
  #connected(): Dealer {
    if (this.#dealer !== undefined) return this.#dealer
    const dealer = new Dealer({
      ...this.#parts,
      lingerMs: 0,
      onBatch: batch => {
        for (let i = 0; i < batch.count; i++) this.#read(batch.message(i))
      },
    })
    const gone = (decision: AuthenticationDecision) => {
      if (this.#dealer !== dealer) return
      this.#dealer = undefined
      dealer.abort()
      for (const id of [...this.#waiting.keys()]) this.#answer(id, decision)
    }
    const absent: AuthenticationDecision =
      this.#options.withoutHandler === "accept"
        ? { status: 200 }
        : { status: 500, text: `no handler is bound at ${zapAddress}` }
    dealer.events.on("dialFailed", () => gone(absent))
    dealer.events.on("disconnected", () => gone({ status: 500, text: "the handler went away" }))
    dealer.connect(zapAddress)
    this.#dealer = dealer
    return dealer
  }

  #read(frames: readonly Uint8Array[]): void {
    const [delimiter, version, id, status, text, userId, metadata] = frames.map(frame => new Uint8Array(frame))
    if (frames.length !== 7 || delimiter!.length !== 0 || textOf(version!) !== "1.0") return
    this.#answer(textOf(id!), decisionOf(textOf(status!), textOf(text!), textOf(userId!), metadata!))
  }

  #answer(id: string, decision: AuthenticationDecision): void {
    const question = this.#waiting.get(id)
    if (question === undefined) return
    this.#waiting.delete(id)
    question.timer.cancel()
    question.answer.resolve(decision)
    if (this.#waiting.size > 0) return
    const dealer = this.#dealer
    this.#dealer = undefined
    dealer?.abort()
  }
}

function decisionOf(status: string, text: string, userId: string, metadata: Uint8Array): AuthenticationDecision {
  const properties = parseProperties(metadata, 0, metadata.length)
  switch (status) {
    case "200":
      if (properties === undefined) return { status: 500, text: "the handler's metadata cannot be read" }
      return { status: 200, metadata: properties, ...(userId !== "" && { userId }) }
    case "300":
      return { status: 300, text }
    case "400":
      return { status: 400, text }
    default:
      return { status: 500, text: text || "the handler failed" }
  }
}

function credentialFrames(credentials: Credentials): Uint8Array[] {
  switch (credentials.mechanism) {
    case "PLAIN":
      return [utf8(credentials.username), utf8(credentials.password)]
    case "CURVE":
      return [credentials.publicKey]
    default:
      return []
  }
}

function textOf(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes ?? noBytes)
  } catch {
    return ""
  }
}
