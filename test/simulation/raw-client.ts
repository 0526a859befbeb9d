/** A client made by hand, one leg and one message at a time: says what no endpoint of ours would. */
import type { MessageInitShape } from "@bufbuild/protobuf"
import { type EndpointId, endpointIdFromBytes } from "../../src/core/id.ts"
import { type Accept, type Control, type ControlBody, decodeControl, encodeControl } from "../../src/message/control.ts"
import type { JoinSchema } from "../../src/message/generated/control_pb.ts"
import { decodeHeader, encodeHeader, type Header, Kind } from "../../src/message/header.ts"
import { encodeTopic, TopicKind } from "../../src/message/topic.ts"
import type { World } from "../../src/testing/simulation/index.ts"
import type { DealerSocket, PusherSocket, SubscriberSocket } from "../../src/transport/transport.ts"

export interface Published {
  readonly topic: string
  readonly header: Header
  readonly payload: string
}

export class RawClient {
  readonly id: Uint8Array
  readonly heard: Control[] = []
  readonly published: Published[] = []
  /** Legs that the other side closed. */
  readonly lost: string[] = []
  accept: Accept | undefined
  /** Answer heartbeats. */
  answers = true
  readonly #world: World
  readonly #name: string
  readonly #host: string
  #dealer: DealerSocket | undefined
  #subscriber: SubscriberSocket | undefined
  #pusher: PusherSocket | undefined

  constructor(world: World, name: string, host = "hub", id?: Uint8Array) {
    this.#world = world
    this.#name = name
    this.#host = host
    this.id = id ?? world.random.bytes(16)
    if (id !== undefined) return
    this.id[6] = (this.id[6]! & 0x0f) | 0x40
    this.id[8] = (this.id[8]! & 0x3f) | 0x80
  }

  get endpointId(): EndpointId {
    return endpointIdFromBytes(this.id)
  }

  /** Dials the control leg. */
  async dial(): Promise<this> {
    this.#dealer = this.#world.network.transport(this.#name).dealer({
      onBatch: batch => {
        for (let i = 0; i < batch.count; i++) {
          const control = decodeControl(batch.frame(i, 0).slice())
          this.heard.push(control)
          if (control.body.case === "heartbeat" && this.answers)
            this.say({ case: "heartbeatReply", value: { count: control.body.value.count } })
        }
      },
      onDisconnect: () => this.lost.push("control"),
    })
    await this.#world.until(this.#dealer.connect(`sim://${this.#host}`, { signal: new AbortController().signal }))
    return this
  }

  say(body: ControlBody): void {
    this.#dealer?.send([encodeControl(body)])
  }

  /** The next control message of that kind, from now on. */
  async hear<C extends NonNullable<Control["body"]["case"]>>(
    what: C,
    ms = 1000,
  ): Promise<Extract<Control["body"], { case: C }>["value"]> {
    const from = this.heard.length
    for (let i = 0; i < ms; i++) {
      await this.#world.run(1)
      const found = this.heard.slice(from).find(({ body }) => body.case === what)
      if (found !== undefined) return found.body.value as never
    }
    throw new Error(`no ${what} within ${ms} ms; heard ${this.heard.map(({ body }) => body.case).join(" ")}`)
  }

  /** Says JOIN and gives what comes back. */
  async join(fields: MessageInitShape<typeof JoinSchema> = {}): Promise<Control["body"]> {
    const from = this.heard.length
    this.say({
      case: "join",
      value: { versionMin: 1, versionMax: 1, endpointId: this.id, name: this.#name, ...fields },
    })
    for (let i = 0; i < 1000; i++) {
      await this.#world.run(1)
      const answer = this.heard[from]
      if (answer === undefined) continue
      if (answer.body.case === "accept") this.accept = answer.body.value
      return answer.body
    }
    throw new Error("no answer to the join")
  }

  async dialSubscriber(): Promise<void> {
    this.#subscriber = this.#world.network.transport(this.#name).subscriber({
      onBatch: batch => {
        for (let i = 0; i < batch.count; i++) {
          this.published.push({
            topic: new TextDecoder().decode(batch.frame(i, 0)).replace(/\0$/, ""),
            header: decodeHeader(batch.frame(i, 1).slice()),
            payload: new TextDecoder().decode(batch.frame(i, 2)),
          })
        }
      },
      onDisconnect: () => this.lost.push("subscriber"),
    })
    await this.#world.until(this.#subscriber.connect(`sim://${this.#host}`, { signal: new AbortController().signal }))
  }

  async dialPusher(): Promise<void> {
    this.#pusher = this.#world.network.transport(this.#name).pusher({ onDisconnect: () => this.lost.push("pusher") })
    await this.#world.until(this.#pusher.connect(`sim://${this.#host}`, { signal: new AbortController().signal }))
  }

  subscribe(prefix: string | Uint8Array): void {
    this.#subscriber!.subscribe(typeof prefix === "string" ? new TextEncoder().encode(prefix) : prefix)
  }

  /** Subscribes to its own private topic of that number. */
  subscribePrivate(suffix: string | number, accept: Accept = this.accept!): void {
    const prefix = new TextDecoder().decode(accept.privatePrefix)
    this.subscribe(`${prefix}${suffix}\0`)
  }

  push(
    topic: string,
    payload: string,
    header: Partial<Header> & {
      readonly number: number
      readonly session?: Uint8Array
      readonly topicKind?: TopicKind
    },
  ): void {
    const { number, session, topicKind = TopicKind.Nearest, ...fields } = header
    this.#pusher!.send([
      encodeTopic(topicKind, topic),
      encodeHeader({
        kind: Kind.Broadcast,
        flags: 0,
        codec: 1,
        hops: 10,
        epoch: 0,
        ageMicros: 0,
        origin: this.id,
        sequence: number,
        order: 0,
        extensions: new Uint8Array(0),
        leg: { way: "up", session: session ?? this.accept!.session, number },
        ...fields,
      }),
      new TextEncoder().encode(payload),
    ])
  }

  /** All three legs, joined, with a baseline of these prefixes. */
  async joinWhole(prefixes: readonly string[] = []): Promise<this> {
    await this.dial()
    const answer = await this.join()
    if (answer.case !== "accept") throw new Error(`not accepted: ${JSON.stringify(answer.value)}`)
    await this.dialSubscriber()
    await this.dialPusher()
    for (const prefix of prefixes) this.subscribe(prefix)
    this.subscribePrivate("d")
    this.subscribePrivate(1)
    this.say({ case: "sync", value: { number: 1, prefixes: prefixes.map(prefix => new TextEncoder().encode(prefix)) } })
    await this.#world.run(50)
    return this
  }
}
