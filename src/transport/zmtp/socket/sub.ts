/** SUB: messages whose first frame begins with a prefix that was asked for. Never slows a publisher down by asking. */
import { FrameBatch } from "../../../core/frame-batch.ts"
import { SocketType } from "../../../zmtp/socket-type.ts"
import type { PatternSocketOptions, Peer } from "./pattern-socket.ts"
import { XSub } from "./xsub.ts"

export class Sub extends XSub {
  protected override readonly socketType: SocketType = SocketType.Sub

  constructor(options: PatternSocketOptions = {}) {
    super(options)
  }

  /** Not for SUB. */
  override send(): never {
    throw new TypeError("a Sub socket only receives; use XSub to send to publishers")
  }

  /** What is not, or no longer, asked for is dropped here too, as libzmq's SUB does (S1). */
  protected override received(peer: Peer, batch: FrameBatch): void {
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
    return this.subscriptions.matches(batch.buffers[at]!, batch.starts[at]!, batch.ends[at]!)
  }
}
