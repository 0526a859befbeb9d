/**
 * One ZMTP 3.1 connection as a state machine: octets in; octets, messages and subscriptions out. No I/O: whoever owns
 * the stream passes on what it hears (`onBytes`, `onDrain`, `onClose`) and is told what to do with it (`output`).
 *
 *   greeting ──▶ handshake ──▶ traffic ──▶ closing ──▶ closed
 *        └────────────┴───────────┴─────────▲
 *
 * A dialler knows what it is and sends greeting and READY in one write. A bound side that serves several socket types
 * at one address withholds its READY until the peer's has come, and then becomes what suits the peer.
 * Nothing else is sent before the peer's READY has come (F4).
 */
import { copyOf, fromUtf8, noBytes, utf8 } from "../core/bytes.ts"
import type { Timer } from "../core/clock.ts"
import { ZincError } from "../core/errors.ts"
import type { FrameBatch } from "../core/frame-batch.ts"
import type { Arena } from "./arena.ts"
import { Backlog, type BacklogOwner } from "./backlog.ts"
import {
  type Command,
  encodeError,
  encodePing,
  encodePong,
  type Properties,
  parseCommand,
  property,
} from "./command.ts"
import type { Engine } from "./engine.ts"
import { type CommandSink, type DecoderLimits, defaultLimits, FrameDecoder } from "./frame-decoder.ts"
import { encodeGreeting, type Greeting, GreetingReader } from "./greeting.ts"
import { Heartbeat, type HeartbeatOptions } from "./heartbeat.ts"
import type { Link } from "./link.ts"
import type { HandshakeStep, Mechanism, Metadata, TrafficCipher } from "./mechanism/mechanism.ts"
import type { MemoryAccount } from "./memory-budget.ts"
import type { ByteSink, Outbox } from "./outbox.ts"
import { sliceBytes } from "./pacer.ts"
import { SealedReader } from "./sealed-reader.ts"
import { carriesIdentity, mayTalk, type SocketType } from "./socket-type.ts"

/** The stream under a connection. It reports its end through `onClose`, later, also when it was we who ended it. */
export interface ConnectionOutput extends ByteSink {
  /** The far end, for people. */
  readonly remote: string
  /** Octets of what came that it keeps to itself, where it does; then it calls `onBytes`, if with nothing, when they change. */
  readonly heldBytes?: number
  pause(): void
  resume(): void
  /** Sends what was written, then closes. */
  end(): void
  destroy(): void
}

/** Who a peer says it is. */
export interface PeerInfo {
  /** Its socket type, or undefined when READY did not say; libzmq lets that pass. */
  readonly socketType: string | undefined
  /** Its identity; empty for none. */
  readonly identity: Uint8Array
  readonly properties: Properties
  /** What the authenticator calls it, where there was one and it gave a name. */
  readonly userId?: string
}

/** What we are to a peer. */
export interface Role {
  readonly socketType: SocketType
  /** Sent in READY by those types that have one. */
  readonly identity?: Uint8Array
  readonly limits: DecoderLimits
  readonly heartbeat?: HeartbeatOptions
  /** Its octets begin to leave when the handshake is complete. */
  readonly outbox: Outbox
  /** A frame put before each message: a router's name for the peer. */
  readonly prefix?: Uint8Array
  readonly handler: ConnectionHandler
  /** The handler needs the octets of a batch during the call only, so they need not be copied for it. Default false. */
  readonly borrows?: boolean
  /** What the peer says costs much more than its octets: they are taken in turn with others' (see Pacer). Default false. */
  readonly paced?: boolean
}

/** Hears of one connection, from the end of its handshake. */
export interface ConnectionHandler {
  /** The handshake is complete. Messages of the same chunk follow at once. */
  onOpen(connection: Link): void
  /** Valid during the call. `batch.connection` is for the handler to set where it passes the batch on. */
  onBatch(batch: FrameBatch): void
  /** SUBSCRIBE (`wanted`) or CANCEL came as a command. The topic is valid during the call. */
  onSubscription(topic: Uint8Array, wanted: boolean): void
}

