/** Hosts that mean harm: whatever they say, a client neither ends its program, nor spins, nor grows without bound. */
import { randomBytes } from "node:crypto"
import { create, type MessageInitShape } from "@bufbuild/protobuf"
import { afterEach, describe, expect, it } from "vitest"
import { Endpoint, type EndpointEvent, type JoinOptions, text } from "../../src/index.ts"
import {
  type Control,
  type ControlBody,
  decodeControl,
  encodeBaseline,
  encodeControl,
  encodeMark,
} from "../../src/message/control.ts"
import { type AcceptSchema, LimitsSchema } from "../../src/message/generated/control_pb.ts"
import { encodeHeader, Kind } from "../../src/message/header.ts"
import { TcpCarrier } from "../../src/transport/carrier/tcp.ts"
import { ZmtpTransport } from "../../src/transport/zmtp/zmtp-transport.ts"

const ends: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

type Heard = { readonly connection: number } & Control["body"]
type Accept = Omit<MessageInitShape<typeof AcceptSchema>, "limits" | "$typeName">
const prefix = Buffer.from("~00000001aaaaaaaaaaaaaaaa.")
const most = 2n ** 53n - 1n

/** Sockets of a host, and nobody behind them but the test. */
class Impostor {
  readonly heard: Heard[] = []
  readonly incarnation = 77
  readonly id = randomBytes(16)
  address = ""
  joins = 0
  #published = 0
  #over = false
  /** What else it does with what it hears. */
  onControl: (heard: Heard) => void = () => {}
  /** What its ACCEPTs say that they should not. */
  accept: Partial<Accept> = {}
  limits: Readonly<Record<string, number>> = {}
  /** Whether a JOIN is answered by ACCEPT. */
  takesIn = true
  readonly #sockets

