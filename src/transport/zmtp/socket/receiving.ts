/** Reading messages one by one, for sockets that receive. Built on the batches; the batch callback is the fast door. */
import { PatternSocket } from "./pattern-socket.ts"

export abstract class ReceivingSocket extends PatternSocket {
  /** The next message, fairly from all peers in turn; undefined once the socket is closed. Not with `onBatch`. */
  receive(): Promise<Uint8Array[] | undefined> {
    return this.inbox.next()
  }

  /** A message that is here already, or undefined. Not with `onBatch`. */
  poll(): Uint8Array[] | undefined {
    return this.inbox.poll()
  }

  /** Messages that are here and wait to be read. */
  get waiting(): number {
    return this.inbox.size
  }

  /** Called when messages have come and nobody waits for them in `receive`: for one who polls. */
  set onReadable(listener: (() => void) | undefined) {
    this.inbox.arrived = listener
  }

  /** Messages until the socket is closed. Not with `onBatch`. */
  async *[Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array[]> {
    for (let message = await this.receive(); message !== undefined; message = await this.receive()) yield message
  }
}
