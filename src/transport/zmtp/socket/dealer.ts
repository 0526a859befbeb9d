/** DEALER: sends to its peers in turn and receives from all of them fairly; talks to ROUTER, REP and DEALER. */
import type { Outbox } from "../../../zmtp/outbox.ts"
import { RoundRobin } from "../../../zmtp/pattern/round-robin.ts"
import { SocketType } from "../../../zmtp/socket-type.ts"
import { checkFrames } from "./frame-check.ts"
import { ReceivingSocket } from "./receiving.ts"
import type { PatternSocketOptions } from "./socket-options.ts"

export interface DealerOptions extends PatternSocketOptions {
  /** Keep only the newest message for each peer, whatever the limits (libzmq's ZMQ_CONFLATE). Default false. */
  readonly conflate?: boolean
  /** Greet each router with an empty message, so that it knows us before we say anything (ZMQ_PROBE_ROUTER). Default false. */
  readonly probeRouter?: boolean
}

export class Dealer extends ReceivingSocket {
  protected readonly socketType: SocketType = SocketType.Dealer
  protected override readonly queuesAhead: boolean = true
  readonly #peers = new RoundRobin()

  constructor(options: DealerOptions = {}) {
    super(options)
  }

  /**
   * False when nobody has room, or there is nobody; the message is then not taken. Await `drained` and
   * try again. Throws `Closed`.
   */
  send(frames: readonly Uint8Array[]): boolean {
    this.lifecycle.assertOpen()
    checkFrames(frames)
    return this.#peers.send(frames)
  }

  protected override get conflates(): boolean {
    return (this.options as DealerOptions).conflate ?? false
  }
  protected override get probes(): boolean {
    return (this.options as DealerOptions).probeRouter ?? false
  }
  protected get hasRoom(): boolean {
    return this.#peers.hasRoom
  }
  protected override attached(outbox: Outbox): void {
    this.#peers.add(outbox)
  }
  protected override detached(outbox: Outbox): void {
    this.#peers.remove(outbox)
  }
}