  private constructor() {
    const transport = new ZmtpTransport({ carriers: [new TcpCarrier()] })
    this.#sockets = {
      router: transport.router({
        onBatch: batch => {
          for (let i = 0; i < batch.count; i++) {
            const heard = { connection: batch.connection, ...decodeControl(batch.frame(i, 0)).body } as Heard
            this.heard.push(heard)
            this.#answer(heard)
            this.onControl(heard)
          }
        },
      }),
      publisher: transport.publisher({ onSubscribe: () => {}, onUnsubscribe: () => {} }),
      puller: transport.puller({ onBatch: () => {} }),
    }
    const beats = setInterval(() => this.#beat(), 50)
    ends.push(() => {
      clearInterval(beats)
      this.#over = true
      for (const socket of Object.values(this.#sockets)) socket.abort()
    })
    this.transport = transport
  }
  readonly transport: ZmtpTransport

  static async open(): Promise<Impostor> {
    const host = new Impostor()
    host.address = (await host.transport.bind("tcp://127.0.0.1:0", host.#sockets)).control
    return host
  }

  say(connection: number, body: ControlBody, after = 0): void {
    if (this.#over) return
    this.#sockets.router.send(connection, [encodeControl(body, after)])
  }

  publish(
    topic: string | Uint8Array,
    kind: Kind,
    payload: Uint8Array,
    fields: { previous?: number; sequence?: number; origin?: Uint8Array; number?: number } = {},
  ) {
    if (this.#over) return
    this.#sockets.publisher.send([
      typeof topic === "string" ? Buffer.from(topic) : topic,
      encodeHeader({
        kind,
        flags: 0,
        codec: 0,
        hops: 9,
        epoch: 0,
        ageMicros: 0,
        origin: fields.origin ?? this.id,
        sequence: fields.sequence ?? 1,
        order: 0,
        leg: {
          way: "down",
          incarnation: this.incarnation,
          link: 0,
          number: fields.number ?? ++this.#published,
          previous: fields.previous ?? 0,
        },
        extensions: new Uint8Array(0),
      }),
      payload,
    ])
  }

  #beat(): void {
    const connections = this.heard.flatMap(heard => (heard.case === "join" ? heard.connection : []))
    for (const connection of new Set(connections))
      this.say(connection, { case: "heartbeat", value: { count: 1n, published: BigInt(this.#published) } })
  }

  /** Lets everybody in, and gives every baseline asked for. */
  #answer(heard: Heard): void {
    if (heard.case === "join") this.joins++
    if (heard.case === "join" && this.takesIn) {
      const limits = { heartbeatMs: 50, heartbeatMisses: 3, sessionKeepMs: 10_000, ...this.limits }
      this.say(heard.connection, {
        case: "accept",
        value: {
          version: 1,
          tree: "zinc",
          generation: randomBytes(16),
          hostId: this.id,
          hostName: "impostor",
          incarnation: this.incarnation,
          link: 1,
          session: randomBytes(16),
          privatePrefix: prefix,
          ticket: randomBytes(16),
          limits: create(LimitsSchema, limits),
          ...this.accept,
        },
      })
    }
    if (heard.case === "sync") this.baseline(heard.value.number)
  }

  baseline(number: number, fields: Parameters<typeof encodeBaseline>[0] = {}): void {
    const payload = encodeBaseline({
      number,
      published: BigInt(this.#published),
      positionsComplete: true,
      incarnation: this.incarnation,
      ...fields,
    })
    // The subscription may come after the SYNC.
    const topic = Buffer.concat([prefix, Buffer.from(`${number}\0`)])
    for (const delayMs of [0, 20, 100]) setTimeout(() => this.publish(topic, Kind.Baseline, payload), delayMs)
  }

  async next<Case extends NonNullable<Control["body"]["case"]>>(kind: Case) {
    await until(`a ${kind}`, () => this.heard.some(heard => heard.case === kind))
    return this.heard.find(heard => heard.case === kind) as Extract<Heard, { case: Case }>
  }
}

async function victim(host: Impostor, options: JoinOptions = {}) {
  const events: EndpointEvent[] = []
  const client = await Endpoint.join(host.address, { name: "victim", ...options })
  ends.push(() => client.close({ timeoutMs: 50 }))
  client.on("*", event => events.push(event))
  return { client, events, connection: (await host.next("join")).connection }
}

async function until(what: string, condition: () => boolean, limitMs = 30_000): Promise<void> {
  const deadline = performance.now() + limitMs
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

function lasting(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds))
}

/** Share of this process's time that was spent working. */
async function load(milliseconds: number): Promise<number> {
  const before = process.cpuUsage()
  const began = performance.now()
  await lasting(milliseconds)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000 / (performance.now() - began)
}

describe("What a host may say", () => {
  it("of numbers as large as they go leaves the client's program alone", async () => {
    const host = await Impostor.open()
    const { client, connection } = await victim(host)
    await client.handle("a", () => {}).ready
    for (const number of [most, 2n ** 64n - 1n]) {
      host.say(connection, { case: "heartbeat", value: { count: number, published: number, direct: number } })
      host.say(connection, { case: "heartbeat", value: { count: number, published: number, direct: number } })
      host.say(connection, { case: "ack", value: { received: number, rooted: number, resend: true } })
      const mark = { number: 1n, published: number, topics: [{ topic: Buffer.from("na\0"), number }] }
      host.publish("mmark\0", Kind.Mark, encodeMark(mark), { previous: 0 })
      host.baseline(2, { published: number, mark: number })
    }
    host.publish("na\0", Kind.Broadcast, Buffer.from("x"), {
      previous: Number(most),
      number: Number(most),
      sequence: Number(most),
    })
    await lasting(300)
    expect(client.send("a", 1)).toBe(true)
  })

  it.each([
    ["a heartbeat of 0 ms", { heartbeatMs: 0 }],
    ["a heartbeat of 1 ms", { heartbeatMs: 1 }],
    ["a heartbeat of 49 days", { heartbeatMs: 2 ** 32 - 1 }],
    ["a session of 49 days", { sessionKeepMs: 2 ** 32 - 1 }],
    ["a session of 1 ms", { sessionKeepMs: 1 }],
  ])("of limits is held within sense: %s", async (_, limits) => {
    const host = await Impostor.open()
    host.limits = limits
    const { client } = await victim(host)
    const { value } = await host.next("join")
    expect(value.name).toBe("victim")
    expect(await load(500)).toBeLessThan(0.5)
    expect(client.state).toBe("open")
    expect(host.joins).toBeLessThanOrEqual(2)
  })

  it.each([
    ["a session of 17 octets", { session: randomBytes(17) }],
    ["a session of a megabyte", { session: randomBytes(1 << 20) }],
    ["no session", { session: new Uint8Array(0) }],
    ["an id of 3 octets", { hostId: randomBytes(3) }],
    ["a private prefix that is none", { privatePrefix: Buffer.from("na") }],
    ["no private prefix", { privatePrefix: new Uint8Array(0) }],
    ["a private prefix of a kilobyte", { privatePrefix: Buffer.alloc(1000, "~") }],
    ["addresses that are none", { addresses: { control: "", publish: "gopher://x", push: "::" } }],
    ["no incarnation", { incarnation: 0 }],
    ["more than was sent", { received: most, rooted: most }],
  ] as const)("in an ACCEPT is checked: %s", async (_, fields) => {
    const host = await Impostor.open()
    host.accept = fields
    const joined = await Endpoint.join(host.address, { joinTimeoutMs: 1500 }).then(
      client => ({ client }),
      (error: { code: string }) => ({ error }),
    )
    if ("client" in joined) {
      ends.push(() => joined.client.close({ timeoutMs: 50 }))
      expect(joined.client.send("a", 1)).toBe(true)
    } else expect(joined.error.code).toMatch(/BadFrame|BadAddress|Timeout|PeerLost/)
  })

  it("of repairs that never end does not keep it asking", async () => {
    const host = await Impostor.open()
    const { client, connection } = await victim(host)
    await client.handle("a", () => {}).ready
    let asked = 0
    host.onControl = heard => {
      if (heard.case !== "repairRequest") return
      asked++
      host.say(connection, { case: "repair", value: { id: heard.value.id, last: true, through: 1n } })
    }
    host.publish("na\0", Kind.Broadcast, Buffer.from("x"), { number: 1000, previous: 900, sequence: 9 })
    await until("a first request", () => asked > 0)
    await lasting(1000)
    expect(asked).toBeLessThan(20)
  })

  it("that ends every link it gave does not keep it joining", async () => {
    const host = await Impostor.open()
    host.onControl = heard => {
      if (heard.case === "sync")
        setTimeout(() => {
          host.say(heard.connection, { case: "slow", value: { policy: "disconnect", lagMs: 1 } })
          host.say(heard.connection, { case: "leave", value: { code: "Draining", reason: "", retryAfterMs: 0 } })
        }, 150)
    }
    await victim(host)
    await lasting(4000)
    expect(host.joins).toBeLessThan(14)
  })

  it("to come back in 49 days is not taken for at once, nor for never", async () => {
    const host = await Impostor.open()
    const { client, connection } = await victim(host)
    const accept = host.joins
    host.onControl = heard => {
      if (heard.case === "join")
        host.say(heard.connection, { case: "refuse", value: { code: "Full", reason: "", retryAfterMs: 2 ** 32 - 1 } })
    }
    host.takesIn = false
    host.say(connection, { case: "leave", value: { code: "Draining", reason: "", retryAfterMs: 0 } })
    await until("a second join", () => host.joins > accept)
    await lasting(1500)
    expect(host.joins - accept).toBe(1)
    expect(client.state).toBe("open")
  })

  it("of ever new topics, origins and holes makes it keep no more than its bounds", async () => {
    const host = await Impostor.open()
    const { client } = await victim(host)
    let count = 0
    await client.handle("*", () => void count++).ready
    const origin = Buffer.alloc(16)
    const sent = 20_000
    for (let i = 0; i < sent; i++) {
      origin.writeUInt32BE(i)
      host.publish(`nt${i}\0`, Kind.Broadcast, Buffer.from("x"), { number: 10 * i + 10, previous: 10 * i + 5, origin })
      if (i % 500 === 0) await new Promise(resolve => setImmediate(resolve))
    }
    await until("what was published", () => client.statistics.received > 0.9 * sent, 90_000)
    await until("what was parked", () => count > 0.9 * sent, 90_000)
    // It gives up asking for what the host does not give: then a whole second passes without a request.
    const asks = () => host.heard.filter(heard => heard.case === "repairRequest").length
    let [before, after] = [-1, asks()]
    for (let second = 0; before !== after && second < 90; second++) {
      await lasting(1000)
      ;[before, after] = [after, asks()]
    }
    expect(after - before).toBe(0)
  })

  it("of documents that are none is refused, and said", async () => {
    const host = await Impostor.open()
    const { client } = await victim(host)
    const opening = client.document("notes", text, { signal: AbortSignal.timeout(1000) })
    await expect(opening).rejects.toMatchObject({ code: "Aborted" })
  })
})
