import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { concat, fromHex, toHex } from "../core/bytes.ts"
import { ZincError } from "../core/errors.ts"
import { FrameBatch } from "../core/frame-batch.ts"
import { Arena } from "./arena.ts"
import { encodeCommandFrame, encodeMessage } from "./frame.ts"
import { type DecoderLimits, defaultLimits, FrameDecoder } from "./frame-decoder.ts"

/**
 * Feeds chunks to a fresh decoder in traffic; what it said, as hex. Lent chunks must make no difference, copied or not, nor
 * must several of them for one batch.
 */
function decode(chunks: readonly Uint8Array[], limits: Partial<DecoderLimits> = {}) {
  const own = run(chunks, limits, undefined)
  const others = [
    run(chunks, limits, new Arena()),
    run(chunks, limits, "borrowed"),
    run(chunks, limits, new Arena(), 3),
    run(chunks, limits, "borrowed", 3),
  ]
  for (const other of others) {
    expect({ ...other, fault: other.fault?.message }).toEqual({ ...own, fault: own.fault?.message })
  }
  return own
}

/** `together`: how many chunks share a batch, and are there until it has been read. */
function run(
  chunks: readonly Uint8Array[],
  limits: Partial<DecoderLimits>,
  lent: Arena | "borrowed" | undefined,
  together = 1,
) {
  const decoder = new FrameDecoder({ ...defaultLimits, ...limits })
  const arena = lent === "borrowed" ? undefined : lent
  decoder.lent = lent === "borrowed"
  decoder.handshaking = false
  const messages: string[][] = []
  const commands: string[] = []
  const sink = {
    onCommand: (buffer: Uint8Array, start: number, end: number) => commands.push(toHex(buffer.subarray(start, end))),
  }
  let fault: ZincError | undefined
  for (let at = 0; at < chunks.length; at += together) {
    const given = chunks.slice(at, at + together).map(chunk => new Uint8Array(chunk))
    const batch = new FrameBatch()
    for (const [i, chunk] of given.entries()) {
      fault ??= decoder.decode(chunk, 0, batch, sink, arena, i < given.length - 1)
    }
    if (arena !== undefined) for (const chunk of given) chunk.fill(0xee)
    for (let i = 0; i < batch.count; i++) messages.push(batch.message(i).map(toHex))
    // What is borrowed was good until here.
    if (decoder.lent) for (const chunk of given) chunk.fill(0xee)
    if (fault === undefined) expect(batch.frames).toBe(batch.first[batch.count])
  }
  return { messages, commands, fault }
}

const hex = (text: string) => decode([fromHex(text)])

const someMessage = fc.array(
  fc.oneof(fc.uint8Array({ maxLength: 5 }), fc.uint8Array({ minLength: 250, maxLength: 300 })),
  {
    minLength: 1,
    maxLength: 4,
  },
)

