import { describe, expect, it } from "vitest"
import type { Codec } from "./codec.ts"
import { CodecRegistry } from "./codec-registry.ts"
import { AddressesSchema, HeartbeatSchema } from "./generated/control_pb.ts"
import { jsonCodec } from "./json-codec.ts"
import { msgpackCodec } from "./msgpack-codec.ts"
import { protobufCodec } from "./protobuf-codec.ts"
import { rawCodec } from "./raw-codec.ts"

const userCodec = (number: number, name = `mine-${number}`): Codec => ({ ...rawCodec, number, name })
const withCode = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

describe("CodecRegistry", () => {
  it("knows raw, JSON and MessagePack from the start", () => {
    const registry = new CodecRegistry()
    for (const codec of [rawCodec, jsonCodec, msgpackCodec]) {
      expect(registry.byName(codec.name)).toBe(codec)
      expect(registry.byNumber(codec.number)).toBe(codec)
    }
  })

  it("takes codecs of the user's at 128 and at 255", () => {
    const registry = new CodecRegistry([userCodec(128), userCodec(255)])
    expect(registry.byNumber(128).name).toBe("mine-128")
    expect(registry.byName("mine-255").number).toBe(255)
  })

  for (const number of [0, 3, 127, 256, -1, 128.5, Number.NaN]) {
    it(`refuses the number ${number}`, () => {
      expect(() => new CodecRegistry([userCodec(number)])).toThrow(withCode("BadOption", /128 to 255/))
    })
  }

  it("refuses a second codec of the same number or name", () => {
    const registry = new CodecRegistry([userCodec(130)])
    expect(() => registry.register(userCodec(130, "other"))).toThrow(
      withCode("BadOption", /130 is taken by "mine-130"/),
    )
    expect(() => registry.register(userCodec(131, "mine-130"))).toThrow(withCode("BadOption", /another of that name/))
    expect(() => registry.register(userCodec(131, "json"))).toThrow(withCode("BadOption", /another of that name/))
    expect(() => registry.byNumber(131)).toThrow(withCode("BadPayload", /131/))
  })

  it("names an unknown number as the payload's fault and an unknown name as the caller's", () => {
    const registry = new CodecRegistry()
    expect(() => registry.byNumber(200)).toThrow(withCode("BadPayload", /codec 200 is not registered/))
    expect(() => registry.byName("cbor")).toThrow(withCode("BadOption", /"cbor".*"raw", "json", "msgpack"/))
  })

  it("finds the schema of number 3 by the topic: exact before pattern, longer before shorter", () => {
    const [exact, long, short] = [HeartbeatSchema, AddressesSchema, HeartbeatSchema].map(schema =>
      protobufCodec(schema),
    )
    const registry = new CodecRegistry()
    registry.declare("price.*", short!)
    registry.declare("price.eur.*", long!)
    registry.declare("price.eur.now", exact!)
    expect(registry.byNumber(3, "price.eur.now")).toBe(exact)
    expect(registry.byNumber(3, "price.eur.then")).toBe(long)
    expect(registry.byNumber(3, "price.usd")).toBe(short)
    expect(() => registry.byNumber(3, "news")).toThrow(withCode("BadPayload", /declare a protobufCodec.*"news"/))
    expect(() => registry.byNumber(3)).toThrow(withCode("BadPayload", /needs a schema/))
  })

  it("registers a declared codec that has a number of the user's, once", () => {
    const mine = protobufCodec(HeartbeatSchema, 140)
    const registry = new CodecRegistry()
    registry.declare("beat", mine)
    registry.declare("beat", mine)
    registry.declare("other", mine)
    expect(registry.byNumber(140)).toBe(mine)
    expect(registry.forTopic("beat")).toBe(mine)
    expect(registry.forTopic("beats")).toBeUndefined()
  })

  it("refuses a second codec for a topic, or a number that means another codec", () => {
    const registry = new CodecRegistry([userCodec(140)])
    registry.declare("beat", jsonCodec)
    expect(() => registry.declare("beat", rawCodec)).toThrow(withCode("BadOption", /"beat" is declared to use "json"/))
    expect(() => registry.declare("x", userCodec(140, "other"))).toThrow(withCode("BadOption", /140 is taken/))
    expect(() => registry.declare("x", { ...jsonCodec })).toThrow(withCode("BadOption", /1 is taken by "json"/))
  })
})
