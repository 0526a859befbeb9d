/**
 * Whole endpoints under hostile others: a host whose clients say what they like on all three legs, and a client whose
 * host does. An input is a list of deeds; see `deedsOf`.
 */
import { concat, fromHex, toHex, utf8 } from "../../../src/core/bytes.ts"
import { ZincError } from "../../../src/core/errors.ts"
import { RecordingLogger } from "../../../src/core/logger.ts"
import { SeededRandom } from "../../../src/core/random.ts"
import { SimulatedClock } from "../../../src/core/simulated-clock.ts"
import { fragmentFrame, noticeFrame } from "../../../src/document/document-message.ts"
import { text } from "../../../src/document/yjs/text.ts"
import { decodeControl, encodeBaseline, encodeControl, encodeMark } from "../../../src/message/control.ts"
import { encodeHeader, Kind } from "../../../src/message/header.ts"
import { encodeTopic, TopicKind } from "../../../src/message/topic.ts"
import { Endpoint } from "../../../src/zinc.ts"
import { HostileTransport } from "../hostile-transport.ts"
import { documented } from "../subject.ts"
import { type FuzzTarget, must } from "../target.ts"
import { allHex } from "../vectors.ts"

/** Stands in a payload for what the host gave the speaker: its session, its private prefix. */
const session = utf8("SESSION-SESSION-")
const prefix = utf8("PRIVATE-PREFIX--")

/** One octet: leg (low two bits) and connection (the others); one or two of length (frames are split at `|FRAME|`). */
interface Deed {
  readonly leg: number
  readonly connection: number
  readonly frames: readonly Uint8Array[]
}
const between = utf8("|FRAME|")

function deed(leg: number, connection: number, ...frames: Uint8Array[]): Uint8Array {
  const body = concat(frames.flatMap((frame, i) => (i === 0 ? [frame] : [between, frame])))
  return concat([Uint8Array.of(leg | (connection << 2), body.length >>> 8, body.length & 0xff), body])
}

function deedsOf(bytes: Uint8Array): Deed[] {
  const deeds: Deed[] = []
  for (let at = 0; at + 3 <= bytes.length && deeds.length < 400; ) {
    const length = (bytes[at + 1]! << 8) | bytes[at + 2]!
    const body = bytes.subarray(at + 3, at + 3 + length)
    deeds.push({ leg: bytes[at]! & 3, connection: 1 + ((bytes[at]! >> 2) & 3), frames: split(body) })
    at += 3 + length
  }
  return deeds
}

function split(body: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = []
  let from = 0
  for (let at = 0; at + between.length <= body.length && frames.length < 20; at++) {
    if (body[at] !== 0x7c || !between.every((octet, i) => body[at + i] === octet)) continue
    frames.push(body.subarray(from, at))
    at += between.length - 1
    from = at + 1
  }
  frames.push(body.subarray(from))
  return frames
}

/** With every `sign` replaced. */
function filled(frame: Uint8Array, sign: Uint8Array, by: Uint8Array): Uint8Array {
  const hex = toHex(frame)
  const at = hex.indexOf(toHex(sign))
  return at < 0 || at % 2 === 1 ? frame : concat([frame.subarray(0, at / 2), by, frame.subarray(at / 2 + sign.length)])
}

const id = (octet: number) => {
  const bytes = new Uint8Array(16).fill(octet)
  bytes[6] = 0x40
  bytes[8] = 0x80
  return bytes
}

const pushed = (topic: string, number: number, payload: Uint8Array, kind: number = Kind.Broadcast, ordered = false) => [
  encodeTopic(ordered ? TopicKind.Ordered : TopicKind.Nearest, topic),
  encodeHeader({
    kind: kind as Kind,
    flags: 0,
    codec: 1,
    hops: 10,
    epoch: 0,
    ageMicros: 0,
    origin: id(1),
    sequence: number,
    order: 0,
    extensions: new Uint8Array(0),
    leg: { way: "up", session, number },
  }),
  payload,
]

const join = encodeControl({ case: "join", value: { versionMin: 1, versionMax: 1, endpointId: id(1), name: "guest" } })
const joining = concat([
  deed(0, 0, join),
  deed(1, 0, prefix, utf8("d\0")),
  deed(1, 0, prefix, utf8("1\0")),
  deed(1, 0, utf8("news")),
  deed(0, 0, encodeControl({ case: "sync", value: { number: 1, prefixes: [utf8("news")] } })),
])

class Crowd {
  readonly transport: HostileTransport = new HostileTransport()
  readonly clock: SimulatedClock = new SimulatedClock()
  readonly logger: RecordingLogger = new RecordingLogger()

  checkLog(): void {
    for (const { level, message, fields } of this.logger.records) {
      const error = fields?.error
      must(level !== "error", () => `logged: ${message} ${error instanceof Error ? error.stack : String(error)}`)
    }
  }
  async settle(ms = 0): Promise<void> {
    for (let i = 0; i < 4; i++) {
      this.clock.advance(i === 0 ? ms : 0)
      for (let turn = 0; turn < 8; turn++) await Promise.resolve()
    }
  }
}

