/** The three ways to be a socket: one that sends, one that receives, one that does both. */
import type { Message, MessageLike } from "./message.ts"
import { Socket } from "./socket.ts"

/** Sockets that send. */
export interface Writable<M = MessageLike | MessageLike[]> {
  multicastHops: number
  sendBufferSize: number
  /** Most messages that wait for one peer; 0 for no limit. Default 1,000. */
  sendHighWaterMark: number
  /** How long a send may wait, in milliseconds; −1 (the default) for ever, 0 not at all. */
  sendTimeout: number
  /**
   * Resolves when the message is queued. Any number of sends may be under way; they are taken in order. Rejects with
   * `EAGAIN` when there was no room in time, `EHOSTUNREACH` where a router must know the peer and does not. Throws `EBADF`
   * on a closed socket. Long frames are kept as they are until they are with the system: do not change them.
   */
  send(message: M): Promise<void>
  /** Sends without a promise: whether the message was taken. False when there is no room, or others wait already. */
  sendNow(message: M): boolean
}

/** Sockets that receive. */
export interface Readable<M extends object[] = Message[]> {
  receiveBufferSize: number
  /** Most messages of one peer that wait to be read before it is slowed down; 0 for no limit. Default 1,000. */
  receiveHighWaterMark: number
  /** How long a receive may wait, in milliseconds; −1 (the default) for ever, 0 not at all. */
  receiveTimeout: number
  /** The next message. Rejects with `EAGAIN` when none came in time, or the socket closed. */
  receive(): Promise<M>
  /** A message that is here already, or undefined. */
  receiveNow(): M | undefined
  /** At least one message, and up to `limit` of those that are here: one promise for many messages. Default 1,000. */
  receiveMany(limit?: number): Promise<M[]>
  /** Messages until the socket closes. */
  [Symbol.asyncIterator](): AsyncIterator<M, undefined>
}

export abstract class WritableSocket<M = MessageLike | MessageLike[]> extends Socket implements Writable<M> {
  declare multicastHops: number
  declare sendBufferSize: number
  declare sendHighWaterMark: number
  declare sendTimeout: number

  send(message: M): Promise<void> {
    return this.sendMessage(message)
  }
  sendNow(message: M): boolean {
    return this.sendMessageNow(message)
  }
}

export abstract class ReadableSocket<M extends object[] = Message[]> extends Socket implements Readable<M> {
  declare receiveBufferSize: number
  declare receiveHighWaterMark: number
  declare receiveTimeout: number

  receive(): Promise<M> {
    return this.receiveMessage() as Promise<object[]> as Promise<M>
  }
  receiveNow(): M | undefined {
    return this.receiveMessageNow() as object[] | undefined as M | undefined
  }
  receiveMany(limit = 1_000): Promise<M[]> {
    return manyOf(this, limit)
  }
  [Symbol.asyncIterator](): AsyncIterator<M, undefined> {
    return { next: () => nextOf(this) }
  }
}

export abstract class DuplexSocket<S = MessageLike | MessageLike[], R extends object[] = Message[]>
  extends WritableSocket<S>
  implements Readable<R>
{
  declare receiveBufferSize: number
  declare receiveHighWaterMark: number
  declare receiveTimeout: number

  receive(): Promise<R> {
    return this.receiveMessage() as Promise<object[]> as Promise<R>
  }
  receiveNow(): R | undefined {
    return this.receiveMessageNow() as object[] | undefined as R | undefined
  }
  receiveMany(limit = 1_000): Promise<R[]> {
    return manyOf(this, limit)
  }
  [Symbol.asyncIterator](): AsyncIterator<R, undefined> {
    return { next: () => nextOf(this) }
  }
}

interface Reading<M> {
  readonly closed: boolean
  receive(): Promise<M>
  receiveNow(): M | undefined
}

async function manyOf<M>(socket: Reading<M>, limit: number): Promise<M[]> {
  const messages: M[] = [await socket.receive()]
  while (messages.length < limit && !socket.closed) {
    const next = socket.receiveNow()
    if (next === undefined) break
    messages.push(next)
  }
  return messages
}

/** Written without `async`: a message that is here costs the loop two promises, and no more. */
function nextOf<M>(socket: Reading<M>): Promise<IteratorResult<M, undefined>> {
  if (socket.closed) return Promise.resolve(end)
  return socket.receive().then(asResult<M>, (thrown: unknown) => {
    if (socket.closed && (thrown as { code?: string }).code === "EAGAIN") return end
    throw thrown
  })
}

const end = { done: true, value: undefined } as const

function asResult<M>(value: M): IteratorResult<M, undefined> {
  return { done: false, value }
}
