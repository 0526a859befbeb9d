/**
 * What every codec must keep. Run it on a codec of your own:
 *
 *     codecSuite({ runner: { describe, it }, name: "cbor", codec: cbor, values: [1, "a", { b: [] }] })
 */
import assert from "node:assert/strict"
import { ZincError } from "../../core/errors.ts"
import { SeededRandom } from "../../core/random.ts"
import type { Codec } from "../../message/codec.ts"
import type { TestRunner } from "./runner.ts"

export interface CodecSuiteOptions {
  readonly runner: TestRunner
  readonly name: string
  readonly codec: Codec
  /** Values that it carries; at least two, and unequal. */
  readonly values: readonly unknown[]
  /** What comes out for a value that goes in, where that is not the same. Default: the value. */
  readonly comesBackAs?: (value: unknown) => unknown
  /** Values that it must refuse to write. */
  readonly unwritable?: readonly unknown[]
  /** Octets that it must refuse to read. */
  readonly unreadable?: readonly Uint8Array[]
}

export function codecSuite(options: CodecSuiteOptions): void {
  const { codec, values, unwritable = [], unreadable = [], comesBackAs = same } = options
  const { describe, it } = options.runner

  describe(`codec ${options.name}`, () => {
    it("has a name and a number that fits an octet", () => {
      assert.ok(codec.name.length > 0)
      assert.ok(Number.isInteger(codec.number) && codec.number >= 0 && codec.number <= 255)
      assert.ok(values.length >= 2, "the suite needs at least two values")
    })

    it("reads what it wrote", () => {
      for (const value of values) assert.deepEqual(codec.decode(codec.encode(value)), comesBackAs(value))
    })

    it("writes octets that a later call does not change", () => {
      const written = values.map(value => codec.encode(value))
      const before = written.map(bytes => bytes.slice())
      for (const value of values) codec.encode(value)
      assert.deepEqual(written, before)
    })

    it("reads from the middle of a larger buffer", () => {
      for (const value of values) {
        const bytes = codec.encode(value)
        const large = new Uint8Array(bytes.length + 14).fill(0xa5)
        large.set(bytes, 7)
        assert.deepEqual(codec.decode(large.subarray(7, 7 + bytes.length)), comesBackAs(value))
      }
    })

    it("leaves the octets it reads as they were", () => {
      for (const value of values) {
        const bytes = codec.encode(value).slice()
        const before = bytes.slice()
        codec.decode(bytes)
        assert.deepEqual(bytes, before)
      }
    })

    it("is the same for calls inside each other and in any order", () => {
      const forth = values.map(value => codec.encode(value).slice())
      const back = [...values].reverse().map(value => codec.encode(value).slice())
      assert.deepEqual(back.reverse(), forth)
    })

    for (const [index, value] of unwritable.entries()) {
      it(`refuses to write value ${index} of those it cannot carry, and goes on`, () => {
        assert.throws(() => codec.encode(value), isBadPayload)
        assert.deepEqual(codec.decode(codec.encode(values[0])), comesBackAs(values[0]))
      })
    }

    for (const [index, bytes] of unreadable.entries()) {
      it(`refuses to read octets ${index} of those that are not its own, and goes on`, () => {
        assert.throws(() => codec.decode(bytes), isBadPayload)
        assert.deepEqual(codec.decode(codec.encode(values[0])), comesBackAs(values[0]))
      })
    }

    it("meets random octets with a value or BadPayload, never anything else", () => {
      const random = new SeededRandom(20_190)
      for (let i = 0; i < 2_000; i++) readOrRefuse(codec, random.bytes(random.below(40)))
    })

    it("meets its own octets cut short with a value or BadPayload", () => {
      for (const value of values) {
        const bytes = codec.encode(value)
        const step = Math.max(1, Math.floor(bytes.length / 64))
        for (let end = 0; end < bytes.length; end += step) readOrRefuse(codec, bytes.subarray(0, end))
      }
    })
  })
}

function same(value: unknown): unknown {
  return value
}

function readOrRefuse(codec: Codec, bytes: Uint8Array): void {
  try {
    codec.decode(bytes)
  } catch (thrown) {
    assert.ok(isBadPayload(thrown), `decoding threw ${String(thrown)}, not BadPayload`)
  }
}

function isBadPayload(thrown: unknown): boolean {
  return ZincError.is(thrown) && thrown.code === "BadPayload"
}