export interface ConnectionOptions {
  readonly engine: Engine
  readonly output: ConnectionOutput
  readonly mechanism: Mechanism
  readonly handshakeTimeoutMs: number
  /** What to announce without waiting; without it READY is withheld until `admit` has chosen. */
  readonly announce?: { readonly socketType: SocketType; readonly identity?: Uint8Array }
  /** The peer's READY is there: what we are to it, or why it is refused: for good, unless the error is retryable. */
  admit(peer: PeerInfo): Role | ZincError
  /** It is over, once, whatever the reason. Without `error` it was an orderly end, or we asked for it. */
  onClosed(error?: ZincError): void
}

type Phase = "greeting" | "handshake" | "traffic" | "closing" | "closed"

/** Most octets of commands kept while an authenticator thinks; no mechanism has the peer say that much before its turn. */
const parkedMax = 64 * 1024

/** How long an orderly end may take before the stream is cut. */
const endGraceMs = 2_000

export class Connection implements Link {
  readonly #engine: Engine
  readonly #output: ConnectionOutput
  readonly #mechanism: Mechanism
  readonly #options: ConnectionOptions
  readonly #decoder = new FrameDecoder(defaultLimits)
  readonly #account: MemoryAccount | undefined
  #greetingReader: GreetingReader | undefined = new GreetingReader()
  #phase: Phase = "greeting"
  #greeting: Greeting | undefined
  #role: Role | undefined
  #heartbeat: Heartbeat | undefined
  #timer: Timer | undefined
  #error: ZincError | undefined
  /** The stream still has something of the handshake. */
  #busy = false
  #paused = false
  #finishing = false
  /** The mechanism waits for somebody; what came meanwhile is parked, each with its time to come. */
  #pending = false
  #parked: Uint8Array[] = []
  #parkedBytes = 0
  /** What waits for its turn, once something did; while something does, nothing is read. */
  #backlog: Backlog | undefined
  /** What the chunk being read has come to so far. */
  #batch: FrameBatch | undefined
  /** Where messages travel covered. */
  #cipher: TrafficCipher | undefined
  #sealed: SealedReader | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#engine = options.engine
    this.#output = options.output
    this.#mechanism = options.mechanism
    this.#account = this.#engine.memory?.open(this.#output.remote, error => this.fail(error))
  }

  /** Says hello. To be called once, before anything else. */
  start(): void {
    const { announce, handshakeTimeoutMs } = this.#options
    const metadata = announce && metadataOf(announce.socketType, announce.identity)
    const greeting = encodeGreeting(this.#mechanism.name, this.#mechanism.asServer)
    this.#busy = !this.#output.write([greeting, ...this.#mechanism.begin(metadata)])
    if (handshakeTimeoutMs > 0) {
      this.#timer = this.#engine.clock.after(handshakeTimeoutMs, () =>
        this.fail(
          new ZincError("Timeout", `${this.remote} did not complete the handshake within ${handshakeTimeoutMs} ms`, {
            retryable: true,
          }),
        ),
      )
    }
  }

  get remote(): string {
    return this.#output.remote
  }
  get isOpen(): boolean {
    return this.#phase === "traffic"
  }
  /** Whether the peer understands SUBSCRIBE and CANCEL as commands (G6). */
  get takesSubscribeCommands(): boolean {
    return (this.#greeting?.version.minor ?? 0) >= 1
  }

  /** Octets of memory that hold what the peer has begun to say and not ended. */
  get heldBytes(): number {
    const unread = this.#parkedBytes + (this.#backlog?.bytes ?? 0) + (this.#output.heldBytes ?? 0)
    return this.#decoder.heldBytes + (this.#sealed?.heldBytes ?? 0) + unread
  }

  set kept(bytes: number) {
    if (this.#account !== undefined) this.#account.kept = bytes
  }

  // ---- what the stream tells ----

  /** Octets that are ours from now on. */
  onBytes(chunk: Uint8Array): void {
    if (this.#mustWait(chunk.length)) this.#putOff(chunk)
    else this.#receive(chunk, undefined)
  }

  /** Octets that will be overwritten when this returns. */
  onBorrowed(chunk: Uint8Array): void {
    if (this.#mustWait(chunk.length)) this.#putOff(copyOf(chunk))
    else this.#receive(chunk, this.#role?.borrows ? undefined : this.#engine.arena)
  }

  /** The same in several pieces, all of which stay until this returns. */
  onBorrowedRun(chunks: readonly Uint8Array[]): void {
    const last = chunks.length - 1
    let at = 0
    // Until messages travel, and where they travel covered or in turns, each piece is taken by itself.
    while (at <= last && (this.#phase !== "traffic" || this.#mechanism.covers || this.#takesTurns))
      this.onBorrowed(chunks[at++]!)
    if (at > last || this.#isOver) return
    this.#heartbeat?.heard()
    const arena = this.#role!.borrows ? undefined : this.#engine.arena
    const batch = this.#engine.borrowBatch()
    try {
      let fault: ZincError | undefined
      for (; at <= last && fault === undefined; at++)
        fault = this.#decoder.decode(chunks[at]!, 0, batch, this, arena, at < last)
      this.#pass(batch, fault)
    } finally {
      this.#engine.returnBatch(batch)
    }
  }

  /** Until it is known what we are to the peer, too: it may say much with its READY. */
  get #takesTurns(): boolean {
    return this.#role === undefined || this.#role.paced === true || this.#isBehind
  }
  /** Something waits for its turn. */
  get #isBehind(): boolean {
    return this.#backlog !== undefined && !this.#backlog.isEmpty
  }
  get #isOver(): boolean {
    return this.#phase === "closing" || this.#phase === "closed" || this.#finishing
  }
  #mustWait(bytes: number): boolean {
    return this.#takesTurns && !this.#isOver && (this.#isBehind || !this.#engine.pacer.admits(bytes))
  }

  #putOff(chunk: Uint8Array): void {
    this.#backlog ??= new Backlog(this.#engine.pacer, this.#backlogOwner())
    this.#backlog.add(chunk)
    if (this.#account !== undefined) this.#account.received = this.heldBytes
  }

  #backlogOwner(): BacklogOwner {
    const connection = this
    return {
      get mayRead() {
        return !connection.#paused && !connection.#pending
      },
      get isPaced() {
        return connection.#role === undefined || connection.#role.paced === true
      },
      take: octets => this.#receive(octets, undefined),
      began: () => {
        if (!this.#paused && !this.#pending) this.#output.pause()
      },
      ended: () => {
        if (!this.#isOver) this.#readOn()
      },
    }
  }

  /** A reason not to read has gone. */
  #readOn(): void {
    if (!this.#paused && !this.#pending && !this.#backlog?.goOn()) this.#output.resume()
  }

  #receive(chunk: Uint8Array, arena: Arena | undefined): void {
    if (this.#isOver) return
    let at = 0
    if (this.#phase === "greeting") {
      at = this.#readGreeting(chunk)
      // The phase has changed when the greeting is whole, or wrong.
      if ((this.#phase as Phase) !== "handshake") return
    }
    this.#heartbeat?.heard()
    const batch = this.#engine.borrowBatch()
    try {
      // Covered frames are commands to the decoder, uncovered elsewhere; so nothing of the chunk is kept there.
      this.#batch = batch
      const into = this.#mechanism.covers ? undefined : arena
      this.#pass(batch, this.#decoder.decode(chunk, at, batch, this, into) ?? this.#sealed?.flush(batch))
    } finally {
      this.#batch = undefined
      this.#engine.returnBatch(batch)
    }
  }

  /** Passes on what was decoded, and ends the connection where the peer did wrong after it. */
  #pass(batch: FrameBatch, fault: ZincError | undefined): void {
    if (batch.count > 0 && this.#role !== undefined && this.isOpen) this.#role.handler.onBatch(batch)
    if (fault !== undefined) this.fail(this.#named(fault))
    if (this.#account !== undefined) this.#account.received = this.heldBytes
  }

  onDrain(): void {
    this.#busy = false
    const outbox = this.#role?.outbox
    if (outbox === undefined || this.#phase !== "traffic") return
    this.#cipher?.taken?.()
    outbox.onDrain()
    this.#finishIfEmpty()
  }

  onClose(error?: Error): void {
    if (this.#phase === "closed") return
    // What it said before it went; but nobody subscribes any more.
    while (!this.#isOver && !this.#role?.paced && this.#backlog?.waits) this.#backlog.take(sliceBytes)
    const early = this.#phase === "greeting" || this.#phase === "handshake"
    // A carrier that knows more than that the stream is over says so in our terms.
    if (this.#error === undefined && ZincError.is(error)) this.#error = this.#named(error)
    this.#phase = "closed"
    this.#timer?.cancel()
    this.#heartbeat?.stop()
    this.#stopDecoding()
    this.#role?.outbox.detach()
    if (this.#account !== undefined) this.#engine.memory?.close(this.#account)
    if (this.#error === undefined && early) {
      this.#error = new ZincError("HandshakeFailed", `${this.remote} closed the connection during the handshake`, {
        retryable: true,
        ...(error && { cause: error }),
      })
    } else if (this.#error === undefined && error !== undefined && !this.#finishing) {
      this.#error = new ZincError("PeerLost", `the connection to ${this.remote} broke: ${error.message}`, {
        retryable: true,
        cause: error,
      })
    }
    this.#options.onClosed(this.#error)
  }

  // ---- what the owner asks ----

  /** Stops reading, so that the peer feels back-pressure; idempotent. */
  pause(): void {
    if (this.#paused) return
    this.#paused = true
    if (!this.#pending && !this.#isBehind) this.#output.pause()
    this.#heartbeat?.pause()
  }
  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#heartbeat?.resume()
    this.#readOn()
  }

  /** Sends what is queued, then closes; cuts the stream after `lingerMs` (default: after a moment's grace for the end). */
  finish(lingerMs?: number): void {
    if (this.#phase === "closing" || this.#phase === "closed" || this.#finishing) return
    this.#finishing = true
    this.#heartbeat?.stop()
    this.#timer?.cancel()
    if (this.#phase !== "traffic") {
      this.destroy()
      return
    }
    if (lingerMs !== undefined) this.#timer = this.#engine.clock.after(lingerMs, () => this.destroy())
    // What is not read any more must not hold the peer's own end back.
    if (this.#paused || this.#isBehind) this.#output.resume()
    this.#backlog?.clear()
    this.#role!.outbox.flush()
    this.#finishIfEmpty()
  }

  /** Closes now; what is queued is lost. */
  destroy(): void {
    if (this.#phase === "closed") return
    this.#phase = "closing"
    this.#timer?.cancel()
    this.#heartbeat?.stop()
    this.#stopDecoding()
    this.#output.destroy()
  }

  /** Closes now for a reason, which `onClosed` will be told. */
  fail(error: ZincError): void {
    if (this.#phase === "closing" || this.#phase === "closed") return
    this.#error ??= error
    this.destroy()
  }

  // ---- handshake ----

  #readGreeting(chunk: Uint8Array): number {
    const reader = this.#greetingReader!
    const at = reader.read(chunk, 0)
    if (reader.fault !== undefined) this.fail(this.#named(reader.fault))
    else if (reader.greeting !== undefined) {
      this.#greeting = reader.greeting
      this.#greetingReader = undefined
      const theirs = reader.greeting.mechanism
      if (theirs === this.#mechanism.name) {
        this.#phase = "handshake"
        this.#follow(this.#mechanism.greeted())
      } else {
        this.fail(
          new ZincError(
            "HandshakeFailed",
            `${this.remote} wants the mechanism ${theirs || "(none)"}, we have ${this.#mechanism.name}; configure both alike`,
          ),
        )
      }
    }
    return at
  }

  /** From the decoder. */
  onCommand(buffer: Uint8Array, start: number, end: number): void {
    if (this.#phase === "handshake") {
      if (this.#pending) this.#park(buffer, start, end)
      else this.#follow(this.#mechanism.receive(buffer, start, end))
    } else if (this.#phase === "traffic") {
      if (this.#sealed === undefined) this.#obey(parseCommand(buffer, start, end))
      else {
        const fault = this.#sealed.open(buffer, start, end, this.#batch!)
        if (fault === undefined) return
        // What came before was genuine, and is delivered.
        if (this.#batch!.count > 0) this.#role!.handler.onBatch(this.#batch!)
        this.#batch!.clear()
        this.fail(this.#named(fault))
      }
    }
  }

  /** The peer spoke while the mechanism waits for somebody. */
  #park(buffer: Uint8Array, start: number, end: number): void {
    // An empty command takes room as well.
    this.#parkedBytes += end - start + 64
    if (this.#parkedBytes <= parkedMax) this.#parked.push(copyOf(buffer, start, end))
    else this.fail(new ZincError("BadFrame", `${this.remote} sent too much before it was admitted`))
  }

  #follow(step: HandshakeStep): void {
    if (step.type === "pending") {
      this.#pending = true
      // Told to the stream only: it is not the owner who paused.
      if (!this.#paused && !this.#isBehind) this.#output.pause()
      void step.step.then(next => this.#resumeWith(next))
      return
    }
    if (step.send !== undefined) this.#busy = !this.#output.write(step.send) || this.#busy
    if (step.type === "ready") this.#admit(step)
    else if (step.type === "failed") {
      if (step.send === undefined) this.fail(this.#named(step.error))
      else this.#endWith(this.#named(step.error))
    }
  }

  #resumeWith(step: HandshakeStep): void {
    this.#pending = false
    if (this.#phase !== "handshake") return
    this.#follow(step)
    const parked = this.#parked
    this.#parked = []
    this.#parkedBytes = 0
    // In its old order, and parked again where the mechanism waits once more.
    for (const command of parked) {
      if (this.isOpen) this.fail(new ZincError("BadFrame", `${this.remote} sent a message before it was admitted`))
      this.onCommand(command, 0, command.length)
    }
    this.#readOn()
  }

  #admit(step: HandshakeStep & { type: "ready" }): void {
    const peer = peerInfo(step.properties, step.userId)
    const role = this.#options.admit(peer)
    const objection = role instanceof ZincError ? role : wrongType(role.socketType, peer, this.remote)
    if (objection !== undefined) this.#refuse(objection)
    else this.#open(role as Role)
  }

  #open(role: Role): void {
    this.#role = role
    this.#timer?.cancel()
    this.#timer = undefined
    const ready = this.#mechanism.ready(metadataOf(role.socketType, role.identity))
    if (ready.length > 0) this.#busy = !this.#output.write(ready) || this.#busy
    this.#phase = "traffic"
    const cipher = this.#mechanism.traffic()
    if (cipher === undefined) {
      this.#decoder.handshaking = false
      this.#decoder.limits = role.limits
      this.#decoder.prefix = role.prefix
      this.#decoder.lent = role.borrows ?? false
    } else this.#cover(cipher, role)
    const ttlMs = role.heartbeat?.ttlMs ?? 0
    this.#heartbeat = new Heartbeat(this.#engine.clock, role.heartbeat, {
      ask: () => role.outbox.sendUrgent("PING", encodePing(ttlMs)),
      lost: error => this.fail(this.#named(error)),
    })
    if (this.#paused) this.#heartbeat.pause()
    const account = this.#engine.memory?.countsSent === true ? this.#account : undefined
    role.outbox.attach(cipher === undefined ? this.#output : this.#coveredSink(cipher), this.#busy, account)
    role.handler.onOpen(this)
  }

  /** From here on every frame is a command whose body is covered; what is inside goes through a decoder of its own. */
  #cover(cipher: TrafficCipher, role: Role): void {
    this.#cipher = cipher
    const { limits } = role
    const most = Math.max(limits.maxFrameBytes, limits.maxCommandBytes)
    this.#decoder.limits = { ...limits, maxCommandBytes: most + cipher.overhead }
    const inside: CommandSink = {
      onCommand: (buffer, start, end) => {
        if (this.isOpen) this.#obey(parseCommand(buffer, start, end))
      },
    }
    this.#sealed = new SealedReader({
      cipher,
      limits,
      prefix: role.prefix,
      arena: this.#engine.arena,
      commands: inside,
    })
  }

  #coveredSink(cipher: TrafficCipher): ByteSink {
    const output = this.#output
    return {
      write: chunks => {
        try {
          if (!output.write(cipher.seal(chunks))) return false
          cipher.taken?.()
          return true
        } catch (thrown) {
          this.fail(this.#named(ZincError.is(thrown) ? thrown : new ZincError("Internal", String(thrown))))
          return false
        }
      },
    }
  }

  #stopDecoding(): void {
    this.#decoder.stop()
    this.#sealed?.stop()
    this.#parked = []
    this.#parkedBytes = 0
    this.#backlog?.clear()
  }

  /** Tells the peer why, so that it need not try again, and closes; without a word where it may well try again. */
  #refuse(error: ZincError): void {
    if (error.retryable || !this.#mechanism.tellsWhy) {
      this.fail(error)
      return
    }
    this.#output.write([encodeError(error.message)])
    this.#endWith(error)
  }

  /** Closes for a reason, after what was written. */
  #endWith(error: ZincError): void {
    this.#error = error
    this.#phase = "closing"
    this.#stopDecoding()
    this.#timer?.cancel()
    this.#timer = undefined
    this.#end()
  }

  // ---- traffic ----

  #obey(command: Command): void {
    switch (command.name) {
      case "PING":
        if (command.ttlMs > 0) this.#heartbeat?.expectWithin(command.ttlMs)
        this.#role!.outbox.sendUrgent("PONG", encodePong(command.context))
        return
      case "SUBSCRIBE":
      case "CANCEL":
        this.#role!.handler.onSubscription(command.topic, command.name === "SUBSCRIBE")
        return
      default:
      // A repeated READY, a late ERROR, PONG (whose arrival was all it had to say) and the unknown are ignored (F6).
    }
  }

  #finishIfEmpty(): void {
    if (!this.#finishing || this.#phase !== "traffic" || !this.#role!.outbox.isEmpty) return
    this.#phase = "closing"
    this.#end()
  }

  #end(): void {
    this.#timer ??= this.#engine.clock.after(endGraceMs, () => this.destroy())
    this.#output.end()
  }

  #named(error: ZincError): ZincError {
    return new ZincError(error.code, `${this.remote}: ${error.message}`, {
      cause: error.cause,
      retryable: error.retryable,
    })
  }
}

/** Why a socket of type `ours` cannot talk to that peer (F3); a peer that does not name its type is let pass. */
export function wrongType(ours: SocketType, peer: PeerInfo, remote: string): ZincError | undefined {
  if (peer.socketType === undefined || mayTalk(ours, peer.socketType)) return undefined
  return new ZincError(
    "HandshakeFailed",
    `${remote} is a ${peer.socketType} socket, which a ${ours} cannot talk to; check the address`,
  )
}

function metadataOf(socketType: SocketType, identity: Uint8Array | undefined): Metadata {
  const type = ["Socket-Type", utf8(socketType)] as const
  return carriesIdentity(socketType) ? [type, ["Identity", identity ?? noBytes]] : [type]
}

function peerInfo(properties: Properties, userId: string | undefined): PeerInfo {
  const socketType = property(properties, "Socket-Type")
  return {
    socketType: socketType === undefined ? undefined : textOf(socketType),
    identity: property(properties, "Identity") ?? noBytes,
    properties,
    ...(userId !== undefined && { userId }),
  }
}

function textOf(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes)
  } catch {
    return "(unreadable)"
  }
}
