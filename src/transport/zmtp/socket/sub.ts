/** SUB: messages whose first frame begins with a prefix that was asked for. Never slows a publisher down by asking. */
import { FrameBatch } from "../../../core/frame-batch.ts"
import { SocketType } from "../../../zmtp/socket-type.ts"
import type { Peer } from "./peer.ts"
import type { PatternSocketOptions } from "./socket-options.ts"
import { XSub } from "./xsub.ts"

export interface SubOptions extends PatternSocketOptions {
  /** Keep only the newest message of each publisher that is not read yet (libzmq's ZMQ_CONFLATE). Default false. */
  readonly conflate?: boolean
  /**
   * The octets of a batch are borrowed: valid during `onBatch` only, after which the next ones are read to the same place.
   * Saves a copy and the memory for it, which is most of what receiving short messages costs. Who keeps anything copies
   * it (`slice`), or gets other octets later. Default false: octets may be kept. Throws `BadOption` without `onBatch`.
   */
  readonly borrow?: boolean
  /** Take what was *not* asked for; for publishers that invert too (libzmq's ZMQ_INVERT_MATCHING). Default false. */
  readonly invertMatching?: boolean
}

export class Sub extends XSub {
  protected override readonly socketType: SocketType = SocketType.Sub
  readonly #invert: boolean

  constructor(options: SubOptions = {}) {
    super(options)
    this.#invert = options.invertMatching ?? false
  }

  protected override get conflates(): boolean {
    return (this.options as SubOptions).conflate ?? false
  }

  protected override get borrows(): boolean {
    return (this.options as SubOptions).borrow ?? false
  }

  override get sendsMessages(): boolean {
    return false
  }
  /** Not for SUB. */
  override send(): never {
    throw new TypeError("a Sub socket only receives; use XSub to send to publishers")
  }

  /** What is not, or no longer, asked for is dropped here too, as libzmq's SUB does (S1). */
  protected override received(peer: Peer, batch: FrameBatch): void {
    if (this.subscriptions.all && !this.#invert) {
      super.received(peer, batch)
      return
    }
    let wanted = 0
    for (let i = 0; i < batch.count; i++) if (this.#wants(batch, i)) wanted++
    if (wanted === 0) return
    if (wanted === batch.count) {
      super.received(peer, batch)
      return
    }
    const rest = new FrameBatch()
    rest.connection = batch.connection
    for (let i = 0; i < batch.count; i++) if (this.#wants(batch, i)) rest.addMessage(batch.message(i))
    super.received(peer, rest)
  }

  #wants(batch: FrameBatch, index: number): boolean {
    const at = batch.first[index]!
    return this.subscriptions.matches(batch.buffers[at]!, batch.starts[at]!, batch.ends[at]!) !== this.#invert
  }
}