const host: FuzzTarget = {
  name: "host",
  about: "a host: control messages, subscriptions and pushed frames of hostile clients, beside an honest one",
  seeds: () => [
    joining,
    concat([
      joining,
      deed(2, 0, ...pushed("news", 1, utf8("1"))),
      deed(2, 0, ...pushed("news", 2, utf8("2"), Kind.Broadcast, true)),
    ]),
    concat([joining, ...allHex("control.json").map(hex => deed(0, 0, hex))]),
    ...allHex("control.json").map(hex => concat([joining, deed(0, 0, hex)])),
    ...allHex("headers.json").map(hex => concat([joining, deed(2, 0, utf8("mnews\0"), hex, utf8("payload"))])),
    ...allHex("document.json").map(hex => concat([joining, deed(2, 0, ...pushed("~document/x", 1, hex))])),
    concat([joining, deed(3, 0), deed(0, 1, join), deed(3, 1)]),
  ],
  words: [session, prefix, between, utf8("news"), utf8("~document/sync"), id(1), id(2), deed(3, 0), joining],
  bytesMax: 32 * 1024,
  async run({ bytes }) {
    const crowd = new Crowd()
    const { transport, clock, logger } = crowd
    const known = new Map<number, { session: Uint8Array; prefix: Uint8Array }>()
    transport.onSent = (connection, frames) => {
      if (connection === 0 || frames.length === 0) return
      try {
        const { body } = decodeControl(frames[0]!)
        if (body.case === "accept")
          known.set(connection, { session: body.value.session, prefix: body.value.privatePrefix })
      } catch {
        // Not a control message: something published to one.
      }
    }
    const endpoint = await Endpoint.host({
      listen: "sim://hub",
      name: "hub",
      transport,
      clock,
      logger,
      random: new SeededRandom(1),
    })
    endpoint.handle("news", () => {})
    endpoint.on("*", () => {})
    // Who is honest: of a connection number of its own.
    const honest = 900
    transport.routerHandler!.onConnect?.(honest, "sim://honest")
    transport.give(transport.routerHandler, honest, [
      encodeControl({ case: "join", value: { versionMin: 1, versionMax: 1, endpointId: id(9), name: "honest" } }),
    ])
    await crowd.settle()
    must(known.has(honest), () => "the honest client was not let in")
    const connected = new Set<number>()
    // It answers no heartbeat, and would rightly be cut off if more time than this went by.
    let patienceMs = 400
    const number = (leg: number, connection: number) => 1 + leg * 100 + connection
    for (const { leg, connection, frames } of deedsOf(bytes)) {
      const mine = known.get(number(0, connection))
      const whole = frames.map(frame =>
        mine === undefined ? frame : filled(filled(frame, session, mine.session), prefix, mine.prefix),
      )
      if (leg === 3) {
        // It goes, and comes back as somebody else.
        for (let one = 0; one < 3; one++) {
          const gone = number(one, connection)
          if (!connected.delete(gone)) continue
          const handlers = [transport.routerHandler, transport.publisherHandler, transport.pullerHandler]
          handlers[one]!.onDisconnect?.(gone)
          known.delete(gone)
        }
        const ms = Math.min(frames[0]!.length, patienceMs)
        patienceMs -= ms
        await crowd.settle(ms)
        continue
      }
      const at = number(leg, connection)
      if (transport.cut.has(at)) {
        // Cut off: its end is told, as a transport would, and nothing more comes.
        if (connected.delete(at)) {
          const handlers = [transport.routerHandler, transport.publisherHandler, transport.pullerHandler]
          handlers[leg]!.onDisconnect?.(at)
        }
        continue
      }
      if (leg === 0) {
        if (!connected.has(at)) transport.routerHandler!.onConnect?.(at, "sim://guest")
        connected.add(at)
        transport.give(transport.routerHandler, at, whole)
      } else if (leg === 1) {
        if (!connected.has(at)) transport.publisherHandler!.onConnect?.(at, "sim://guest")
        connected.add(at)
        transport.publisherHandler!.onSubscribe(at, concat(whole))
      } else {
        if (!connected.has(at)) transport.pullerHandler!.onConnect?.(at, "sim://guest")
        connected.add(at)
        transport.give(transport.pullerHandler, at, whole)
      }
      await crowd.settle()
    }
    must(!transport.cut.has(honest), () => "the honest client was cut off")
    transport.give(transport.routerHandler, honest, [encodeControl({ case: "heartbeatReply", value: { count: 1n } })])
    await crowd.settle(100)
    must(!transport.cut.has(honest), () => "the honest client was cut off")
    must(endpoint.state === "open", () => `the host is ${endpoint.state}`)
    const closing = endpoint.close({ timeoutMs: 100 })
    for (let i = 0; i < 40; i++) await crowd.settle(250)
    await closing
    crowd.checkLog()
    return transport.cut.size === 0 ? "taken" : "cut off"
  },
}

