/** PULL: messages of all pushers, fairly. A reader that is slow slows the pushers down; nothing is dropped. */
import { SocketType } from "../../../zmtp/socket-type.ts"
import { ReceivingSocket } from "./receiving.ts"
import type { PatternSocketOptions } from "./socket-options.ts"

export interface PullOptions extends PatternSocketOptions {
  /** Keep only the newest message of each peer that is not read yet (libzmq's ZMQ_CONFLATE). Default false. */
  readonly conflate?: boolean
  /**
   * The octets of a batch are borrowed: valid during `onBatch` only, after which the next ones are read to the same place.
   * Saves a copy and the memory for it, which is most of what receiving short messages costs. Who keeps anything copies
   * it (`slice`), or gets other octets later. Default false: octets may be kept. Throws `BadOption` without `onBatch`.
   */
  readonly borrow?: boolean
}

export class Pull extends ReceivingSocket {
  protected readonly socketType: SocketType = SocketType.Pull

  constructor(options: PullOptions = {}) {
    super(options)
  }

  protected override get conflates(): boolean {
    return (this.options as PullOptions).conflate ?? false
  }
  protected override get borrows(): boolean {
    return (this.options as PullOptions).borrow ?? false
  }
  override get sendsMessages(): boolean {
    return false
  }
  protected get hasRoom(): boolean {
    return true
  }
}
