/** Zinc's general sockets as a test wants them: made by the name of their type, and waited for by name. */
import {
  Dealer,
  Pair,
  type PatternSocketOptions,
  Pub,
  Pull,
  Push,
  Rep,
  Req,
  Router,
  type SocketEvent,
  Stream,
  Sub,
  XPub,
  XSub,
} from "../../src/transport/zmtp/index.ts"

interface Sockets {
  readonly PUB: Pub
  readonly SUB: Sub
  readonly XPUB: XPub
  readonly XSUB: XSub
  readonly PUSH: Push
  readonly PULL: Pull
  readonly DEALER: Dealer
  readonly ROUTER: Router
  readonly REQ: Req
  readonly REP: Rep
  readonly PAIR: Pair
  readonly STREAM: Stream
}
export type SocketName = keyof Sockets
export type OurSocket = Sockets[SocketName]

const sockets: { readonly [Name in SocketName]: new (options: PatternSocketOptions) => Sockets[Name] } = {
  PUB: Pub,
  SUB: Sub,
  XPUB: XPub,
  XSUB: XSub,
  PUSH: Push,
  PULL: Pull,
  DEALER: Dealer,
  ROUTER: Router,
  REQ: Req,
  REP: Rep,
  PAIR: Pair,
  STREAM: Stream,
}

export function ourSocket(type: SocketName, options: PatternSocketOptions = {}): OurSocket {
  return new sockets[type]({ sendLimits: { messages: 1_000, bytes: 256 * 1024 * 1024 }, ...options })
}

/** Resolves with the socket's next event of that type; rejects with a message that names it when none comes. */
export function nextEvent<T extends SocketEvent["type"]>(
  socket: OurSocket,
  type: T,
  limitMs = 30_000,
): Promise<Extract<SocketEvent, { type: T }>> {
  return within(
    limitMs,
    `the socket's event "${type}"`,
    new Promise(resolve => {
      const stop = socket.events.on(type, event => {
        stop()
        resolve(event as Extract<SocketEvent, { type: T }>)
      })
    }),
  )
}

/** Sends, waiting for room where there is none. */
export async function sendAll(socket: OurSocket, messages: Iterable<readonly Uint8Array[]>): Promise<void> {
  if (!("send" in socket)) throw new Error("this socket cannot send")
  for (const frames of messages) {
    while (!socket.send(frames)) await within(30_000, "room to send", socket.drained())
  }
}

/** The next `count` messages but those that begin with the octets `ignore`. */
export async function receiveAll(
  socket: OurSocket,
  count: number,
  ignore?: Uint8Array,
  limitMs = 30_000,
): Promise<Uint8Array[][]> {
  if (!("receive" in socket)) throw new Error("this socket cannot receive")
  const messages: Uint8Array[][] = []
  while (messages.length < count) {
    const message = await within(limitMs, `message ${messages.length + 1} of ${count}`, socket.receive())
    if (message === undefined) throw new Error(`the socket closed after ${messages.length} of ${count} messages`)
    if (ignore === undefined || Buffer.compare(message[0]!, ignore) !== 0) messages.push(message)
  }
  return messages
}

/** Returns the next `count` messages to where they came from. */
export async function echo(socket: OurSocket, count: number): Promise<void> {
  for (let done = 0; done < count; done++) await sendAll(socket, await receiveAll(socket, 1))
}

/** Sends each message when the last one's answer is here. The answers. */
export async function ask(socket: OurSocket, messages: Iterable<readonly Uint8Array[]>): Promise<Uint8Array[][]> {
  const answers: Uint8Array[][] = []
  for (const frames of messages) {
    await sendAll(socket, [frames])
    answers.push(...(await receiveAll(socket, 1)))
  }
  return answers
}

/** The next messages as text, one octet a character; frames are parted by "|". */
export async function receiveText(socket: OurSocket, count: number): Promise<string[]> {
  return (await receiveAll(socket, count)).map(frames =>
    frames.map(each => Buffer.from(each).toString("latin1")).join("|"),
  )
}

export async function within<T>(limitMs: number, what: string, wanted: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come within ${limitMs} ms`)), limitMs)
  })
  try {
    return await Promise.race([wanted, late])
  } finally {
    clearTimeout(timer)
  }
}
