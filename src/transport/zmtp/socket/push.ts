/** PUSH: each message to one of the pullers, in turn, skipping those without room. Nothing is dropped. */
import type { Outbox } from "../../../zmtp/outbox.ts"
import { RoundRobin } from "../../../zmtp/pattern/round-robin.ts"
import { SocketType } from "../../../zmtp/socket-type.ts"
import { PatternSocket, type PatternSocketOptions } from "./pattern-socket.ts"

export class Push extends PatternSocket {
  protected readonly socketType: SocketType = SocketType.Push
  protected override readonly queuesAhead: boolean = true
  readonly #pullers = new RoundRobin()

  constructor(options: PatternSocketOptions = {}) {
    super(options)
  }

  /** False when nobody has room, or there is nobody; the message is then not taken. Await `drained` and try again. */
  send(frames: readonly Uint8Array[]): boolean {
    return this.lifecycle.isOpen && this.#pullers.send(frames)
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
