/** PAIR: one peer, both ways. While there is one, others are turned away and may try again (as libzmq does). */
import { ZincError } from "../../../core/errors.ts"
import type { Outbox } from "../../../zmtp/outbox.ts"
import { SocketType } from "../../../zmtp/socket-type.ts"
import { checkFrames } from "./frame-check.ts"
import type { Candidate } from "./peer.ts"
import { ReceivingSocket } from "./receiving.ts"
import type { PatternSocketOptions } from "./socket-options.ts"

export class Pair extends ReceivingSocket {
  protected readonly socketType: SocketType = SocketType.Pair
  protected override readonly queuesAhead: boolean = true
  protected override readonly withholdsReady: boolean = true
  /** The first is the one in use. */
  readonly #queues: Outbox[] = []

  constructor(options: PatternSocketOptions = {}) {
    super(options)
  }

  /**
   * False when the peer has no room, or there is none; the message is then not taken. Await `drained` and try again.
   * Throws `Closed`.
   */
  send(frames: readonly Uint8Array[]): boolean {
    this.lifecycle.assertOpen()
    checkFrames(frames)
    return this.#queues.length > 0 && this.#queues[0]!.send(frames)
  }

  protected get hasRoom(): boolean {
    return this.#queues[0]?.hasRoom ?? false
  }

  protected override objection({ outbox, remote }: Candidate): ZincError | undefined {
    const used = this.#queues[0]
    if (used === undefined || used === outbox) return undefined
    return new ZincError(
      "HandshakeFailed",
      `${remote} came while this Pair socket has another peer; it has one at most`,
      {
        retryable: true,
      },
    )
  }

  protected override attached(outbox: Outbox): void {
    this.#queues.push(outbox)
  }
  protected override detached(outbox: Outbox): void {
    const at = this.#queues.indexOf(outbox)
    if (at >= 0) this.#queues.splice(at, 1)
  }
}
