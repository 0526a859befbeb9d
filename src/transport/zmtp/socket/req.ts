/**
 * REQ: a request, then its reply, in strict turn. Each request goes to the next server in turn, behind an empty frame;
 * only that server's reply is taken, and what else comes is dropped.
 *
 *   idle ──send──▶ awaiting ──receive──▶ idle          relaxed: send also while awaiting, which gives the reply up
 */
import { noBytes, readU32, writeU32 } from "../../../core/bytes.ts"
import { ZincError } from "../../../core/errors.ts"
import { FrameBatch } from "../../../core/frame-batch.ts"
import type { Outbox } from "../../../zmtp/outbox.ts"
import { RoundRobin } from "../../../zmtp/pattern/round-robin.ts"
import { SocketType } from "../../../zmtp/socket-type.ts"
import { checkFrames } from "./frame-check.ts"
import type { Peer } from "./peer.ts"
import { ReceivingSocket } from "./receiving.ts"
import type { PatternSocketOptions } from "./socket-options.ts"

export interface ReqOptions extends PatternSocketOptions {
  /** Number the requests, and take only the reply of the same number (libzmq's ZMQ_REQ_CORRELATE). Default false. */
  readonly correlate?: boolean
  /**
   * Let a new request give up the reply of the one before (libzmq's ZMQ_REQ_RELAXED). Without `correlate`, a late reply
   * of the same server is taken for the new one's. Default false.
   */
  readonly relaxed?: boolean
  /** Greet each router with an empty message, so that it knows us before we ask anything. Default false. */
  readonly probeRouter?: boolean
}

export class Req extends ReceivingSocket {
  protected readonly socketType: SocketType = SocketType.Req
  protected override readonly queuesAhead: boolean = true
  readonly #servers = new RoundRobin()
  readonly #batches: boolean
  readonly #number: Uint8Array | undefined
  readonly #request: Uint8Array[]
  readonly #envelope: number
  /** A request is under way and its reply not yet read. */
  #awaiting = false
  /** Its reply is here, unread. */
  #replied = false
  /** Who has it; undefined when that one is gone for good, and anyone's reply will do (as with libzmq). */
  #server: Outbox | undefined

  constructor(options: ReqOptions = {}) {
    super(options)
    this.#batches = options.onBatch !== undefined
    this.#number = options.correlate ? new Uint8Array(4) : undefined
    if (this.#number !== undefined) writeU32(this.#number, 0, this.parts.random.u32())
    this.#request = this.#number === undefined ? [noBytes] : [this.#number, noBytes]
    this.#envelope = this.#request.length
    this.inbox.taken = frames => {
      this.#awaiting = false
      this.signalRoom()
      return frames
    }
  }

  /**
   * False when no server has room, or there is none; the request is then not taken. Throws `WrongState` while a reply is
   * awaited, unless `relaxed`.
   */
  send(frames: readonly Uint8Array[]): boolean {
    this.lifecycle.assertOpen()
    checkFrames(frames)
    if (this.#awaiting && !this.#isRelaxed)
      throw new ZincError("WrongState", "this Req socket awaits a reply; receive it first, or make the socket relaxed")
    if (this.#number !== undefined) writeU32(this.#number, 0, (readU32(this.#number, 0) + 1) >>> 0)
    // The same array each time: an outbox keeps frames, never the list of them; and short ones it copies.
    const request = this.#request
    for (let i = 0; i < frames.length; i++) request.push(frames[i]!)
    const taken = this.#servers.send(request)
    request.length = this.#envelope
    if (!taken) return false
    this.inbox.drop()
    this.#server = this.#servers.last
    this.#awaiting = true
    this.#replied = false
    return true
  }

  /** Whether a request is under way whose reply was not read. */
  get isAwaiting(): boolean {
    return this.#awaiting
  }

  /** The reply, when it is there; undefined once the socket is closed. Throws `WrongState` when nothing was asked. */
  override receive(): Promise<Uint8Array[] | undefined> {
    if (this.lifecycle.isOpen && !this.#awaiting && !this.#batches)
      throw new ZincError("WrongState", "this Req socket has no request under way; send one first")
    if (this.inbox.isAwaited) throw new ZincError("WrongState", "the reply to this request is awaited already")
    return super.receive()
  }

  /** Whether a request would be taken now. */
  protected get hasRoom(): boolean {
    return (this.#isRelaxed || !this.#awaiting) && this.#servers.hasRoom
  }
  get #isRelaxed(): boolean {
    return (this.options as ReqOptions).relaxed ?? false
  }
  protected override get probes(): boolean {
    return (this.options as ReqOptions).probeRouter ?? false
  }
  protected override attached(outbox: Outbox): void {
    this.#servers.add(outbox)
  }
  protected override detached(outbox: Outbox): void {
    this.#servers.remove(outbox)
    if (this.#server === outbox) this.#server = undefined
  }

  protected override received(peer: Peer, batch: FrameBatch): void {
    for (let i = 0; i < batch.count && this.#awaiting && !this.#replied; i++) {
      if (this.#server !== undefined && this.#server !== peer.outbox) return
      if (!this.#isReply(batch, i)) continue
      const reply = new FrameBatch()
      reply.connection = batch.connection
      reply.addMessage(batch.message(i).slice(this.#envelope))
      this.#replied = true
      if (this.#batches) this.#awaiting = false
      this.inbox.deliver(reply)
      if (!this.#awaiting) this.signalRoom()
    }
  }

  /** Whether a message has our envelope and something in it. */
  #isReply(batch: FrameBatch, index: number): boolean {
    if (batch.framesOf(index) <= this.#envelope) return false
    const at = batch.first[index]! + this.#envelope - 1
    if (batch.starts[at] !== batch.ends[at]) return false
    if (this.#number === undefined) return true
    const number = batch.frame(index, 0)
    return number.length === 4 && readU32(number, 0) === readU32(this.#number, 0)
  }
}
