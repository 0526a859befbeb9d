/**
 * A publisher's table of who wants what, filled and emptied by hostile subscribers, beside a table made of one loop: who
 * gets which message must be the same.
 */
import { concat, toHex, utf8 } from "../../../src/core/bytes.ts"
import { SeededRandom } from "../../../src/core/random.ts"
import { SimulatedClock } from "../../../src/core/simulated-clock.ts"
import { ZmtpTransport } from "../../../src/transport/zmtp/zmtp-transport.ts"
import { encodeCancel, encodeReady, encodeSubscribe } from "../../../src/zmtp/command.ts"
import { encodeMessage } from "../../../src/zmtp/frame.ts"
import { encodeGreeting } from "../../../src/zmtp/greeting.ts"
import { pieces } from "../cutting.ts"
import { HostileCarrier } from "../hostile-carrier.ts"
import type { HostileStream } from "../hostile-stream.ts"
import { settle } from "../subject.ts"
import { type FuzzTarget, must } from "../target.ts"

const maxSubscriptionBytes = 8 * 1024

/** One octet says what, one how long the topic is, then the topic. */
type Step = { readonly what: number; readonly topic: Uint8Array }
function stepsOf(bytes: Uint8Array): Step[] {
  const steps: Step[] = []
  for (let at = 0; at + 1 < bytes.length && steps.length < 4_000; ) {
    const length = Math.min(bytes[at + 1]! * (bytes[at]! >= 0xf0 ? 16 : 1), bytes.length - at - 2)
    steps.push({ what: bytes[at]!, topic: bytes.subarray(at + 2, at + 2 + length) })
    at += 2 + length
  }
  return steps
}
const step = (what: number, topic: Uint8Array) => concat([Uint8Array.of(what, topic.length), topic])

export const subscriptions: FuzzTarget = {
  name: "subscriptions",
  about: "many, long and deep subscriptions of three subscribers; who gets what is compared with a plain loop",
  seeds: () => [
    concat(["", "a", "ab", "abc", "abd", "b"].map((topic, i) => step(i % 3, utf8(topic)))),
    concat(Array.from({ length: 100 }, (_, i) => step(i % 6, utf8("deep".repeat(60).slice(0, 1 + i * 2))))),
    concat(Array.from({ length: 200 }, (_, i) => step(i % 3, Uint8Array.of(i & 0xff, i >> 4, 7)))),
    concat(Array.from({ length: 12 }, (_, i) => concat([Uint8Array.of(0xf3, 60), new Uint8Array(960).fill(i)]))),
    concat([step(0xf0, new Uint8Array(200)), step(3, utf8("a")), step(6, utf8("abc"))]),
  ],
  generate: random =>
    concat(
      Array.from({ length: random.below(300) }, () => {
        const topic = random.bytes(random.below(12)).map(octet => octet & 1)
        return step(random.below(16), topic)
      }),
    ),
  bytesMax: 64 * 1024,
  async run(input) {
    const clock = new SimulatedClock()
    const carrier = new HostileCarrier(clock)
    const transport = new ZmtpTransport({ clock, carriers: [carrier], random: new SeededRandom(1) })
    const ended = new Set<number>()
    const publisher = transport.publisher(
      { onSubscribe() {}, onUnsubscribe() {}, onDisconnect: connection => ended.add(connection) },
      { maxSubscriptionBytes },
    )
    const router = transport.router({ onBatch() {} })
    const puller = transport.puller({ onBatch() {} })
    await transport.bind("tcp://*:*", { router, publisher, puller })
    const streams: HostileStream[] = []
    const wanted: Set<string>[] = []
    for (let i = 0; i < 3; i++) {
      const stream = carrier.knock()
      const greeting = encodeGreeting("NULL")
      // The third is of ZMTP 3.0, which subscribes by messages.
      if (i === 2) greeting[11] = 0
      stream.say(concat([greeting, encodeReady([["Socket-Type", utf8("SUB")]])]))
      streams.push(stream)
      wanted.push(new Set())
    }
    await settle(clock)
    const lost = new Set<number>()
    const sent: string[][] = [[], [], []]
    let published = 0
    for (const { what, topic } of stepsOf(input.bytes)) {
      const who = what % 3
      const kind = Math.floor(what / 3) % 3
      const key = toHex(topic)
      if (kind === 2 && topic.length > 0) {
        const frames = [topic, utf8(String(++published))]
        publisher.send(frames)
        for (let i = 0; i < 3; i++) {
          if (!lost.has(i) && [...wanted[i]!].some(prefix => key.startsWith(prefix)))
            sent[i]!.push(toHex(encodeMessage(frames)))
        }
        continue
      }
      const wants = kind !== 1
      const frame =
        who === 2
          ? encodeMessage([concat([Uint8Array.of(wants ? 1 : 0), topic])])
          : wants
            ? encodeSubscribe(topic)
            : encodeCancel(topic)
      if (lost.has(who)) continue
      for (const part of pieces(frame, input.cut && input.cut + published)) streams[who]!.say(part)
      if (wants) wanted[who]!.add(key)
      else wanted[who]!.delete(key)
      const bytes = [...wanted[who]!].reduce((sum, each) => sum + each.length / 2, 0)
      if (bytes > maxSubscriptionBytes) {
        // One too many: it is cut off, the others are not.
        lost.add(who)
        must(streams[who]!.closed, () => `${bytes} octets of subscriptions were taken`)
      } else must(!streams[who]!.closed, () => `a subscriber with ${bytes} octets was cut off`)
      await settle(clock)
    }
    await settle(clock)
    for (let i = 0; i < 3; i++) {
      if (lost.has(i)) continue
      // After our greeting and READY.
      const came = toHex(concat(streams[i]!.written))
      const body = came.slice(came.indexOf("5245414459") - 6)
      const messages = sent[i]!.join("")
      must(
        streams[i]!.written.length >= 1_000 || body.endsWith(messages),
        () => `subscriber ${i} should have got ${messages.slice(0, 200)} and got ${body.slice(-200)}`,
      )
      const ready = body.length - messages.length
      must(streams[i]!.written.length >= 1_000 || ready < 200, () => `subscriber ${i} got ${ready / 2} octets more`)
    }
    for (const socket of [router, publisher, puller]) socket.abort()
    await settle(clock)
    return lost.size === 0 ? "taken" : "refused: TooLarge"
  },
}
