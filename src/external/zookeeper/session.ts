/**
 * A session with a ZooKeeper ensemble: one connection at a time, requests in order, nodes that live as long as the session.
 * A state machine: network, time and chance are handed in. Why not a client from npm: docs/decisions/0076.
 */
import type { Clock, Timer } from "../../core/clock.ts"
import { messageOf, ZincError } from "../../core/errors.ts"
import { Events } from "../../core/events.ts"
import { type Logger, silentLogger } from "../../core/logger.ts"
import type { Random } from "../../core/random.ts"
import { ContactTrack } from "../contact.ts"
import { JuteReader, JuteWriter } from "./jute.ts"
import { MessageSplitter } from "./message-splitter.ts"
import { type AccessRule, encodeRequest, Opcode, type Operation, Reply, ZooKeeperError } from "./operation.ts"
import type { Dial, ServerPlace, Wire } from "./wire.ts"

export interface ZooKeeperSessionOptions {
  readonly servers: readonly ServerPlace[]
  readonly clock: Clock
  readonly random: Random
  readonly dial: Dial
  readonly logger?: Logger
  /** "user:password" of the digest scheme; what we create is then ours alone. Default: anyone's. */
  readonly credentials?: string
  /** How long the ensemble keeps our nodes after it last heard from us; it may grant more. */
  readonly sessionMs: number
  /** Contact ends this long after the sending of the youngest answered request. */
  readonly silenceMs: number
  /** How long one call may take. */
  readonly timeoutMs: number
}

export type SessionEvent =
  /** `fresh`: a new session, whose nodes are yet to be made; else the one before goes on. Watches are gone either way. */
  | { readonly type: "connected"; readonly fresh: boolean }
  | { readonly type: "contact"; readonly connected: boolean; readonly reason: string }
  /** A watched node was created, changed or removed, or its children did. The watch is spent. */
  | { readonly type: "watch"; readonly path: string }

interface Call {
  readonly operation: Operation<unknown>
  readonly resolve: (answer: never) => void
  readonly reject: (error: ZincError) => void
  over: boolean
  sentAt: number
}

interface Connection {
  readonly wire: Wire
  readonly splitter: MessageSplitter
  readonly server: string
  readonly attempt: Timer
  /** The session is agreed upon. */
  open: boolean
}

/** Calls that may wait for a connection or an answer; more fail with `Full`. */
const callsMax = 10_000
const redialMinMs = 50
const redialMaxMs = 1_000
const closingMs = 500
const pingXid = -2
const authXid = -4
const watchXid = -1
const noPassword = new Uint8Array(16)

export class ZooKeeperSession {
  readonly events: Events<SessionEvent>
  readonly #options: ZooKeeperSessionOptions
  readonly #logger: Logger
  readonly #contact: ContactTrack
  #connection: Connection | undefined
  #redial: Timer | undefined
  #nextServer: number
  #attempts = 0
  #sessionId = 0n
  #password: Uint8Array = noPassword
  #lastZxid = 0n
  #sessionMs: number
  #xid = 1
  #waiting: Call[] = []
  #asked: (Call & { readonly xid: number })[] = []
  #pings: number[] = []
  #denied: ZincError | undefined
  #lastTrouble = "no server has answered yet"
  #closed: Promise<void> | undefined

