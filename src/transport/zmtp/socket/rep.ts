/**
 * REP: a request, then its reply, in strict turn, fairly from all who ask. What stands before the first empty frame of a
 * request is its envelope; it is kept and put before the reply, which goes back the way the request came.
 *
 *   idle ──receive──▶ answering ──send──▶ idle
 */
import { ZincError } from "../../../core/errors.ts"
import { FrameBatch } from "../../../core/frame-batch.ts"
import { SocketType } from "../../../zmtp/socket-type.ts"
import { checkFrames } from "./frame-check.ts"
import type { Peer } from "./peer.ts"
import { ReceivingSocket } from "./receiving.ts"
import type { PatternSocketOptions } from "./socket-options.ts"

export interface RepOptions extends PatternSocketOptions {
  /** Gets one request at a time: the next one comes when the last is answered, in the call or later. */
  readonly onBatch?: (batch: FrameBatch) => void
}

export class Rep extends ReceivingSocket {
  protected readonly socketType: SocketType = SocketType.Rep
  readonly #onRequest: ((batch: FrameBatch) => void) | undefined
  readonly #peers = new Map<number, Peer>()
  /** Of the request that is being answered: envelope with its empty frame, behind which the reply goes. */
  #reply: Uint8Array[] = []
  #answering = false
  #asker = 0
  #handing = false

  constructor(options: RepOptions = {}) {
    const { onBatch } = options
    super(onBatch === undefined ? options : withoutBatches(options))
    this.#onRequest = onBatch
    this.inbox.taken = (frames, from) => this.#open(frames, from)
    if (onBatch !== undefined) this.inbox.arrived = () => this.#handOut()
  }

  /**
   * False when who asked is gone, or takes no more: the reply is dropped, as libzmq does. Throws `WrongState` when no
   * request was received.
   */
  send(frames: readonly Uint8Array[]): boolean {
    this.lifecycle.assertOpen()
    checkFrames(frames)
    if (!this.#answering)
      throw new ZincError("WrongState", "this Rep socket has no request to answer; receive one first")
    const reply = this.#reply
    for (let i = 0; i < frames.length; i++) reply.push(frames[i]!)
    const taken = this.#peers.get(this.#asker)?.outbox.send(reply) ?? false
    this.#reply = []
    this.#answering = false
    if (this.#onRequest !== undefined) this.#handOut()
    else if (this.inbox.size > 0) this.inbox.arrived?.()
    return taken
  }

  /** Whether a request was received and is not answered. */
  get isAnswering(): boolean {
    return this.#answering
  }

  /** The next request. Throws `WrongState` while the last one is not answered, or when it is awaited already. */
  override receive(): Promise<Uint8Array[] | undefined> {
    if (this.lifecycle.isOpen) {
      if (this.#onRequest !== undefined)
        throw new ZincError("Unsupported", "this socket was made with onBatch; its requests go there and nowhere else")
      this.#assertIdle()
      if (this.inbox.isAwaited) throw new ZincError("WrongState", "the next request is awaited already")
    }
    return super.receive()
  }
  override poll(): Uint8Array[] | undefined {
    this.#assertIdle()
    return super.poll()
  }

  /** Whether a request waits for its reply. */
  protected get hasRoom(): boolean {
    return this.#answering
  }
  protected override opened(peer: Peer): void {
    this.#peers.set(peer.number, peer)
  }
  protected override closed(peer: Peer): void {
    this.#peers.delete(peer.number)
  }

  #assertIdle(): void {
    if (this.#answering)
      throw new ZincError("WrongState", "this Rep socket has a request to answer; send the reply first")
  }

  /** Takes the envelope off; a message without an empty frame is no request and goes nowhere. */
  #open(frames: Uint8Array[], from: number): Uint8Array[] | undefined {
    const empty = frames.findIndex(frame => frame.length === 0)
    if (empty < 0 || empty === frames.length - 1) return undefined
    this.#reply = frames.slice(0, empty + 1)
    this.#asker = from
    this.#answering = true
    this.signalRoom()
    return frames.slice(empty + 1)
  }

  #handOut(): void {
    if (this.#handing) return
    this.#handing = true
    try {
      while (!this.#answering) {
        const request = this.inbox.poll()
        if (request === undefined) return
        const batch = new FrameBatch()
        batch.connection = this.#asker
        batch.addMessage(request)
        this.#onRequest!(batch)
      }
    } finally {
      this.#handing = false
    }
  }
}

/** Requests go through the queue, one at a time. */
function withoutBatches(options: RepOptions): RepOptions {
  const { onBatch: _, ...rest } = options
  return rest
}
