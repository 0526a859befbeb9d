/** Greetings, frames and commands, each at its own reader. */
import { concat, fromHex, toHex, utf8 } from "../../../src/core/bytes.ts"
import { FrameBatch } from "../../../src/core/frame-batch.ts"
import { Arena } from "../../../src/zmtp/arena.ts"
import {
  encodeCancel,
  encodeError,
  encodePing,
  encodePong,
  encodeProperties,
  encodeReady,
  encodeSubscribe,
  parseCommand,
  parseProperties,
} from "../../../src/zmtp/command.ts"
import { encodeMessage } from "../../../src/zmtp/frame.ts"
import { FrameDecoder } from "../../../src/zmtp/frame-decoder.ts"
import { encodeGreeting, GreetingReader, greetingBytes } from "../../../src/zmtp/greeting.ts"
import { pieces } from "../cutting.ts"
import { documented, tightLimits } from "../subject.ts"
import { type FuzzInput, type FuzzTarget, must } from "../target.ts"

export const heads: readonly Uint8Array[] = [
  "0000",
  "0001",
  "0100",
  "0400",
  "0401",
  "0500",
  "0600",
  "02 0000000000000100",
  "03 0000000000000001",
  "02 00000000ffffffff",
  "02 7fffffffffffffff",
  "02 8000000000000000",
  "06 0000000000001001",
  "04 0000000000000104",
].map(fromHex)

export const greeting: FuzzTarget = {
  name: "greeting",
  about: "the first 64 octets",
  seeds: () => ["NULL", "PLAIN", "CURVE", ""].map(mechanism => encodeGreeting(mechanism)),
  bytesMax: 200,
  run(input) {
    const read = (parts: readonly Uint8Array[]) => {
      const reader = new GreetingReader()
      let taken = 0
      for (const part of parts) {
        if (reader.fault !== undefined || reader.greeting !== undefined) break
        taken += reader.read(part, 0)
      }
      must(taken <= greetingBytes, () => `${taken} octets were taken for a greeting`)
      if (reader.fault !== undefined) documented(reader.fault)
      return reader
    }
    const whole = read([input.bytes])
    const cut = read(pieces(input.bytes, input.cut))
    const told = (reader: GreetingReader) => JSON.stringify([reader.greeting, reader.fault?.code])
    must(told(whole) === told(cut), () => `whole it is ${told(whole)}, in pieces ${told(cut)}`)
    return whole.fault?.code ?? (whole.greeting ? "taken" : "unfinished")
  },
}

export const frames: FuzzTarget = {
  name: "frames",
  about: "frames after a handshake: the same whole, in pieces, and read into an arena",
  seeds: () => [
    encodeMessage([utf8("one"), utf8("two"), new Uint8Array(300)]),
    concat([encodeMessage([new Uint8Array(0)]), encodeSubscribe(utf8("topic")), encodePing(1, utf8("context"))]),
    concat([fromHex("04 0000000000000104"), new Uint8Array(260), encodeMessage([utf8("after")])]),
    encodeMessage([new Uint8Array(20_000)]),
    encodeMessage(Array.from({ length: 200 }, () => utf8("part"))),
  ],
  words: heads,
  bytesMax: 96 * 1024,
  run(input) {
    const ways: readonly (readonly [string, () => string])[] = [
      ["whole", () => decoded([input.bytes], false)],
      ["in pieces", () => decoded(pieces(input.bytes, input.cut), false)],
      ["in pieces into an arena", () => decoded(pieces(input.bytes, input.cut), true)],
    ]
    const [first, ...others] = ways.map(([name, way]) => [name, way()] as const)
    for (const [name, told] of others) {
      must(
        told === first![1],
        () => `${name} it is ${told.slice(0, 200)}; ${first![0]} it is ${first![1].slice(0, 200)}`,
      )
    }
    return first![1].endsWith("|") ? "taken" : first![1].slice(first![1].lastIndexOf("|") + 1)
  },
}

/** Everything a decoder makes of the pieces: messages, commands and the fault, in order. */
function decoded(parts: readonly Uint8Array[], borrowed: boolean): string {
  const decoder = new FrameDecoder(tightLimits)
  decoder.handshaking = false
  const batch = new FrameBatch()
  const arena = borrowed ? new Arena() : undefined
  const told: string[] = []
  const messages: Uint8Array[][] = []
  let fault: string | undefined
  let length = 0
  for (const part of parts) {
    length += part.length
    // Commands are told as they come and messages at the end of the chunk, so each kind is compared in itself.
    const sink = {
      onCommand: (buffer: Uint8Array, start: number, end: number) => told.push(toHex(buffer.slice(start, end))),
    }
    const chunk = new Uint8Array(part)
    const found = decoder.decode(chunk, 0, batch, sink, arena)
    for (let i = 0; i < batch.count; i++) messages.push(batch.message(i).map(one => (borrowed ? one : one.slice())))
    batch.clear()
    if (borrowed) chunk.fill(0xee)
    must(
      decoder.heldBytes <= 2 * length + 256 * 1024 + 256 * 256,
      () => `of ${length} octets ${decoder.heldBytes} are held`,
    )
    if (found !== undefined) {
      documented(found)
      fault = found.code
      must(decoder.heldBytes === 0, () => "something is held after a fault")
      break
    }
  }
  return `${told.join(",")};${messages.map(each => each.map(toHex).join("+")).join(",")}|${fault ?? ""}`
}

export const commands: FuzzTarget = {
  name: "commands",
  about: "the bodies of commands, and metadata",
  seeds: () =>
    [
      encodeReady([
        ["Socket-Type", utf8("DEALER")],
        ["Identity", utf8("me")],
      ]),
      encodeError("no"),
      encodePing(10, utf8("context")),
      encodePong(utf8("context")),
      encodeSubscribe(utf8("topic")),
      encodeCancel(utf8("topic")),
    ].map(frame => frame.subarray(2)),
  words: [utf8("Socket-Type"), fromHex("05 5245414459"), fromHex("ffffffff"), fromHex("00000000")],
  run({ bytes }: FuzzInput) {
    const command = parseCommand(bytes, 0, bytes.length)
    const properties = parseProperties(bytes, 0, bytes.length)
    for (const value of properties?.values() ?? []) must(value.length <= bytes.length, () => "a value longer than all")
    if (command.name === "ERROR") must(command.reason.length <= 255, () => `a reason of ${command.reason.length}`)
    if (command.name === "PING") must(command.context.length <= 16, () => "a long context")
    if (properties !== undefined) {
      const written = encodeProperties(properties)
      const again = parseProperties(written, 0, written.length)
      must(again !== undefined && again.size === properties.size, () => "metadata that does not read again")
    }
    return command.name
  },
}