  constructor(options: ZooKeeperSessionOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
    this.events = new Events(this.#logger)
    this.#sessionMs = options.sessionMs
    // Not everyone at the first server of the same list.
    this.#nextServer = options.random.below(options.servers.length)
    this.#contact = new ContactTrack({
      clock: options.clock,
      silenceMs: options.silenceMs,
      probe: () => this.#ping(),
      changed: (connected, reason) => this.events.emit({ type: "contact", connected, reason }),
      lost: () => this.#giveUp(`${this.#connection?.server ?? "the server"} is silent`),
    })
    this.#dial()
  }

  /** Our own judgement; see `ContactTrack`. */
  get connected(): boolean {
    return this.#closed === undefined && this.#contact.connected
  }

  /** Requests can be sent now. */
  get open(): boolean {
    return this.#connection?.open === true
  }

  /** The id under which the ensemble knows our nodes; 0 before the first connection. */
  get sessionId(): bigint {
    return this.#sessionId
  }

  /** Who may touch what we create. */
  get access(): readonly AccessRule[] {
    if (this.#options.credentials === undefined) return [{ permissions: 31, scheme: "world", id: "anyone" }]
    return [{ permissions: 31, scheme: "auth", id: "" }]
  }

  get place(): string {
    return `zk://${this.#options.servers.map(serverText).join(",")}`
  }

  /**
   * Asks, once connected. Calls are sent, and so done, in the order they were made. Rejects with `ZooKeeperError` for a no,
   * `Unreachable` when it was never sent, `Timeout` or `PeerLost` when no answer came; harmless ones are asked again instead
   * of `PeerLost`.
   */
  ask<Answer>(operation: Operation<Answer>, signal?: AbortSignal): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      if (this.#closed !== undefined) return reject(closedError())
      if (signal?.aborted) return reject(abortedError(signal))
      if (this.#waiting.length + this.#asked.length >= callsMax)
        return reject(new ZincError("Full", `${callsMax} calls to ${this.place} wait already`, { retryable: true }))
      const finish = () => {
        call.over = true
        deadline.cancel()
        signal?.removeEventListener("abort", onAbort)
      }
      const call: Call = {
        operation,
        over: false,
        sentAt: Number.NaN,
        resolve: (answer: never) => {
          finish()
          resolve(answer)
        },
        reject: error => {
          finish()
          reject(error)
        },
      }
      const onAbort = () => call.reject(abortedError(signal!))
      const deadline = this.#options.clock.after(this.#options.timeoutMs, () => call.reject(this.#late(call)))
      signal?.addEventListener("abort", onAbort, { once: true })
      this.#waiting.push(call)
      this.#send()
    })
  }

  /** Ends the session, so that its nodes go at once, if a server answers within half a second. */
  close(): Promise<void> {
    if (this.#closed !== undefined) return this.#closed
    const connection = this.#connection
    const said = new Promise<void>(resolve => {
      if (connection?.open !== true) return resolve()
      const timer = this.#options.clock.after(closingMs, resolve)
      const done = () => {
        timer.cancel()
        resolve()
      }
      const call = {
        operation: closeSession,
        over: false,
        sentAt: this.#options.clock.now(),
        resolve: done,
        reject: done,
      }
      this.#asked.push({ ...call, xid: this.#xid })
      connection.wire.write(encodeRequest(this.#xid++, closeSession))
    })
    for (const call of [...this.#waiting, ...this.#asked]) {
      if (call.operation !== closeSession) call.reject(closedError())
    }
    this.#waiting = []
    this.#redial?.cancel()
    this.#contact.stop()
    this.#closed = said.then(() => {
      this.#connection?.attempt.cancel()
      this.#connection?.wire.destroy()
      this.#connection = undefined
    })
    return this.#closed
  }

  // ---- connecting ----

  #dial(): void {
    const { servers, clock, silenceMs, dial } = this.#options
    const server = servers[this.#nextServer++ % servers.length]!
    this.#attempts++
    this.#contact.began()
    // By our own clock the ensemble has let the session go. To insist on it, and on the last change it has shown us, would
    // keep us out for ever of an ensemble whose data was wiped.
    if (this.#sessionId !== 0n && clock.now() - this.#contact.knownAt > this.#sessionMs) this.#forgetSession()
    const events = {
      open: () => connection.wire.write(this.#greeting()),
      data: (chunk: Uint8Array) => this.#take(connection, chunk),
      closed: (reason: string) => {
        if (this.#connection === connection) this.#giveUp(`${connection.server}: ${reason}`)
      },
    }
    const connection: Connection = {
      wire: dial(server, events),
      splitter: new MessageSplitter(),
      server: serverText(server),
      attempt: clock.after(silenceMs, () => this.#giveUp(`${serverText(server)} does not answer`)),
      open: false,
    }
    this.#connection = connection
  }

  /** Drops the connection and dials the next server: at once the first time round, later with full jitter. */
  #giveUp(reason: string): void {
    const { clock, random, servers } = this.#options
    const connection = this.#connection
    if (connection === undefined) return
    this.#connection = undefined
    connection.attempt.cancel()
    connection.wire.destroy()
    this.#lastTrouble = reason
    this.#logger.debug("lost the connection to ZooKeeper", { reason })
    this.#pings = []
    const asked = this.#asked
    this.#asked = []
    const again: Call[] = []
    for (const call of asked) {
      if (call.over) continue
      if (call.operation.harmless) again.push(call)
      else call.reject(new ZincError("PeerLost", `${reason}; whether ${call.operation.what} happened is not known`))
    }
    this.#waiting = [...again, ...this.#waiting]
    if (this.#closed !== undefined) return
    const round = Math.floor(this.#attempts / servers.length)
    const waitMs = round === 0 ? 0 : random.below(Math.min(redialMaxMs, redialMinMs * 2 ** Math.min(round, 10)))
    this.#redial = clock.after(waitMs, () => this.#dial())
  }

  #greeting(): Uint8Array {
    const writer = new JuteWriter().int(0).long(this.#lastZxid).int(this.#options.sessionMs)
    return writer.long(this.#sessionId).buffer(this.#password).boolean(false).framed()
  }

  #greeted(connection: Connection, reader: JuteReader): void {
    reader.int()
    const sessionMs = reader.int()
    const sessionId = reader.long()
    const password = reader.buffer()
    if (sessionMs <= 0) {
      this.#forgetSession()
      this.#attempts = 0
      this.#giveUp(`${connection.server} says that the session has expired`)
      return
    }
    const fresh = sessionId !== this.#sessionId
    this.#sessionId = sessionId
    this.#password = password
    this.#sessionMs = sessionMs
    this.#attempts = 0
    this.#denied = undefined
    connection.attempt.cancel()
    connection.open = true
    const { credentials } = this.#options
    if (credentials !== undefined) connection.wire.write(encodeRequest(authXid, authentication(credentials)))
    // What waits goes first: a listener's questions come after what was asked before.
    this.#ping()
    this.#send()
    this.events.emit({ type: "connected", fresh })
  }

  #forgetSession(): void {
    this.#sessionId = 0n
    this.#password = noPassword
    this.#lastZxid = 0n
  }

  // ---- asking ----

  #send(): void {
    const connection = this.#connection
    if (connection?.open !== true || this.#waiting.length === 0) return
    const now = this.#options.clock.now()
    for (const call of this.#waiting) {
      if (call.over) continue
      call.sentAt = now
      const xid = this.#xid
      this.#xid = xid === 0x7fff_ffff ? 1 : xid + 1
      this.#asked.push(Object.assign(call, { xid }))
      connection.wire.write(encodeRequest(xid, call.operation))
    }
    this.#waiting = []
  }

  #ping(): void {
    if (this.#connection?.open !== true) return
    this.#pings.push(this.#options.clock.now())
    this.#connection.wire.write(encodeRequest(pingXid, ping))
  }

  #late(call: Call): ZincError {
    const { timeoutMs } = this.#options
    if (this.#denied !== undefined) return this.#denied
    // Sent to a server that was lost since, and harmless, else it would be over: it counts as not sent.
    if (Number.isNaN(call.sentAt) || !this.open)
      return new ZincError("Unreachable", `${this.place} was not reached in ${timeoutMs} ms: ${this.#lastTrouble}`, {
        retryable: true,
      })
    return new ZincError("Timeout", `${this.place} did not answer ${call.operation.what} in ${timeoutMs} ms`, {
      retryable: true,
    })
  }

  // ---- hearing ----

  #take(connection: Connection, chunk: Uint8Array): void {
    try {
      for (const message of connection.splitter.push(chunk)) {
        if (this.#connection !== connection) return
        if (connection.open) this.#hear(new JuteReader(message))
        else this.#greeted(connection, new JuteReader(message))
      }
    } catch (error) {
      if (this.#connection === connection) this.#giveUp(`${connection.server}: ${messageOf(error)}`)
    }
  }

  #hear(reader: JuteReader): void {
    const xid = reader.int()
    const zxid = reader.long()
    const reply = reader.int()
    if (xid === watchXid) {
      reader.int()
      reader.int()
      this.events.emit({ type: "watch", path: reader.text() })
    } else if (xid === pingXid) {
      const sentAt = this.#pings.shift()
      if (sentAt !== undefined) this.#contact.answered(sentAt)
    } else if (xid === authXid) {
      if (reply !== Reply.Ok) this.#deny(new ZooKeeperError(Reply.AuthFailed, "our credentials"))
    } else this.#answered(reader, xid, zxid, reply)
  }

  #answered(reader: JuteReader, xid: number, zxid: bigint, reply: number): void {
    const call = this.#asked.shift()
    if (call?.xid !== xid) throw new ZincError("BadFrame", `it answered request ${xid}, and ${call?.xid} was next`)
    if (zxid > this.#lastZxid) this.#lastZxid = zxid
    this.#contact.answered(call.sentAt)
    if (call.over) return
    try {
      if (reply !== Reply.Ok) {
        // A failed transaction answers with its parts as well, which say why.
        if (call.operation.opcode === Opcode.Multi && reader.rest > 0) call.operation.read(reader, zxid)
        throw new ZooKeeperError(reply, call.operation.what)
      }
      call.resolve(call.operation.read(reader, zxid) as never)
    } catch (error) {
      call.reject(ZincError.is(error) ? error : new ZincError("BadFrame", messageOf(error), { cause: error }))
      if (!(error instanceof ZooKeeperError)) throw error
    }
  }

  #deny(error: ZincError): void {
    this.#denied = error
    for (const call of [...this.#waiting, ...this.#asked]) if (!call.over) call.reject(error)
  }
}

const ping: Operation<void> = { opcode: Opcode.Ping, what: "a ping", harmless: true, write: () => {}, read: () => {} }
const closeSession: Operation<void> = {
  opcode: Opcode.CloseSession,
  what: "the end of the session",
  harmless: false,
  write: () => {},
  read: () => {},
}

function authentication(credentials: string): Operation<void> {
  return {
    opcode: Opcode.Auth,
    what: "our credentials",
    harmless: true,
    write: writer => void writer.int(0).text("digest").text(credentials),
    read: () => {},
  }
}

function serverText({ host, port }: ServerPlace): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`
}

function closedError(): ZincError {
  return new ZincError("Closed", "the session with ZooKeeper is closed; open a new one")
}

function abortedError(signal: AbortSignal): ZincError {
  return new ZincError("Aborted", "the call to ZooKeeper was aborted", { cause: signal.reason })
}
