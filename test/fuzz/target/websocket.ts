/** WebSocket connections: the request and the answer that begin them, and the frames after them, from both sides. */
import { createHash } from "node:crypto"
import { concat, fromHex, utf8 } from "../../../src/core/bytes.ts"
import { SeededRandom } from "../../../src/core/random.ts"
import type { SimulatedClock } from "../../../src/core/simulated-clock.ts"
import { WebSocketStream } from "../../../src/transport/carrier/websocket-stream.ts"
import type { ByteStream } from "../../../src/transport/carrier.ts"
import { encodeReady } from "../../../src/zmtp/command.ts"
import {
  acceptSuffix,
  encodeAcceptance,
  encodeRefusal,
  encodeRequest,
  HeadReader,
  parseRequest,
  UpgradeRefusal,
} from "../../../src/zmtp/websocket/upgrade.ts"
import { pieces } from "../cutting.ts"
import type { HostileStream } from "../hostile-stream.ts"
import { runConnection } from "../subject.ts"
import { type FuzzTarget, must } from "../target.ts"

/** What the stream under test draws for its key, and the answer to it. */
const clientKey = () => Buffer.from(new SeededRandom(5).bytes(16)).toString("base64")
const serverKey = "dGhlIHNhbXBsZSBub25jZQ=="

const request = (offers: string) =>
  utf8(encodeRequest({ path: "/zinc/control", host: "127.0.0.1:7700", key: serverKey, offers: offers.split(",") }))

const requestWords = [
  "GET ",
  "POST ",
  "HTTP/1.1",
  "HTTP/1.0",
  "\r\n",
  "\r\n\r\n",
  "\n",
  ":",
  " ",
  "\t",
  "\0",
  "Upgrade: websocket\r\n",
  "Connection: keep-alive, Upgrade\r\n",
  "Sec-WebSocket-Version: 8\r\n",
  "Sec-WebSocket-Extensions: permessage-deflate\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Content-Length: 5\r\n",
  "Origin: null\r\n",
  "Host: a\r\nHost: b\r\n",
  "//",
  "?",
  "#",
  "%00",
  "http://x/y",
  "ZWS2.0/NULL",
  "ZWS2.0",
].map(utf8)

const upgradeRequest: FuzzTarget = {
  name: "ws-request",
  about: "the HTTP request of a WebSocket client: the same whole and in pieces",
  seeds: () => [request("ZWS2.0/NULL"), request("ZWS2.0"), request("ZWS2.0/CURVE,ZWS2.0/NULL,chat")],
  words: requestWords,
  bytesMax: 12 * 1024,
  run(input) {
    const read = (parts: readonly Uint8Array[]) => {
      const head = new HeadReader()
      for (const [index, part] of parts.entries()) {
        if (!head.read(new Uint8Array(part))) continue
        const rest = concat([head.rest, ...parts.slice(index + 1)])
        return { asked: parseRequest(head), rest: head.tooLong ? -1 : rest.length }
      }
      return undefined
    }
    const whole = read([input.bytes])
    // A head that is too long is noticed sooner or later by how it comes, but noticed.
    const cut = read(pieces(input.bytes, input.cut))
    const told = JSON.stringify(whole)
    must(told === JSON.stringify(cut), () => `whole it is ${told}; in pieces ${JSON.stringify(cut)}`)
    if (whole === undefined) return "unfinished"
    if (whole.asked instanceof UpgradeRefusal) {
      const text = encodeRefusal(whole.asked)
      must(/^HTTP\/1\.1 4\d\d [ -~]+\r\n/.test(text), () => `a refusal that begins ${text.slice(0, 80)}`)
      return `refused: ${whole.asked.status.slice(0, 3)}`
    }
    return "taken"
  },
}

/** A frame as a client (with this mask) or a server sends it. */
function frame(head: number, payload: Uint8Array, mask?: readonly number[]): Uint8Array {
  const bit = mask === undefined ? 0 : 0x80
  const size = payload.length < 126 ? [bit | payload.length] : [bit | 126, payload.length >>> 8, payload.length & 0xff]
  const body = mask === undefined ? payload : payload.map((octet, i) => octet ^ mask[i & 3]!)
  return concat([Uint8Array.of(head, ...size, ...(mask ?? [])), body])
}

