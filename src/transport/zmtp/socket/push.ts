/** PUSH: each message to one of the pullers, in turn, skipping those without room. Nothing is dropped. */
import type { Outbox } from "../../../zmtp/outbox.ts"
import { RoundRobin } from "../../../zmtp/pattern/round-robin.ts"
import { SocketType } from "../../../zmtp/socket-type.ts"
import { checkFrames } from "./frame-check.ts"
import { PatternSocket } from "./pattern-socket.ts"
import type { PatternSocketOptions } from "./socket-options.ts"

export interface PushOptions extends PatternSocketOptions {
  /** Keep only the newest message for each peer, whatever the limits (libzmq's ZMQ_CONFLATE). Default false. */
  readonly conflate?: boolean
}

export class Push extends PatternSocket {
  protected readonly socketType: SocketType = SocketType.Push
  protected override readonly queuesAhead: boolean = true
  readonly #pullers = new RoundRobin()

  constructor(options: PushOptions = {}) {
    super(options)
  }

  /**
   * False when nobody has room, or there is nobody; the message is then not taken. Await `drained` and
   * try again. Throws `Closed`.
   */
  send(frames: readonly Uint8Array[]): boolean {
    this.lifecycle.assertOpen()
    checkFrames(frames)
    return this.#pullers.send(frames)
  }

  protected override get conflates(): boolean {
    return (this.options as PushOptions).conflate ?? false
  }
  protected get hasRoom(): boolean {
    return this.#pullers.hasRoom
  }
  protected override attached(outbox: Outbox): void {
    this.#pullers.add(outbox)
  }
  protected override detached(outbox: Outbox): void {
    this.#pullers.remove(outbox)
  }
}