const accept = encodeControl({
  case: "accept",
  value: {
    version: 1,
    tree: "zinc",
    generation: id(9),
    hostId: id(8),
    hostName: "hostile",
    incarnation: 7,
    link: 1,
    session: id(5),
    privatePrefix: utf8("~000000010011223344556677."),
    ticket: id(5),
    limits: { heartbeatMs: 250, heartbeatMisses: 3, sessionKeepMs: 5_000 },
  },
})
const down = (topic: Uint8Array, number: number, previous: number, kind: number, payload: Uint8Array) => [
  topic,
  encodeHeader({
    kind: kind as Kind,
    flags: 0,
    codec: 1,
    hops: 10,
    epoch: 0,
    ageMicros: 0,
    origin: id(3),
    sequence: number,
    order: 0,
    extensions: new Uint8Array(0),
    leg: { way: "down", incarnation: 7, link: 0, number, previous },
  }),
  payload,
]
const baseline = (number: number) =>
  deed(
    1,
    0,
    ...down(
      utf8(`~000000010011223344556677.${number}\0`),
      number,
      0,
      Kind.Baseline,
      encodeBaseline({ number, published: BigInt(number), positionsComplete: true, incarnation: 7 }),
    ),
  )
const accepted = concat([deed(0, 0, accept), baseline(1)])
const news = encodeTopic(TopicKind.Nearest, "news")

const client: FuzzTarget = {
  name: "client",
  about: "a client: control messages and published frames of a hostile host",
  seeds: () => [
    accepted,
    concat([
      accepted,
      deed(1, 0, ...down(news, 2, 0, Kind.Broadcast, utf8("1"))),
      deed(1, 0, ...down(news, 5, 3, Kind.Broadcast, utf8("2"))),
    ]),
    concat([accepted, deed(1, 0, ...down(utf8("mmark\0"), 2, 0, Kind.Mark, encodeMark({})))]),
    ...allHex("control.json").map(hex => concat([accepted, deed(0, 0, hex)])),
    ...allHex("headers.json").map(hex => concat([accepted, deed(1, 0, news, hex, utf8("payload"))])),
    ...[fragmentFrame(fromHex("010101000401047465787402686900")), noticeFrame({})].map(frame =>
      concat([
        accepted,
        deed(1, 0, ...down(encodeTopic(TopicKind.Nearest, "~document/x"), 2, 0, Kind.Broadcast, frame)),
      ]),
    ),
    concat([accepted, deed(3, 0), accepted, deed(3, 1)]),
  ],
  words: [between, news, accepted, baseline(2), id(3), utf8("~000000010011223344556677.")],
  bytesMax: 32 * 1024,
  async run({ bytes }) {
    const crowd = new Crowd()
    const { transport, clock, logger } = crowd
    let endpoint: Endpoint | undefined
    let failure: unknown
    const joining = Endpoint.join("sim://hub", {
      name: "guest",
      transport,
      clock,
      logger,
      random: new SeededRandom(1),
      joinTimeoutMs: 1_000,
    }).then(
      opened => {
        endpoint = opened
        endpoint.handle("news", () => {})
        endpoint.on("*", () => {})
        endpoint.document("x", text).catch(ignoreRefusal)
        endpoint.request("nobody", "question", { deadlineMs: 500 }).catch(ignoreRefusal)
      },
      (thrown: unknown) => {
        failure = thrown
      },
    )
    await crowd.settle()
    for (const { leg, connection, frames } of deedsOf(bytes)) {
      if (leg === 0) transport.give(transport.dealerHandler, 1, frames)
      else if (leg === 1 || leg === 2) transport.give(transport.subscriberHandler, 1, frames)
      else {
        const legs = [transport.dealerHandler, transport.subscriberHandler, transport.pusherHandler]
        legs[connection % 3]?.onDisconnect?.()
        await crowd.settle(frames[0]!.length)
      }
      await crowd.settle()
    }
    try {
      endpoint?.send("news", "still here")
    } catch (thrown) {
      documentedOf(thrown, ["Closed", "WrongState"])
    }
    for (let i = 0; i < 10; i++) await crowd.settle(500)
    const closing = endpoint?.close({ timeoutMs: 100 })
    for (let i = 0; i < 40; i++) await crowd.settle(500)
    await closing
    await joining
    crowd.checkLog()
    if (failure === undefined) return "joined"
    documentedOf(failure, ["Refused", "Timeout", "Unreachable", "Aborted", "Full", "VersionMismatch"])
    return `refused: ${(failure as ZincError).code}`
  },
}

function ignoreRefusal(thrown: unknown): void {
  if (!ZincError.is(thrown)) throw thrown
}
function documentedOf(thrown: unknown, codes: readonly string[]): void {
  if (ZincError.is(thrown) && codes.includes(thrown.code)) return
  documented(thrown)
}

export const endpoints: readonly FuzzTarget[] = [host, client]