describe("FrameDecoder", () => {
  it("F1 reads short and long frames, MORE, and ignores reserved bits", () => {
    expect(hex("00 01 61").messages).toEqual([["61"]])
    expect(hex("01 01 61 00 00").messages).toEqual([["61", ""]])
    expect(hex("02 0000000000000002 6162").messages).toEqual([["6162"]])
    expect(hex("f8 01 61").messages).toEqual([["61"]])
  })

  it("F1 ignores MORE on a command", () => {
    expect(hex("05 05 0450 494e47 00 01 61")).toEqual({
      messages: [["61"]],
      commands: ["0450494e47"],
      fault: undefined,
    })
  })

  it("F1 refuses a size with the top bit set", () => {
    expect(hex("00 01 61 02 8000000000000000").fault?.code).toBe("BadFrame")
    expect(hex("00 01 61 02 8000000000000000").messages).toEqual([["61"]])
  })

  it("F7 holds each frame, and the parts of a message together, to their limits", () => {
    const limits = { maxFrameBytes: 100, maxMessageBytes: 150 }
    const part = new Uint8Array(80)
    expect(decode([encodeMessage([part])], limits).messages).toHaveLength(1)
    expect(decode([encodeMessage([new Uint8Array(101)])], limits).fault?.code).toBe("TooLarge")
    expect(decode([encodeMessage([part, part])], limits).fault?.code).toBe("TooLarge")
    expect(decode([encodeMessage([part]), encodeMessage([part])], limits).messages).toHaveLength(2)
  })

  it("F7 refuses a frame of 4 GiB by its header alone", () => {
    expect(hex("02 0000000100000000").fault?.code).toBe("TooLarge")
  })

  it("F7 refuses a command beyond its limit", () => {
    expect(decode([encodeCommandFrame(new Uint8Array(300))], { maxCommandBytes: 299 }).fault?.code).toBe("TooLarge")
  })

  it("refuses endless MORE frames, empty or not", () => {
    const endless = new Uint8Array(2 * 101).map((_, i) => (i % 2 === 0 ? 1 : 0))
    expect(decode([endless], { maxMessageFrames: 100 }).fault?.code).toBe("TooLarge")
  })

  it("F9 delivers nothing of a message until its last frame is there", () => {
    const decoder = new FrameDecoder(defaultLimits)
    decoder.handshaking = false
    const batch = new FrameBatch()
    const sink = { onCommand: () => {} }
    decoder.decode(fromHex("00 01 61 01 01 62"), 0, batch, sink)
    expect(batch.count).toBe(1)
    batch.clear()
    decoder.decode(fromHex("01 01 63"), 0, batch, sink)
    expect(batch.count).toBe(0)
    decoder.decode(fromHex("00 01 64"), 0, batch, sink)
    expect(batch.message(0).map(toHex)).toEqual(["62", "63", "64"])
  })

  it("passes commands on between the frames of a message", () => {
    expect(hex("01 01 61 04 05 04504f4e47 00 01 62")).toEqual({
      messages: [["61", "62"]],
      commands: ["04504f4e47"],
      fault: undefined,
    })
  })

  it("S5 repairs the SUBSCRIBE of libzmq 4.3.4 that forgets LONG", () => {
    const topic = new Uint8Array(246).fill(0x41)
    const body = concat([fromHex("09 535542534352494245"), topic])
    const broken = concat([fromHex("04 0000000000000100"), body, fromHex("00 01 61")])
    const expected = { messages: [["61"]], commands: [toHex(body)], fault: undefined }
    expect(decode([broken])).toEqual(expected)
    for (const at of [1, 2, 3, 8, 9, 10, 200]) {
      expect(decode([broken.subarray(0, at), broken.subarray(at)])).toEqual(expected)
    }
  })

  it("F6 ignores an empty command, wherever it is cut", () => {
    const bytes = fromHex("04 00 00 01 61 04 00 00 00 04 00 01 00 00 01")
    const whole = decode([bytes])
    expect(whole).toEqual({ messages: [["61"], [""], ["", ""]].slice(0, 2), commands: ["", "", ""], fault: undefined })
    for (let at = 1; at < bytes.length; at++) {
      expect(decode([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole)
    }
  })

  it("puts the prefix before each message, also one that spans chunks", () => {
    const decoder = new FrameDecoder(defaultLimits)
    decoder.handshaking = false
    decoder.prefix = fromHex("aa")
    const seen: string[][] = []
    const bytes = concat([encodeMessage([fromHex("01"), fromHex("02")]), encodeMessage([fromHex("03")])])
    for (let i = 0; i < bytes.length; i++) {
      const batch = new FrameBatch()
      decoder.decode(bytes.subarray(i, i + 1), 0, batch, { onCommand: () => {} })
      for (let j = 0; j < batch.count; j++) seen.push(batch.message(j).map(toHex))
    }
    expect(seen).toEqual([
      ["aa", "01", "02"],
      ["aa", "03"],
    ])
  })

  it("grows a large body as it arrives, whatever its header promises", () => {
    const decoder = new FrameDecoder({ ...defaultLimits, maxFrameBytes: 2 ** 40, maxMessageBytes: 2 ** 40 })
    decoder.handshaking = false
    const before = process.memoryUsage().arrayBuffers
    const kept = Array.from({ length: 8 }, () => {
      const one = new FrameDecoder({ ...defaultLimits, maxFrameBytes: 2 ** 40, maxMessageBytes: 2 ** 40 })
      one.handshaking = false
      one.decode(fromHex("02 00000000ffffffff 00"), 0, new FrameBatch(), { onCommand: () => {} })
      return one
    })
    expect(kept).toHaveLength(8)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024)
  })

  it("joins a body of several chunks", () => {
    const body = new Uint8Array(3_000_000).map((_, i) => i)
    const wire = encodeMessage([body])
    const chunks: Uint8Array[] = []
    for (let at = 0; at < wire.length; at += 65_536) chunks.push(wire.subarray(at, at + 65_536))
    expect(decode(chunks).messages).toEqual([[toHex(body)]])
  })

  it("takes a body that is a chunk of its own where it lies, and copies it for who may keep it", () => {
    const [head, body] = [fromHex("02 0000000000000003"), fromHex("616263")]
    for (const arena of [undefined, new Arena()]) {
      const decoder = new FrameDecoder(defaultLimits)
      decoder.handshaking = false
      const batch = new FrameBatch()
      const sink = { onCommand: () => {} }
      decoder.decode(head, 0, batch, sink, arena, true)
      decoder.decode(body, 0, batch, sink, arena)
      expect(batch.message(0).map(toHex)).toEqual(["616263"])
      expect(batch.frame(0, 0).buffer === body.buffer).toBe(arena === undefined)
    }
  })

  it("decodes what was encoded, however the octets are split", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(someMessage, fc.constant("command" as const)), { maxLength: 8 }),
        fc.array(fc.nat({ max: 40 }), { maxLength: 30 }),
        (parts, sizes) => {
          const wire = concat(
            parts.map(part => (part === "command" ? encodeCommandFrame(fromHex("0158 01")) : encodeMessage(part))),
          )
          const chunks: Uint8Array[] = []
          let at = 0
          for (const size of sizes) {
            chunks.push(wire.subarray(at, at + size))
            at = Math.min(wire.length, at + size)
          }
          chunks.push(wire.subarray(at))
          const seen = decode(chunks)
          expect(seen.fault).toBeUndefined()
          expect(seen.messages).toEqual(parts.filter(part => part !== "command").map(part => part.map(toHex)))
          expect(seen.commands).toHaveLength(parts.filter(part => part === "command").length)
        },
      ),
    )
  })

  it("says the same of random octets, however they are split, and never throws", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 200 }), (bytes, at) => {
        const cut = Math.min(at, bytes.length)
        const whole = decode([bytes])
        const split = decode([bytes.subarray(0, cut), bytes.subarray(cut)])
        expect(split.messages).toEqual(whole.messages)
        expect(split.commands).toEqual(whole.commands)
        expect(split.fault?.message).toBe(whole.fault?.message)
        expect(whole.fault === undefined || ZincError.is(whole.fault)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})
