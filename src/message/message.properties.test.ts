/** What holds for every value: out comes what went in, and foreign octets are refused with `BadFrame` or read. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { utf8 } from "../core/bytes.ts"
import { ZincError } from "../core/errors.ts"
import { decodeBaseline, decodeControl, decodeMark, encodeBaseline, encodeControl, encodeMark } from "./control.ts"
import { type Extensions, encodeExtensions, readExtensions } from "./extension.ts"
import { ControlSchema } from "./generated/control_pb.ts"
import { decodeHeader, encodeHeader, Flag, type Header, headerBytes, isHeader } from "./header.ts"
import { decodeTopic, encodePattern, encodeTopic, patternTakesIn, TopicKind, topicBytesMax } from "./topic.ts"

const kind = fc.constantFrom(...Object.values(TopicKind))
const name = fc
  .string({ unit: "binary", minLength: 1, maxLength: 60 })
  .filter(text => !/[\0*]|\p{Surrogate}/u.test(text) && utf8(text).length <= topicBytesMax - 2)
const u8 = fc.integer({ min: 0, max: 255 })
const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
const u64 = fc.maxSafeNat()
const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })

const extensions: fc.Arbitrary<Extensions> = fc.record(
  {
    covers: fc.array(fc.record({ origin: octets(16), through: u64 }), { maxLength: 5 }),
    target: octets(16),
    correlation: u64,
    deadlineMs: u32,
    topic: fc.string(),
    error: fc.string(),
    usersLast: u64,
  },
  { requiredKeys: [] },
)

const leg: fc.Arbitrary<Header["leg"]> = fc.oneof(
  fc.record({ way: fc.constant("up" as const), session: octets(16), number: u64 }),
  fc.record({ way: fc.constant("down" as const), incarnation: u32, link: u32, number: u64, previous: u64 }),
)

const header: fc.Arbitrary<Header> = fc
  .record({
    kind: u8,
    flags: u8,
    codec: u8,
    hops: u8,
    epoch: u32,
    ageMicros: u32,
    origin: octets(16),
    sequence: u64,
    order: u64,
    leg,
    extensions: extensions.map(encodeExtensions),
  })
  .map(each => ({ ...each, flags: each.leg.way === "up" ? each.flags | Flag.Up : each.flags & ~Flag.Up }))

/** Random octets, and whole ones with a few octets changed or the end cut off. */
function foreign(whole: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const changed = fc
    .tuple(whole, fc.array(fc.tuple(fc.nat(), u8), { maxLength: 4 }), fc.nat())
    .map(([bytes, changes, cut]) => {
      const copy = bytes.slice(0, bytes.length - (cut % 3 === 0 ? cut % (bytes.length + 1) : 0))
      for (const [at, octet] of changes) if (copy.length > 0) copy[at % copy.length] = octet
      return copy
    })
  return fc.oneof(fc.uint8Array({ maxLength: 300 }), changed)
}

/** True when it was read; false when it was refused as it should be. */
function readOrRefused(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch (thrown) {
    expect(ZincError.is(thrown) && thrown.code).toBe("BadFrame")
    return false
  }
}

