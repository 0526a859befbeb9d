/** A client written out by hand: it joins as the protocol says, or as it should not, and then does as it is told. */
import { randomUUID } from "node:crypto"
import { type EndpointId, endpointIdToBytes } from "../../../src/core/id.ts"
import {
  type Control,
  type ControlBody,
  decodeControl,
  encodeControl,
  type Join,
} from "../../../src/message/control.ts"
import { encodeHeader, Kind } from "../../../src/message/header.ts"
import { command, frame, RawPeer } from "../../interop/raw-peer.ts"
import { lasting } from "./scene.ts"

export type JoinFields = Partial<
  Pick<
    Join,
    | "versionMin"
    | "versionMax"
    | "tree"
    | "token"
    | "endpointId"
    | "name"
    | "features"
    | "legFirst"
    | "legLast"
    | "relay"
    | "session"
    | "ticket"
  > & { readonly memory: { topic: Uint8Array; first: bigint; acknowledged: bigint }[] }
>
type Accepted = Extract<Control["body"], { case: "accept" }>["value"]

/** A random UUID: one that nobody has to prove. */
function randomId(): Uint8Array {
  return endpointIdToBytes(randomUUID() as EndpointId)
}

export function join(fields: JoinFields = {}): Uint8Array {
  return encodeControl({
    case: "join",
    value: { versionMin: 1, versionMax: 1, endpointId: randomId(), name: "raw", ...fields },
  })
}

function heartbeatReply(count: bigint): Buffer {
  return frame(0, encodeControl({ case: "heartbeatReply", value: { count, mark: 1n, legLast: 0n } }))
}

export function subscribe(prefix: Uint8Array): Buffer {
  return command("SUBSCRIBE", prefix)
}

/** The next control message. */
export async function nextControl(dealer: RawPeer): Promise<Control["body"]> {
  return decodeControl((await dealer.next("a control message")).body).body
}

/** A host whose event loop is behind gives joiners a turn, which they wait for. */
async function admitted(address: string, fields: JoinFields): Promise<{ control: RawPeer; accept: Accepted }> {
  for (;;) {
    const control = await RawPeer.connect(address)
    await control.shakeHands("DEALER")
    control.send(frame(0, join(fields)))
    const answer = await nextControl(control)
    if (answer.case === "accept") return { control, accept: answer.value }
    if (answer.case !== "refuse" || answer.value.code !== "Busy")
      throw new Error(`expected ACCEPT, got ${JSON.stringify(answer)}`)
    await lasting(answer.value.retryAfterMs)
  }
}

export class RawJoiner {
  readonly control: RawPeer
  readonly subscriber: RawPeer
  readonly accept: Accepted
  /** Every control message that came since the baseline. */
  readonly heard: Control["body"][] = []

  private constructor(control: RawPeer, subscriber: RawPeer, accept: Accepted) {
    this.control = control
    this.subscriber = subscriber
    this.accept = accept
  }

  /** Resolves at the baseline; from then on it answers heartbeats until `silence`. */
  static async open(address: string, fields: JoinFields, topics: readonly string[]): Promise<RawJoiner> {
    const { control, accept } = await admitted(address, fields)
    // Dialling takes a busy machine its time; the host is told at once that its ACCEPT came.
    control.send(heartbeatReply(0n))
    const subscriber = await RawPeer.connect(address)
    await subscriber.shakeHands("SUB")
    const prefixes = [...topics.map(topic => Buffer.from(topic)), Buffer.from("mmark\0")]
    const mine = Buffer.from(accept.privatePrefix)
    subscriber.send(subscribe(Buffer.concat([mine, Buffer.from("d\0")])), ...prefixes.map(subscribe))
    subscriber.send(subscribe(Buffer.concat([mine, Buffer.from("1\0")])))
    control.send(frame(0, encodeControl({ case: "sync", value: { number: 1, prefixes } })))
    const joiner = new RawJoiner(control, subscriber, accept)
    for (;;) {
      const { body } = await subscriber.next("the baseline")
      if (body.subarray(0, mine.length).equals(mine)) break
    }
    void joiner.#answer()
    return joiner
  }

  /** Heartbeats are answered with the newest mark there can be: the lag this peer admits is none. */
  async #answer(): Promise<void> {
    for (;;) {
      let body: Control["body"]
      try {
        body = decodeControl((await this.control.next("control", 60_000)).body).body
      } catch {
        return
      }
      this.heard.push(body)
      if (body.case !== "heartbeat") continue
      this.control.send(heartbeatReply(body.value.count))
    }
  }

  say(body: ControlBody): void {
    this.control.send(frame(0, encodeControl(body)))
  }

  /** Opens the up leg. Frames pushed there have this session, and leg numbers from 1 on. */
  async opened(address: string): Promise<RawPusher> {
    const peer = await RawPeer.connect(address)
    await peer.shakeHands("PUSH")
    return new RawPusher(peer, this.accept.session)
  }

  /** Stops reading what is published. */
  stall(): void {
    this.subscriber.socket.pause()
  }

  destroy(): void {
    this.control.destroy()
    this.subscriber.destroy()
  }
}

/** The up leg of a raw client. */
export class RawPusher {
  readonly peer: RawPeer
  readonly #session: Uint8Array
  #leg = 0

  constructor(peer: RawPeer, session: Uint8Array) {
    this.peer = peer
    this.#session = session
  }

  /** The octets of the next frame. */
  next(topic: string, sequence: number, fields: PushFields = {}): Buffer {
    const header = encodeHeader({
      kind: fields.kind ?? Kind.Broadcast,
      flags: 0,
      codec: 0,
      hops: 10,
      epoch: 0,
      ageMicros: 0,
      origin: fields.origin ?? new Uint8Array(16),
      sequence,
      order: 0,
      leg: { way: "up", session: this.#session, number: ++this.#leg },
      extensions: fields.extensions ?? new Uint8Array(0),
    })
    return Buffer.concat([
      frame(1, Buffer.from(`${topic}\0`)),
      frame(1, header),
      frame(0, fields.payload ?? Buffer.from("x")),
    ])
  }

  push(topic: string, sequence: number, fields: PushFields = {}): void {
    this.peer.send(this.next(topic, sequence, fields))
  }
}

export interface PushFields {
  readonly kind?: Kind
  readonly origin?: Uint8Array
  readonly extensions?: Uint8Array
  readonly payload?: Uint8Array
}
