/** PULL: messages of all pushers, fairly. A reader that is slow slows the pushers down; nothing is dropped. */
import { SocketType } from "../../../zmtp/socket-type.ts"
import type { PatternSocketOptions } from "./pattern-socket.ts"
import { ReceivingSocket } from "./receiving.ts"

export class Pull extends ReceivingSocket {
  protected readonly socketType: SocketType = SocketType.Pull

  constructor(options: PatternSocketOptions = {}) {
    super(options)
  }

  protected get hasRoom(): boolean {
    return true
  }
}