describe("Topics", () => {
  it("come out as they went in", () => {
    fc.assert(
      fc.property(kind, name, (kind, name) => {
        expect(decodeTopic(encodeTopic(kind, name))).toEqual({ kind, name })
      }),
    )
  })

  it("of any text are encoded within 240 octets or refused with BadTopic", () => {
    fc.assert(
      fc.property(kind, fc.string({ unit: "binary", maxLength: 300, size: "max" }), (kind, text) => {
        try {
          const bytes = encodeTopic(kind, text)
          expect(bytes.length).toBeLessThanOrEqual(240)
          expect(decodeTopic(bytes)).toEqual({ kind, name: text })
        } catch (thrown) {
          expect(ZincError.is(thrown) && thrown.code).toBe("BadTopic")
        }
      }),
    )
  })

  it("from foreign octets are refused, or go back to the same octets", () => {
    const whole = fc.tuple(kind, name).map(([kind, name]) => encodeTopic(kind, name))
    fc.assert(
      fc.property(foreign(whole), bytes => {
        if (readOrRefused(() => decodeTopic(bytes))) {
          const { kind, name } = decodeTopic(bytes)
          expect(encodeTopic(kind, name)).toEqual(bytes)
        }
      }),
    )
  })

  it("refuse half a surrogate pair, which would become another topic", () => {
    for (const text of ["\ud83d", "a\ude00b"])
      expect(() => encodeTopic(TopicKind.Nearest, text)).toThrow(expect.objectContaining({ code: "BadTopic" }))
  })

  it("are taken in by a pattern exactly when its text says so", () => {
    fc.assert(
      fc.property(
        kind,
        kind,
        name,
        fc.string({ unit: "grapheme-ascii", maxLength: 2 }),
        fc.boolean(),
        (a, b, name, more, star) => {
          fc.pre(!more.includes("*"))
          const pattern = encodePattern(a, star ? `${name}*` : name)
          const topic = encodeTopic(b, name + more)
          expect(patternTakesIn(pattern, topic)).toBe(a === b && (star || more === ""))
        },
      ),
    )
  })
})

describe("Headers", () => {
  it("come out as they went in", () => {
    fc.assert(
      fc.property(header, header => {
        const bytes = encodeHeader(header)
        const up = header.leg.way === "up"
        expect(isHeader(bytes, 0, bytes.length, up)).toBe(true)
        expect(isHeader(bytes, 0, bytes.length, !up)).toBe(false)
        expect(decodeHeader(bytes)).toEqual(header)
      }),
    )
  })

  it("are found in the middle of a larger buffer, and only whole", () => {
    fc.assert(
      fc.property(header, fc.nat({ max: 40 }), (header, before) => {
        const bytes = encodeHeader(header)
        const up = header.leg.way === "up"
        const large = new Uint8Array(before + bytes.length + 9).fill(0xff)
        large.set(bytes, before)
        expect(isHeader(large, before, before + bytes.length, up)).toBe(true)
        expect(isHeader(large, before, before + bytes.length + 1, up)).toBe(false)
        for (let end = before; end < before + bytes.length; end++) expect(isHeader(large, before, end, up)).toBe(false)
      }),
    )
  })

  it("from foreign octets are refused, or go back to the same octets but for what is reserved", () => {
    fc.assert(
      fc.property(foreign(header.map(encodeHeader)), bytes => {
        if (!readOrRefused(() => decodeHeader(bytes))) return
        const again = bytes.slice()
        again[5] = 0
        expect(encodeHeader(decodeHeader(bytes))).toEqual(again)
        readOrRefused(() => readExtensions(bytes))
      }),
    )
  })
})

describe("Extensions", () => {
  const framed = (extensions: Uint8Array) => {
    const bytes = new Uint8Array(headerBytes + extensions.length)
    bytes[6] = extensions.length >>> 8
    bytes[7] = extensions.length
    bytes.set(extensions, headerBytes)
    return bytes
  }

  it("come out as they went in", () => {
    fc.assert(
      fc.property(extensions, extensions => {
        expect(readExtensions(framed(encodeExtensions(extensions)))).toEqual(extensions)
      }),
    )
  })

  it("from foreign octets are read or refused", () => {
    fc.assert(
      fc.property(foreign(extensions.map(encodeExtensions)), bytes => {
        readOrRefused(() => readExtensions(framed(bytes)))
      }),
    )
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), bytes => void readOrRefused(() => readExtensions(bytes))))
  })

  it("beyond 65,535 octets are refused", () => {
    expect(encodeExtensions({ topic: "x".repeat(65_532) }).length).toBe(65_535)
    expect(() => encodeExtensions({ topic: "x".repeat(65_533) })).toThrow(expect.objectContaining({ code: "TooLarge" }))
  })

  it("round a deadline up to whole milliseconds and keep it within 32 bits", () => {
    const deadline = (deadlineMs: number) => readExtensions(framed(encodeExtensions({ deadlineMs }))).deadlineMs
    expect([0.2, -5, 1e12, Number.POSITIVE_INFINITY].map(deadline)).toEqual([1, 0, 0xffff_ffff, 0xffff_ffff])
  })
})