/** Frames of a peer that says READY, talks, pings, sends in fragments and closes. */
function talk(type: string, mask?: readonly number[]): Uint8Array {
  const ready = encodeReady([["Socket-Type", utf8(type)]])
  return concat([
    frame(0x82, concat([Uint8Array.of(2), ready.subarray(2)]), mask),
    frame(0x82, concat([Uint8Array.of(0), utf8("a message")]), mask),
    frame(0x89, utf8("ping"), mask),
    frame(0x82, concat([Uint8Array.of(1), utf8("first part")]), mask),
    frame(0x02, Uint8Array.of(0), mask),
    frame(0x00, utf8("in "), mask),
    frame(0x8a, new Uint8Array(0), mask),
    frame(0x80, new Uint8Array(300), mask),
    frame(0x88, Uint8Array.of(3, 232), mask),
  ])
}

const frameWords = [
  "8200",
  "828000000000",
  "8201 00",
  "82fe0000",
  "827f0000000000010000",
  "82ff2000000000000000",
  "8900",
  "897e007e",
  "0200",
  "8000",
  "0000",
  "8801 00",
  "8100",
  "c200",
  "8b00",
  "820100",
  "820102",
  "8203ff0000",
].map(fromHex)

const serverStream =
  (offers: readonly string[]) =>
  (stream: HostileStream, clock: SimulatedClock): ByteStream => {
    const upgraded = new WebSocketStream(
      stream,
      { side: "server", key: serverKey, offers, peerType: "DEALER", rest: new Uint8Array(0) },
      { clock, random: new SeededRandom(5), maxFragmentedBytes: 64 * 1024 },
    )
    // Who read the request passes on what comes after it.
    stream.start(upgraded)
    return upgraded
  }
const clientStream = (stream: HostileStream, clock: SimulatedClock): ByteStream =>
  new WebSocketStream(
    stream,
    { side: "client", path: "/zinc", host: "127.0.0.1:7700" },
    { clock, random: new SeededRandom(5), maxFragmentedBytes: 64 * 1024 },
  )

const mask = [0x11, 0x22, 0x33, 0x44]
const answer = (protocol: string) => utf8(encodeAcceptance(acceptOf(clientKey()), protocol))

export const webSockets: readonly FuzzTarget[] = [
  upgradeRequest,
  {
    name: "ws-server",
    about: "frames of a WebSocket client, and what is in them",
    seeds: () => [talk("DEALER", mask).slice(0, -8), talk("DEALER", mask), talk("DEALER", [0, 0, 0, 0])],
    words: frameWords,
    bytesMax: 96 * 1024,
    run: input => runConnection(input, { over: serverStream(["ZWS2.0/NULL"]) }),
  },
  {
    name: "ws-server-bare",
    about: "frames of a WebSocket client without a mechanism, which begins with its name",
    seeds: () => [
      concat([frame(0x82, utf8("\0me"), mask), frame(0x82, utf8("\0hello"), mask)]),
      talk("DEALER", [0, 0, 0, 0]),
    ],
    words: frameWords,
    bytesMax: 96 * 1024,
    run: input => runConnection(input, { over: serverStream(["ZWS2.0"]) }),
  },
  {
    name: "ws-client",
    about: "the answer of a WebSocket server, and its frames",
    seeds: () => [
      concat([answer("ZWS2.0/NULL"), talk("ROUTER")]),
      concat([answer("ZWS2.0"), frame(0x82, utf8("\0host")), frame(0x82, utf8("\0hello"))]),
      utf8("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"),
    ],
    words: [...frameWords, ...requestWords, utf8("HTTP/1.1 101 Switching Protocols\r\n")],
    bytesMax: 96 * 1024,
    run: input => runConnection(input, { over: clientStream, announces: true, socketType: "DEALER" }),
  },
]

function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}${acceptSuffix}`).digest("base64")
}
