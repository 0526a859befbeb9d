/** WebSocket frames, heads and sessions, as pure functions: what one side writes the other reads, and junk harms nobody. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { concat, fromHex, toHex, utf8 } from "../../core/bytes.ts"
import { SeededRandom } from "../../core/random.ts"
import { Arena } from "../arena.ts"
import { encodeCommand } from "../command.ts"
import { encodeMessage } from "../frame.ts"
import { encodeGreeting } from "../greeting.ts"
import { Opcode } from "./opcode.ts"
import { WebSocketReader, type WebSocketSink } from "./reader.ts"
import { GreetingCutter, legAddress, splitLeg, ZwsSession } from "./session.ts"
import {
  encodeAcceptance,
  encodeRefusal,
  encodeRequest,
  HeadReader,
  headMax,
  parseRequest,
  parseResponse,
  subprotocolsFor,
  UpgradeRefusal,
} from "./upgrade.ts"
import { WebSocketWriter } from "./writer.ts"

const runs = Number(process.env["ZINC_FUZZ_RUNS"] ?? 100)
const maxFragmentedBytes = 1_000

class Sink implements WebSocketSink {
  readonly frames: Uint8Array[] = []
  readonly heard: string[] = []
  onFrames(bytes: Uint8Array): void {
    this.frames.push(bytes)
  }
  onFirst(flag: number, body: Uint8Array): boolean {
    this.heard.push(`first ${flag} ${toHex(body)}`)
    return flag === 2
  }
  onPing(payload: Uint8Array): void {
    this.heard.push(`ping ${toHex(payload)}`)
  }
  onPong(): void {
    this.heard.push("pong")
  }
  onPeerClose(): void {
    this.heard.push("close")
  }
  get octets(): string {
    return toHex(concat(this.frames))
  }
}

function subject(masked: boolean) {
  const sink = new Sink()
  const arena = new Arena()
  const reader = new WebSocketReader({ masked, maxFragmentedBytes, arena }, sink)
  return { sink, reader }
}

/** Reads in pieces; every piece is overwritten afterwards. */
function read(reader: WebSocketReader, bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.slice(at, at + size)
    const fault = reader.read(piece)
    piece.fill(0xee)
    if (fault !== undefined) return fault
  }
  return undefined
}

const never = () => false

describe("WebSocketReader and WebSocketWriter", () => {
  it("write a frame as one binary message: flag and body", () => {
    const writer = new WebSocketWriter(undefined)
    expect(toHex(concat(writer.write([encodeMessage([utf8("a"), utf8("bc")])], never)))).toBe(
      "8202" + "0161" + "8203" + "006263",
    )
    expect(toHex(concat(writer.write([encodeCommand("X")], never)))).toBe("82" + "03" + "02" + "0158")
  })

  it("agree on every message, masked or not, however it is cut", () => {
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.integer({ min: 100, max: 70_000 }).map(n => new Uint8Array(n).fill(n)),
    )
    const messages = fc.array(fc.array(body, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(
        messages,
        fc.boolean(),
        fc.oneof(fc.constant(1e9), fc.integer({ min: 1, max: 50 })),
        (sent, masked, size) => {
          const writer = new WebSocketWriter(masked ? new SeededRandom(1) : undefined)
          const { reader, sink } = subject(masked)
          const zmtp = sent.map(encodeMessage)
          const pieces = Math.max(size, Math.ceil(concat(zmtp).length / 2_000))
          expect(read(reader, concat(writer.write(zmtp, never)), pieces)).toBeUndefined()
          expect(sink.octets).toBe(toHex(concat(zmtp)))
        },
      ),
      { numRuns: runs },
    )
  })

  it("masks every message with a key of its own", () => {
    const writer = new WebSocketWriter(new SeededRandom(1))
    const wire = concat(writer.write([encodeMessage([utf8("same")]), encodeMessage([utf8("same")])], never))
    expect(toHex(wire.subarray(2, 6))).not.toBe(toHex(wire.subarray(13, 17)))
  })

  it("take commands out that travel otherwise", () => {
    const writer = new WebSocketWriter(new SeededRandom(1))
    const chunks = [encodeCommand("PING", new Uint8Array(2)), encodeMessage([utf8("x")])]
    const { reader, sink } = subject(true)
    read(reader, concat(writer.write(chunks, body => toHex(body) === toHex(utf8("\x04PING\0\0")))), 7)
    expect(sink.octets).toBe("000178")
  })

  it("reads a message in fragments, with control frames between them", () => {
    const { reader, sink } = subject(false)
    expect(read(reader, fromHex("02020061 8902aabb 000162 8a00 800163"), 1)).toBeUndefined()
    expect([sink.octets, sink.heard]).toEqual(["0003616263", ["ping aabb", "pong"]])
  })

  it("tells the first message, and passes it on only if it is a command", () => {
    for (const [wire, octets, heard] of [
      ["820100 82020061", "000161", ["first 0 "]],
      ["8203006d65 82020061", "000161", ["first 0 6d65"]],
      ["8203020158 82020061", "04020158000161", ["first 2 0158"]],
    ] as const) {
      for (const size of [1, 100]) {
        const { reader, sink } = subject(false)
        reader.expectsFirst = true
        expect(read(reader, fromHex(wire), size)).toBeUndefined()
        expect([sink.octets, sink.heard]).toEqual([octets, heard])
      }
    }
  })

  it.each([
    ["text", "8101 61", false],
    ["reserved bits", "c20100", false],
    ["an unknown kind", "830100", false],
    ["an unknown control frame", "8b00", false],
    ["a mask where none belongs", "8281 00000000 00", false],
    ["no mask where one belongs", "820100", true],
    ["a message without a flag", "8200", false],
    ["an unknown flag", "820103", false],
    ["a continuation of nothing", "800100", false],
    ["a message inside a message", "020100 820100", false],
    ["a control frame in fragments", "0900", false],
    ["a control frame that is too long", "897e0080", false],
    ["a size beyond all", "827f 2000000000000000", false],
    ["too long a message in fragments", "027e0400", false],
    ["an empty message in fragments", "0200 8000", false],
  ])("close on %s", (_, wire, masked) => {
    for (const size of [1, 100]) {
      const { reader, sink } = subject(masked)
      const padded = concat([fromHex(wire), new Uint8Array(2_000)])
      expect(read(reader, padded, size)?.code, `in pieces of ${size}`).toBe("BadFrame")
      expect(sink.octets).toBe("")
    }
  })

  it("stop at a Close", () => {
    const { reader, sink } = subject(false)
    expect(read(reader, fromHex("82020061 880203e8 82020062"), 100)).toBeUndefined()
    expect([sink.octets, sink.heard]).toEqual(["000161", ["close"]])
  })

  it("hold no more than the limit, whatever comes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 30 }),
        fc.boolean(),
        (chunks, masked) => {
          const { reader, sink } = subject(masked)
          let given = 0
          for (const chunk of chunks) {
            given += chunk.length
            if (reader.read(chunk) !== undefined) break
          }
          // Nine octets of head for what takes two at least on the wire, and whole fragments.
          expect(concat(sink.frames).length).toBeLessThanOrEqual(given * 2 + 9)
        },
      ),
      { numRuns: runs * 5 },
    )
  })
})

