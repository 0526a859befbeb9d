/** PULL: messages of all pushers, fairly. A reader that is slow slows the pushers down; nothing is dropped. */
import { SocketType } from "../../../zmtp/socket-type.ts"
import type { PatternSocketOptions } from "./pattern-socket.ts"
import { ReceivingSocket } from "./receiving.ts"

export interface PullOptions extends PatternSocketOptions {
  /** Keep only the newest message of each peer that is not read yet (libzmq's ZMQ_CONFLATE). Default false. */
  readonly conflate?: boolean
}

export class Pull extends ReceivingSocket {
  protected readonly socketType: SocketType = SocketType.Pull

  constructor(options: PullOptions = {}) {
    super(options)
  }

  protected override get conflates(): boolean {
    return (this.options as PullOptions).conflate ?? false
  }
  override get sendsMessages(): boolean {
    return false
  }
  protected get hasRoom(): boolean {
    return true
  }
}
