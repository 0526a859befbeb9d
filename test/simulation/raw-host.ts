/** A host made by hand: lets a client of ours join, and then sends and withholds what the test wants. */
import type { MessageInitShape } from "@bufbuild/protobuf"
import {
  type Control,
  type ControlBody,
  decodeControl,
  encodeBaseline,
  encodeControl,
  encodeMark,
} from "../../src/message/control.ts"
import type { BaselineSchema, Join, MarkSchema } from "../../src/message/generated/control_pb.ts"
import { decodeHeader, encodeHeader, type Header, Kind } from "../../src/message/header.ts"
import { encodeTopic, TopicKind } from "../../src/message/topic.ts"
import type { World } from "../../src/testing/simulation/index.ts"
import type { PublisherSocket, PullerSocket, RouterSocket } from "../../src/transport/transport.ts"

const text = new TextEncoder()

export interface Pushed {
  readonly topic: string
  readonly header: Header
  readonly payload: string
}

type Fields = Partial<Header> & { readonly previous?: number; readonly link?: number }

export class RawHost {
  readonly joins: { readonly at: number; readonly join: Join }[] = []
  readonly heard: Control[] = []
  readonly pushed: Pushed[] = []
  readonly subscriptions: string[] = []
  /** What to answer a JOIN with; undefined for silence. By default it is taken. */
  answer: (join: Join) => ControlBody | undefined = () => this.accept()
  /** What to say in a baseline, beside its number. */
  baseline: () => MessageInitShape<typeof BaselineSchema> = () => ({})
  heartbeatMs = 100
  sessionKeepMs = 5000
  incarnation = 7
  link = 1
  /** Heartbeats go out. */
  alive = true
  /** The last publish number of direct messages, for the heartbeat. */
  direct = 0
  published = 0
  readonly #world: World
  readonly #router: RouterSocket
  readonly #publisher: PublisherSocket
  readonly #puller: PullerSocket
  #connection = 0
  #count = 0
  readonly #last = new Map<string, number>()
  readonly #syncs = new Map<number, readonly Uint8Array[]>()

  private constructor(world: World, name: string) {
    this.#world = world
    const transport = world.network.transport(name)
    this.#router = transport.router({
      onBatch: batch => {
        for (let i = 0; i < batch.count; i++)
          this.#onControl(batch.connection, decodeControl(batch.frame(i, 0).slice()))
      },
    })
    this.#publisher = transport.publisher({
      onSubscribe: (_connection, prefix) => {
        this.subscriptions.push(new TextDecoder().decode(prefix))
        this.#answerSyncs()
      },
      onUnsubscribe: () => {},
    })
    this.#puller = transport.puller({
      onBatch: batch => {
        for (let i = 0; i < batch.count; i++) {
          this.pushed.push({
            topic: new TextDecoder().decode(batch.frame(i, 0)).replace(/\0$/, ""),
            header: decodeHeader(batch.frame(i, 1).slice()),
            payload: new TextDecoder().decode(batch.frame(i, 2)),
          })
        }
      },
    })
    const beat = () => {
      if (this.alive && this.#connection !== 0)
        this.say({
          case: "heartbeat",
          value: { count: BigInt(++this.#count), published: BigInt(this.published), direct: BigInt(this.direct) },
        })
      world.clock.after(this.heartbeatMs, beat)
    }
    world.clock.after(this.heartbeatMs, beat)
  }

  static async open(world: World, name: string): Promise<RawHost> {
    const host = new RawHost(world, name)
    await world.network
      .transport(name)
      .bind(`sim://${name}`, { router: host.#router, publisher: host.#publisher, puller: host.#puller })
    return host
  }

  accept(fields: Record<string, unknown> = {}): ControlBody {
    return {
      case: "accept",
      value: {
        version: 1,
        tree: "zinc",
        generation: new Uint8Array(16).fill(9),
        hostId: new Uint8Array(16).fill(8),
        hostName: "raw",
        incarnation: this.incarnation,
        link: this.link,
        session: new Uint8Array(16).fill(this.link),
        privatePrefix: text.encode(this.#prefix()),
        ticket: new Uint8Array(16).fill(5),
        limits: { heartbeatMs: this.heartbeatMs, heartbeatMisses: 3, sessionKeepMs: this.sessionKeepMs },
        ...fields,
      },
    }
  }

  say(body: ControlBody, frames: readonly Uint8Array[] = []): void {
    this.#router.send(this.#connection, [encodeControl(body), ...frames])
  }

  /** Nobody can push any more. */
  closePuller(): void {
    this.#puller.abort()
  }

  /** Closes the control connection. */
  hangUp(): void {
    const connection = this.#connection
    this.#connection = 0
    this.#router.disconnect(connection)
  }

  /** A frame as it would be published next. */
  frame(topic: string, payload: unknown, header: Fields = {}): Uint8Array[] {
    const { previous, link, ...fields } = header
    const number = ++this.published
    const last = this.#last.get(topic) ?? 0
    this.#last.set(topic, number)
    const kind = topic.startsWith("o.") ? TopicKind.Ordered : TopicKind.Nearest
    return [
      topic.startsWith("~") || topic.startsWith("mmark") ? text.encode(`${topic}\0`) : encodeTopic(kind, topic),
      encodeHeader({
        kind: Kind.Broadcast,
        flags: 0,
        codec: 1,
        hops: 10,
        epoch: 0,
        ageMicros: 0,
        origin: new Uint8Array(16).fill(3),
        sequence: 1,
        order: 0,
        extensions: new Uint8Array(0),
        leg: { way: "down", incarnation: this.incarnation, link: link ?? 0, number, previous: previous ?? last },
        ...fields,
      }),
      payload instanceof Uint8Array ? payload : text.encode(JSON.stringify(payload)),
    ]
  }

  publish(topic: string, payload: unknown, header: Fields = {}): Uint8Array[] {
    const frames = this.frame(topic, payload, header)
    this.#publisher.send(frames)
    return frames
  }

  mark(mark: MessageInitShape<typeof MarkSchema>): void {
    this.publish("mmark", encodeMark(mark), { kind: Kind.Mark })
  }

  heardOf<C extends NonNullable<Control["body"]["case"]>>(what: C): Extract<Control["body"], { case: C }>["value"][] {
    return this.heard.filter(({ body }) => body.case === what).map(({ body }) => body.value as never)
  }

  #prefix(): string {
    return `~${String(this.link).padStart(8, "0")}0011223344556677.`
  }

  #onControl(connection: number, control: Control): void {
    this.heard.push(control)
    const { body } = control
    if (body.case === "join") {
      this.joins.push({ at: this.#world.clock.now(), join: body.value })
      this.#connection = connection
      this.#syncs.clear()
      const answer = this.answer(body.value)
      if (answer !== undefined) this.say(answer)
      return
    }
    if (body.case === "sync") {
      this.#syncs.set(body.value.number, body.value.prefixes)
      this.#answerSyncs()
    }
  }

  #answerSyncs(): void {
    for (const number of this.#syncs.keys()) {
      const topic = `${this.#prefix()}${number}`
      if (!this.subscriptions.includes(`${topic}\0`)) continue
      this.#syncs.delete(number)
      const payload = encodeBaseline({
        number,
        published: BigInt(this.published),
        positionsComplete: true,
        incarnation: this.incarnation,
        ...this.baseline(),
      })
      this.publish(topic, payload, { kind: Kind.Baseline })
    }
  }
}
