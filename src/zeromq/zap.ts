/**
 * Asks the program's ZAP handler (rfc:27) who may connect: a Reply or Router socket of its own, bound to
 * `inproc://zeromq.zap.01` in the same context.
 */
import { fromUtf8, utf8 } from "../core/bytes.ts"
import { guestClock } from "../core/clock.ts"
import { MemoryCarrier } from "../transport/carrier/memory.ts"
import type { Carrier } from "../transport/carrier.ts"
import { Dealer } from "../transport/zmtp/index.ts"
import type { AuthenticationDecision, AuthenticationRequest, PeerAuthenticator } from "../zmtp/index.ts"

const handlerAddress = "inproc://zeromq.zap.01"
const version = "1.0"
const statuses: readonly string[] = ["200", "300", "400", "500"]

/** The handler answered something that is no answer. */
export class ZapError extends Error {
  /** As zeromq.js calls it. */
  readonly code: string

  constructor(code: string) {
    super("ZAP protocol error")
    this.code = code
  }
}

/** Whether there is somebody to ask. */
export function hasZapHandler(carriers: readonly Carrier[]): boolean {
  return carriers.some(one => one instanceof MemoryCarrier && one.isBound(handlerAddress))
}

export interface ZapAsking {
  /** How long the handler may take; 0 for ever. */
  readonly waitMs: number
  /** What the asking socket is called, for the handler to know. */
  readonly identity: string
}

/** Each request is asked over a connection of its own, so that a handler may come and go. */
export function zapAuthenticator(carriers: readonly Carrier[], { waitMs, identity }: ZapAsking): PeerAuthenticator {
  let lastId = 0
  return async request => {
    // Without anybody to ask nobody may come in.
    if (!hasZapHandler(carriers)) return { status: 400, text: "no ZAP handler is bound" }
    const id = `${++lastId}`
    const socket = new Dealer({ carriers, clock: guestClock, reconnect: false, lingerMs: 0 })
    const timer = waitMs > 0 ? guestClock.after(waitMs, () => void socket.close()) : undefined
    try {
      socket.connect(handlerAddress)
      socket.send(requestFrames(id, identity, request))
      const reply = await socket.receive()
      return reply === undefined ? { status: 500, text: "the ZAP handler did not answer" } : decisionOf(reply, id)
    } finally {
      timer?.cancel()
      void socket.close()
    }
  }
}

function requestFrames(id: string, identity: string, request: AuthenticationRequest): Uint8Array[] {
  const { credentials, domain, address } = request
  const head = ["", version, id, domain, address, identity, credentials.mechanism].map(utf8)
  if (credentials.mechanism === "PLAIN") return [...head, utf8(credentials.username), utf8(credentials.password)]
  return credentials.mechanism === "CURVE" ? [...head, credentials.publicKey] : head
}

/** Throws a `ZapError` for what is none. */
function decisionOf(reply: readonly Uint8Array[], id: string): AuthenticationDecision {
  if (reply.length !== 7 || reply[0]!.length > 0) throw new ZapError("ERR_ZAP_MALFORMED_REPLY")
  const [said, answered, status, text, userId] = reply.slice(1, 6).map(fromUtf8) as [
    string,
    string,
    string,
    string,
    string,
  ]
  if (said !== version) throw new ZapError("ERR_ZAP_BAD_VERSION")
  if (answered !== id) throw new ZapError("ERR_ZAP_BAD_REQUEST_ID")
  if (!statuses.includes(status)) throw new ZapError("ERR_ZAP_INVALID_STATUS_CODE")
  if (status === "200") return { status: 200, userId }
  return { status: Number(status) as 300 | 400 | 500, text }
}
