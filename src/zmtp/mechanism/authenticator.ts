/**
 * Who may connect. A mechanism establishes what a peer can prove; this decides whether that is enough. It is ZAP
 * (rfc:27) as a function: the same questions, the same four answers.
 */
import { messageOf, ZincError } from "../../core/errors.ts"
import { encodeError } from "../command.ts"
import type { HandshakeStep } from "./mechanism.ts"

/** What the peer proved. */
export type Credentials =
  | { readonly mechanism: "NULL" }
  | { readonly mechanism: "PLAIN"; readonly username: string; readonly password: string }
  /** 32 octets; the peer has shown that it holds the secret key to it. */
  | { readonly mechanism: "CURVE"; readonly publicKey: Uint8Array }

export interface AuthenticationRequest {
  readonly credentials: Credentials
  /** The far end as its carrier names it: `tcp://10.0.0.7:51234`. */
  readonly remote: string
  /** The far end's address alone, as ZAP has it: `10.0.0.7`; empty where there is none (ipc, inproc). */
  readonly address: string
  /** As the socket was given it; tells one use of an authenticator from another. */
  readonly domain: string
}

/**
 * 200 accepts. 300 is a passing fault: the connection closes without a word and the peer may try again. 400 refuses
 * the credentials and 500 says that we cannot tell; both are told to the peer as an ERROR with the number, and no more.
 */
export type AuthenticationDecision =
  | { readonly status: 200; readonly userId?: string; readonly metadata?: ReadonlyMap<string, Uint8Array> }
  | { readonly status: 300 | 400 | 500; readonly text?: string }

/**
 * Called once for each handshake that gets so far. It may take its time: the peer waits, within the handshake's time-out.
 * One that throws or rejects refuses with 500.
 */
export type PeerAuthenticator = (
  request: AuthenticationRequest,
) => AuthenticationDecision | Promise<AuthenticationDecision>

/** What an authenticator has to do with one connection. */
export interface Examination {
  readonly authenticator: PeerAuthenticator
  readonly domain: string
  readonly remote: string
}

/** Asks, and goes on with what `accepted` makes of a yes. */
export function examine(
  examination: Examination,
  credentials: Credentials,
  accepted: (decision: AuthenticationDecision & { status: 200 }) => HandshakeStep,
): HandshakeStep {
  const { authenticator, domain, remote } = examination
  const judge = (decision: AuthenticationDecision): HandshakeStep =>
    decision?.status === 200 ? accepted(decision) : refusal(credentials.mechanism, decided(decision))
  const broken = (thrown: unknown): HandshakeStep =>
    refusal(credentials.mechanism, { status: 500, text: `the authenticator failed: ${messageOf(thrown)}` }, thrown)
  try {
    const answer = authenticator({ credentials, remote, domain, address: addressOf(remote) })
    if (answer instanceof Promise) return { type: "pending", step: answer.then(judge).catch(broken) }
    return judge(answer)
  } catch (thrown) {
    return broken(thrown)
  }
}

/** One of plain JavaScript may forget to answer. */
function decided(decision: AuthenticationDecision | undefined): AuthenticationDecision {
  if (typeof decision === "object" && [200, 300, 400, 500].includes(decision?.status)) return decision
  return { status: 500, text: "the authenticator must return { status: 200, 300, 400 or 500 }" }
}

function refusal(mechanism: string, decision: AuthenticationDecision, cause?: unknown): HandshakeStep {
  const status = [300, 400].includes(decision?.status) ? decision.status : 500
  const text = "text" in decision && decision.text !== undefined ? `: ${decision.text}` : ""
  const error = new ZincError(
    "Unauthorized",
    `the authenticator refused its ${mechanism} credentials (${status})${text}`,
    {
      ...(cause !== undefined && { cause }),
    },
  )
  return { type: "failed", error, ...(status !== 300 && { send: [encodeError(String(status))] }) }
}

/** `tcp://10.0.0.7:51234` → `10.0.0.7`. */
function addressOf(remote: string): string {
  const match = /^(?:tcp|wss?):\/\/(?:\[([^\]]+)\]|([^:/]+))/.exec(remote)
  return match?.[1] ?? match?.[2] ?? ""
}

/** What an ERROR of the peer's means to us, who were refused. */
export function refusedBy(reason: string, options: { readonly retryable?: boolean } = {}): ZincError {
  switch (reason) {
    case "300":
    case "500":
      return new ZincError("Unauthorized", `the peer could not check our credentials (${reason})`, { retryable: true })
    case "400":
      return new ZincError("Unauthorized", "the peer refused our credentials (400)", options)
    default:
      return new ZincError("HandshakeFailed", `the peer refused us: ${reason || "it gave no reason"}`, options)
  }
}
