/** The answers of a ZAP handler: six frames, each of its own making. */
import { concat, utf8 } from "../../../src/core/bytes.ts"
import { SimulatedClock } from "../../../src/core/simulated-clock.ts"
import { MemoryCarrier } from "../../../src/transport/carrier/memory.ts"
import { Router } from "../../../src/transport/zmtp/socket/router.ts"
import { zapAddress, zapAuthenticator } from "../../../src/transport/zmtp/zap.ts"
import { encodeProperties } from "../../../src/zmtp/command.ts"
import { settle } from "../subject.ts"
import { type FuzzTarget, must } from "../target.ts"

/** Frames: each is one octet of length and what follows; `$` alone stands for the request's id. */
function framesOf(bytes: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = []
  for (let at = 0; at < bytes.length && frames.length < 300; at += 1 + bytes[at]!) {
    frames.push(bytes.slice(at + 1, at + 1 + bytes[at]!))
  }
  return frames
}
const written = (...frames: Uint8Array[]) => concat(frames.flatMap(frame => [Uint8Array.of(frame.length), frame]))

export const zap: FuzzTarget = {
  name: "zap",
  about: "what a ZAP handler answers, and how often",
  seeds: () => {
    const metadata = encodeProperties([["User-Id", utf8("ada")]])
    const answer = (status: string, more: Uint8Array) =>
      written(utf8(""), utf8("1.0"), utf8("$"), utf8(status), utf8("text"), utf8("ada"), more)
    return [
      answer("200", metadata),
      answer("400", utf8("")),
      answer("300", utf8("")),
      concat([answer("500", utf8("")), answer("200", metadata)]),
    ]
  },
  words: ["200", "300", "400", "500", "1.0", "$", "\u00ff"].map(utf8),
  bytesMax: 1_000,
  async run({ bytes }) {
    const clock = new SimulatedClock()
    const carriers = [new MemoryCarrier(clock)]
    const handler = new Router({ clock, carriers })
    await handler.bind(zapAddress)
    const ask = zapAuthenticator({ clock, carriers })
    const asking = ask({
      credentials: { mechanism: "NULL" },
      remote: "tcp://10.0.0.1:1",
      address: "10.0.0.1",
      domain: "",
    })
    let decision: Awaited<typeof asking> | undefined
    void Promise.resolve(asking).then(told => {
      decision = told
    })
    await settle(clock)
    const request = handler.poll()
    must(request !== undefined, () => "the handler was not asked")
    const [identity, , , id] = request!
    const frames = framesOf(bytes).map(frame => (frame.length === 1 && frame[0] === 0x24 ? id!.slice() : frame))
    // As one message, and cut in two at the seventh frame: a handler that answers twice.
    handler.send([identity!.slice(), ...frames.slice(0, 7)])
    handler.send([identity!.slice(), ...frames.slice(7)])
    await settle(clock)
    clock.advance(10_000)
    await settle(clock)
    must(decision !== undefined, () => "the question was never answered")
    must([200, 300, 400, 500].includes(decision!.status), () => `the answer is ${JSON.stringify(decision)}`)
    const closing = handler.close({ lingerMs: 0 })
    await settle(clock)
    await closing
    return `status ${decision!.status}`
  },
}
