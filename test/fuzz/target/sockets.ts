/** A socket of every type, bound or connected, whose peer speaks as it likes and whose application goes on using it. */
import { concat, utf8 } from "../../../src/core/bytes.ts"
import { ZincError } from "../../../src/core/errors.ts"
import { RecordingLogger } from "../../../src/core/logger.ts"
import { SeededRandom } from "../../../src/core/random.ts"
import { SimulatedClock } from "../../../src/core/simulated-clock.ts"
import { Dealer } from "../../../src/transport/zmtp/socket/dealer.ts"
import { Pair } from "../../../src/transport/zmtp/socket/pair.ts"
import type { PatternSocket } from "../../../src/transport/zmtp/socket/pattern-socket.ts"
import { Pub } from "../../../src/transport/zmtp/socket/pub.ts"
import { Pull } from "../../../src/transport/zmtp/socket/pull.ts"
import { Push } from "../../../src/transport/zmtp/socket/push.ts"
import { Rep } from "../../../src/transport/zmtp/socket/rep.ts"
import { Req } from "../../../src/transport/zmtp/socket/req.ts"
import { Router } from "../../../src/transport/zmtp/socket/router.ts"
import type { PatternSocketOptions } from "../../../src/transport/zmtp/socket/socket-options.ts"
import { Stream } from "../../../src/transport/zmtp/socket/stream.ts"
import { Sub } from "../../../src/transport/zmtp/socket/sub.ts"
import { XPub } from "../../../src/transport/zmtp/socket/xpub.ts"
import { XSub } from "../../../src/transport/zmtp/socket/xsub.ts"
import { encodeCancel, encodePing, encodeReady, encodeSubscribe } from "../../../src/zmtp/command.ts"
import { encodeMessage } from "../../../src/zmtp/frame.ts"
import { encodeGreeting } from "../../../src/zmtp/greeting.ts"
import { pieces } from "../cutting.ts"
import { HostileCarrier } from "../hostile-carrier.ts"
import { advance, documented, settle } from "../subject.ts"
import { type FuzzTarget, must } from "../target.ts"
import { heads } from "./frames.ts"

/** Each type, how it is made, and a type that may talk to it. */
const types: readonly (readonly [string, (options: PatternSocketOptions) => PatternSocket, string])[] = [
  ["pair", options => new Pair(options), "PAIR"],
  ["dealer", options => new Dealer({ ...options, identity: utf8("dealer") }), "ROUTER"],
  ["router", options => new Router({ ...options, handover: true }), "DEALER"],
  ["req", options => new Req({ ...options, relaxed: true, correlate: true }), "REP"],
  ["rep", options => new Rep(options), "REQ"],
  ["pub", options => new Pub(options), "SUB"],
  ["sub", options => new Sub(options), "PUB"],
  ["xpub", options => new XPub({ ...options, manual: true, verboser: true, welcome: utf8("welcome") }), "XSUB"],
  ["xsub", options => new XSub(options), "XPUB"],
  ["push", options => new Push(options), "PULL"],
  ["pull", options => new Pull({ ...options, conflate: true }), "PUSH"],
  ["stream", options => new Stream(options), ""],
]

const message = (...frames: string[]) => encodeMessage(frames.map(utf8))

/** What an honest peer of any type might say. */
const talk = concat([
  message("", "a request"),
  message("me", "", "a request of a router"),
  message("\x01topic"),
  message("\x00topic"),
  encodeSubscribe(utf8("top")),
  encodeSubscribe(utf8("")),
  encodeCancel(utf8("top")),
  encodePing(3, utf8("context")),
  message("one", "two", "three"),
])

export const sockets: readonly FuzzTarget[] = types.map(([name, make, peer], index) => ({
  name: `socket-${name}`,
  about: `${name.toUpperCase()}: bound and connected, with an application that sends and receives`,
  seeds: () => {
    const hello = [
      encodeGreeting("NULL"),
      encodeReady([
        ["Socket-Type", utf8(peer)],
        ["Identity", utf8("me")],
      ]),
    ]
    return [concat([...hello, talk]), concat([...hello, message("", "a request"), message("", "another")])]
  },
  words: [...heads, message(""), message("", ""), encodeSubscribe(utf8("a")), encodeCancel(utf8("a"))],
  bytesMax: 64 * 1024,
  async run(input) {
    const clock = new SimulatedClock()
    const logger = new RecordingLogger()
    const random = new SeededRandom(input.cut + index)
    const carrier = new HostileCarrier(clock)
    const socket = make({
      clock,
      logger,
      random,
      carriers: [carrier],
      maxMessageBytes: 32 * 1024,
      receiveHighWaterMark: 20,
    })
    const failures: string[] = []
    socket.events.on("*", event => {
      if ("error" in event && event.error !== undefined) {
        failures.push(event.error.code)
        documented(event.error)
      }
    })
    const bound = random.below(2) === 0
    if (bound) await socket.bind("tcp://*:*")
    else socket.connect("tcp://127.0.0.1:1")
    await settle(clock)
    const stream = bound ? carrier.knock() : carrier.dialled[0]!
    if (socket instanceof Sub) socket.subscribe(utf8("to"))
    for (const part of pieces(input.bytes, input.cut)) {
      stream.say(part)
      if (random.below(3) === 0) await settle(clock)
      use(socket, random)
    }
    await settle(clock)
    for (let i = 0; i < 30; i++) use(socket, random)
    stream.leave()
    await advance(clock, 1_000)
    const closing = socket.close({ lingerMs: 0 })
    await settle(clock)
    await advance(clock, 5_000)
    await closing
    must(socket.peers.length === 0, () => "it has peers after its end")
    for (const record of logger.records)
      must(record.level !== "error", () => `logged: ${record.message} ${record.fields?.error}`)
    return failures.length === 0 ? "taken" : `refused: ${failures[0]}`
  },
}))

/** What an application does, right or wrong; a wrong turn is its own affair and throws a ZincError. */
function use(socket: PatternSocket, random: SeededRandom): void {
  const surface = socket as Partial<Record<"poll" | "send", (...values: unknown[]) => unknown>>
  try {
    const got = surface.poll?.call(socket) as Uint8Array[] | undefined
    if (socket instanceof Sub) return
    if (got !== undefined && random.below(2) === 0) surface.send?.call(socket, got)
    else if (random.below(4) === 0)
      surface.send?.call(socket, [utf8("me"), utf8("topic"), random.bytes(random.below(400))])
    if (socket instanceof XPub && got !== undefined && random.below(2) === 0) socket.subscribe(utf8("t"))
  } catch (thrown) {
    const known = ["WrongState", "BadOption", "Unsupported", "NoSuchPeer", "Unreachable", "Closed"]
    must(ZincError.is(thrown) && known.includes(thrown.code), () => String((thrown as Error)?.stack ?? thrown))
  }
}