const request = { path: "/a", host: "h:1", key: "AAAAAAAAAAAAAAAAAAAAAA==", offers: ["ZWS2.0/NULL", "ZWS2.0"] }
function headOf(text: string, size = 1_000): HeadReader {
  const head = new HeadReader()
  const bytes = utf8(text)
  for (let at = 0; at < bytes.length; at += size) if (head.read(bytes.subarray(at, at + size))) break
  return head
}

describe("The upgrade", () => {
  it("is asked for and understood, cut anywhere, and leaves what follows", () => {
    for (const size of [1, 3, 1_000]) {
      const head = headOf(`${encodeRequest(request)}rest`, size)
      expect(parseRequest(head)).toEqual({ ...request, origin: undefined })
      if (size === 1_000) expect(Buffer.from(head.rest).toString()).toBe("rest")
    }
  })

  it("is answered in libzmq's exact form", () => {
    expect(encodeAcceptance("xyz=", "ZWS2.0/NULL")).toBe(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        "Sec-WebSocket-Accept: xyz=\r\nSec-WebSocket-Protocol: ZWS2.0/NULL\r\n\r\n",
    )
  })

  const good = encodeRequest(request)
  it.each([
    ["another method", good.replace("GET", "POST"), "405"],
    ["HTTP/1.0", good.replace("HTTP/1.1", "HTTP/1.0"), "400"],
    ["no request at all", "hello\r\n\r\n", "400"],
    ["no upgrade", good.replace("Upgrade: websocket\r\n", ""), "426"],
    ["another upgrade", good.replace("websocket", "h2c"), "426"],
    ["another version", good.replace("Version: 13", "Version: 8"), "426"],
    [
      "two versions",
      good.replace("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13"),
      "426",
    ],
    ["a short key", good.replace(request.key, "AAAA"), "400"],
    ["a folded line", good.replace("Host:", " folded\r\nHost:"), "400"],
    ["a name with a blank", good.replace("Host:", "Host :"), "400"],
    ["too much", good.replace("\r\n\r\n", `\r\nX: ${"x".repeat(headMax)}\r\n\r\n`), "431"],
    ["too many lines", good.replace("\r\n\r\n", `${"\r\nX: 1".repeat(100)}\r\n\r\n`), "431"],
  ])("is refused for %s", (_, text, status) => {
    const answer = parseRequest(headOf(text, 100))
    expect(answer).toBeInstanceOf(UpgradeRefusal)
    expect(encodeRefusal(answer as UpgradeRefusal)).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  })

  it("is read without harm whatever comes, in bounded memory", () => {
    const text = fc.string({
      unit: fc.constantFrom("GET ", "/", " HTTP/1.1", "\r\n", ":", "Upgrade", "websocket", "\0", "é", " "),
      maxLength: 200,
    })
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 50 }), (sent, size) => {
        const head = headOf(sent, size)
        const answer = parseRequest(head)
        expect(answer instanceof UpgradeRefusal || typeof answer.key === "string").toBe(true)
      }),
      { numRuns: runs * 3 },
    )
  })

  const offers = subprotocolsFor("NULL")
  const answer = encodeAcceptance("right", "ZWS2.0")
  it("takes the answer that fits", () => {
    expect(parseResponse(headOf(answer), { accept: "right", offers })).toMatchObject({ name: "ZWS2.0", bare: true })
  })
  it.each([
    ["404", answer.replace("101 Switching Protocols", "404 Not Found"), false],
    ["503", answer.replace("101 Switching Protocols", "503 Busy"), true],
    ["another key's answer", answer.replace("right", "wrong"), false],
    ["another protocol", answer.replace("ZWS2.0", "chat"), false],
    ["an extension", answer.replace("\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"), false],
    ["no HTTP", "SSH-2.0\r\n\r\n", false],
  ])("does not take %s", (_, text, retryable) => {
    expect(parseResponse(headOf(text), { accept: "right", offers })).toMatchObject({
      code: "HandshakeFailed",
      retryable,
    })
  })

  it("offers a connection without mechanism only where none is wanted", () => {
    expect(subprotocolsFor("NULL").map(each => each.name)).toEqual(["ZWS2.0/NULL", "ZWS2.0"])
    expect(subprotocolsFor("CURVE").map(each => each.name)).toEqual(["ZWS2.0/CURVE"])
  })
})