describe("Control messages", () => {
  const bytes = fc.uint8Array({ maxLength: 30 })
  const most = 2n ** 53n - 1n
  const big = fc.bigInt({ min: 0n, max: most })

  it("come out as they went in", () => {
    fc.assert(
      fc.property(big, big, fc.boolean(), fc.nat(), (received, rooted, resend, after) => {
        const control = decodeControl(encodeControl({ case: "ack", value: { received, rooted, resend } }, after))
        expect(control).toMatchObject({
          after: BigInt(after),
          body: { case: "ack", value: { received, rooted, resend } },
        })
      }),
    )
    fc.assert(
      fc.property(u32, fc.array(bytes), (number, prefixes) => {
        const control = decodeControl(encodeControl({ case: "sync", value: { number, prefixes } }))
        expect(control).toMatchObject({ after: 0n, body: { case: "sync", value: { number, prefixes } } })
      }),
    )
    fc.assert(
      fc.property(
        u32,
        big,
        fc.array(fc.record({ prefix: bytes, reason: fc.string() })),
        (number, published, refused) => {
          expect(decodeBaseline(encodeBaseline({ number, published, refused }))).toMatchObject({
            number,
            published,
            refused,
          })
        },
      ),
    )
    fc.assert(
      fc.property(big, fc.array(fc.record({ topic: bytes, number: big })), (number, topics) => {
        expect(decodeMark(encodeMark({ number, topics }))).toMatchObject({ number, topics })
      }),
    )
  })

  it("with a number past 2⁵³ − 1, however deep, are refused", () => {
    const positions = (last: bigint) => [{ topic: new Uint8Array(3), origin: new Uint8Array(16), last }]
    for (const past of [most + 1n, 2n ** 64n - 1n]) {
      expect(readOrRefused(() => decodeControl(encodeControl({ case: "ack", value: { received: past } })))).toBe(false)
      expect(readOrRefused(() => decodeBaseline(encodeBaseline({ positions: positions(past) })))).toBe(false)
      expect(readOrRefused(() => decodeMark(encodeMark({ topics: [{ number: past }] })))).toBe(false)
    }
    expect(decodeBaseline(encodeBaseline({ positions: positions(most) })).positions[0]?.last).toBe(most)
  })

  it("from foreign octets are read or refused", () => {
    const whole = fc.tuple(bytes, fc.array(bytes), fc.string()).map(([token, prefixes, reason]) =>
      toBinary(
        ControlSchema,
        create(ControlSchema, {
          body:
            token.length % 2 === 0
              ? { case: "join", value: { token, name: reason } }
              : { case: "sync", value: { number: 1, prefixes } },
        }),
      ),
    )
    fc.assert(
      fc.property(foreign(whole), bytes => {
        for (const read of [decodeControl, decodeBaseline, decodeMark]) readOrRefused(() => read(bytes))
      }),
    )
  })

  it("keep the fields of later versions", () => {
    const ack = encodeControl({ case: "ack", value: { received: 3n } })
    // A field number whose tag takes two octets, of wire type 2.
    const later = fc.tuple(fc.integer({ min: 200, max: 2_047 }), bytes).map(([field, value]) => {
      const tag = (field << 3) | 2
      return new Uint8Array([(tag & 0x7f) | 0x80, tag >>> 7, value.length, ...value])
    })
    fc.assert(
      fc.property(later, more => {
        const bytes = new Uint8Array([...ack, ...more])
        expect(toBinary(ControlSchema, fromBinary(ControlSchema, bytes))).toEqual(bytes)
      }),
    )
  })
})