describe("A connection without mechanism", () => {
  const bare = subprotocolsFor("NULL")[1]!
  const ready = utf8("\x05READY\x0bSocket-Type\0\0\0\x06ROUTER\x08Identity\0\0\0\x02me")

  it("begins with names, the client's first; a path says what a client is", () => {
    const client = new ZwsSession({ subprotocol: bare, client: true, peerType: undefined })
    expect(client.ready(ready)).toEqual({ isCommand: false, body: utf8("me") })
    const server = new ZwsSession({ subprotocol: bare, client: false, peerType: "SUB" })
    expect(server.ready(ready)).toBeUndefined()
    const first = server.first(false, utf8("you"))
    expect(Buffer.from(first.ready!).toString("latin1")).toContain("Socket-Type\0\0\0\x03SUB")
    expect(first.answer).toEqual({ isCommand: false, body: utf8("me") })
  })

  it("is a handshake after all with those who begin with a command", () => {
    const server = new ZwsSession({ subprotocol: bare, client: false, peerType: undefined })
    server.ready(ready)
    expect(server.first(true, ready)).toEqual({ ready: undefined, answer: { isCommand: true, body: ready } })
  })

  it("is of version 3.0 to the engine, for subscriptions are messages there", () => {
    const session = new ZwsSession({ subprotocol: bare, client: true, peerType: undefined })
    expect([...session.greeting().subarray(10, 16)]).toEqual([3, 0, 0x4e, 0x55, 0x4c, 0x4c])
  })
})

it("The engine's greeting is taken off, cut anywhere, and its mechanism read", () => {
  const octets = concat([encodeGreeting("CURVE", true), utf8("rest")])
  for (const size of [1, 10, 64, 65, 100]) {
    const cutter = new GreetingCutter()
    const rest: Uint8Array[] = []
    for (let at = 0; at < octets.length; at += size) rest.push(...cutter.cut([octets.subarray(at, at + size)]))
    expect([cutter.mechanism, Buffer.from(concat(rest)).toString()]).toEqual(["CURVE", "rest"])
  }
})

it("Addresses of legs are below the host's, once", () => {
  expect(legAddress("ws://h:1", "DEALER")).toBe("ws://h:1/control")
  expect(legAddress("wss://h:1/base/?t=1", "SUB")).toBe("wss://h:1/base/publish?t=1")
  expect(legAddress("ws://h:1/push", "PUSH")).toBe("ws://h:1/push")
  expect(legAddress("tcp://h:1", "PUSH")).toBe("tcp://h:1")
  expect(splitLeg("/base/publish")).toEqual({ base: "/base", peerType: "SUB" })
  expect(splitLeg("/other")).toEqual({ base: "/other", peerType: undefined })
  expect(Opcode.Binary).toBe(2)
})
