/** docs/protocol/vectors, read both ways. They were written by an encoder of another language than ours. */
import { readFileSync } from "node:fs"
import { fromJson, type JsonObject, toBinary, toJson } from "@bufbuild/protobuf"
import { describe, expect, it } from "vitest"
import { fromHex, toHex } from "../core/bytes.ts"
import { decodeBaseline, decodeControl, decodeMark } from "./control.ts"
import { type Extensions, encodeExtensions, readExtensions } from "./extension.ts"
import { BaselineSchema, ControlSchema, MarkSchema } from "./generated/control_pb.ts"
import { decodeHeader, encodeHeader, type Header, headerBytes, isHeader, Kind } from "./header.ts"
import { decodeTopic, encodePattern, encodeTopic, TopicKind } from "./topic.ts"

interface Octets {
  readonly meaning: string
  readonly hex: string
}

function vectors<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(`../../docs/protocol/vectors/${file}`, import.meta.url), "utf8")) as T
}

const plain = (hex: string) => toHex(fromHex(hex))
const badFrame = expect.objectContaining({ code: "BadFrame" })
const badTopic = expect.objectContaining({ code: "BadTopic" })

describe("Topic vectors", () => {
  const file = vectors<{
    topics: (Octets & { kind: keyof typeof TopicKind; name: string })[]
    patterns: (Octets & { kind: keyof typeof TopicKind; pattern: string })[]
    invalid: Octets[]
    invalidNames: { meaning: string; name: string }[]
  }>("topics.json")

  it.each(file.topics)("$meaning", ({ kind, name, hex }) => {
    expect(toHex(encodeTopic(TopicKind[kind], name))).toBe(plain(hex))
    expect(decodeTopic(fromHex(hex))).toEqual({ kind: TopicKind[kind], name })
  })
  it.each(file.patterns)("pattern: $meaning", ({ kind, pattern, hex }) => {
    expect(toHex(encodePattern(TopicKind[kind], pattern))).toBe(plain(hex))
  })
  it.each(file.invalid)("refused: $meaning", ({ hex }) => {
    expect(() => decodeTopic(fromHex(hex))).toThrow(badFrame)
  })
  it.each(file.invalidNames)("refused as a name: $meaning", ({ name }) => {
    expect(() => encodeTopic(TopicKind.Nearest, name)).toThrow(badTopic)
  })
})

/** Extensions with their octets in hex. */
interface PlainExtensions {
  readonly covers?: { readonly origin: string; readonly through: number }[]
  readonly target?: string
  readonly correlation?: number
  readonly deadlineMs?: number
  readonly topic?: string
  readonly error?: string
}

function withOctets(extensions: PlainExtensions): Extensions {
  const { covers, target, ...rest } = extensions
  return {
    ...rest,
    ...(covers && { covers: covers.map(({ origin, through }) => ({ origin: fromHex(origin), through })) }),
    ...(target && { target: fromHex(target) }),
  }
}

interface PlainHeader extends Omit<Header, "origin" | "leg" | "extensions"> {
  readonly origin: string
  readonly leg:
    | { readonly way: "up"; readonly session: string; readonly number: number }
    | Extract<Header["leg"], { way: "down" }>
}

function header(of: PlainHeader, extensions: PlainExtensions): Header {
  const leg = of.leg.way === "up" ? { ...of.leg, session: fromHex(of.leg.session) } : of.leg
  return { ...of, origin: fromHex(of.origin), leg, extensions: encodeExtensions(withOctets(extensions)) }
}

describe("Header vectors", () => {
  const file = vectors<{
    headers: (Octets & { kind: keyof typeof Kind; header: PlainHeader; extensions: PlainExtensions })[]
    readOnly: (Octets & { extensions: PlainExtensions })[]
    invalid: Octets[]
    invalidExtensions: Octets[]
  }>("headers.json")

  it.each(file.headers)("$kind: $meaning", vector => {
    const expected = header(vector.header, vector.extensions)
    const bytes = fromHex(vector.hex)
    expect(vector.header.kind).toBe(Kind[vector.kind])
    expect(toHex(encodeHeader(expected))).toBe(plain(vector.hex))
    expect(isHeader(bytes, 0, bytes.length, expected.leg.way === "up")).toBe(true)
    expect(isHeader(bytes, 0, bytes.length, expected.leg.way !== "up")).toBe(false)
    expect(decodeHeader(bytes)).toEqual(expected)
    expect(readExtensions(bytes)).toEqual(withOctets(vector.extensions))
  })
  it.each(file.readOnly)("only read: $meaning", ({ hex, extensions }) => {
    const bytes = fromHex(hex)
    expect(readExtensions(bytes)).toEqual(withOctets(extensions))
    expect(toHex(encodeHeader(decodeHeader(bytes)))).toBe(plain(hex))
  })
  it.each(file.invalid)("refused: $meaning", ({ hex }) => {
    const bytes = fromHex(hex)
    expect(isHeader(bytes, 0, bytes.length, true)).toBe(false)
    expect(isHeader(bytes, 0, bytes.length, false)).toBe(false)
    expect(() => decodeHeader(bytes)).toThrow(badFrame)
  })
  it.each(file.invalidExtensions)("refused among extensions: $meaning", ({ hex }) => {
    const bytes = fromHex(hex)
    expect(isHeader(bytes, 0, bytes.length, true)).toBe(true)
    expect(() => readExtensions(bytes)).toThrow(badFrame)
  })
  it("hold every kind but work, and every extension", () => {
    const kinds = new Set(file.headers.map(each => each.kind))
    expect(Object.keys(Kind).filter(kind => kind !== "Work" && !kinds.has(kind as keyof typeof Kind))).toEqual([])
    const extensions = new Set(file.headers.flatMap(each => Object.keys(each.extensions)))
    expect(extensions).toEqual(new Set(["covers", "target", "correlation", "deadlineMs", "topic", "error"]))
    expect(file.headers.some(each => fromHex(each.hex).length === headerBytes)).toBe(true)
  })
})

describe("Control vectors", () => {
  const file = vectors<{
    control: (Octets & { json: JsonObject })[]
    payloads: (Octets & { type: "Baseline" | "Mark"; json: JsonObject })[]
    unknown: (Octets & { body: string | null })[]
    invalid: Octets[]
  }>("control.json")

  it.each(file.control)("$meaning", ({ json, hex }) => {
    expect(toHex(toBinary(ControlSchema, fromJson(ControlSchema, json)))).toBe(plain(hex))
    expect(toJson(ControlSchema, decodeControl(fromHex(hex)))).toEqual(json)
  })
  it.each(file.payloads)("$type: $meaning", ({ type, json, hex }) => {
    if (type === "Baseline") {
      expect(toHex(toBinary(BaselineSchema, fromJson(BaselineSchema, json)))).toBe(plain(hex))
      expect(toJson(BaselineSchema, decodeBaseline(fromHex(hex)))).toEqual(json)
    } else {
      expect(toHex(toBinary(MarkSchema, fromJson(MarkSchema, json)))).toBe(plain(hex))
      expect(toJson(MarkSchema, decodeMark(fromHex(hex)))).toEqual(json)
    }
  })
  it.each(file.unknown)("kept: $meaning", ({ body, hex }) => {
    const control = decodeControl(fromHex(hex))
    expect(control.body.case ?? null).toBe(body)
    expect(toHex(toBinary(ControlSchema, control))).toBe(plain(hex))
  })
  it.each(file.invalid)("refused: $meaning", ({ hex }) => {
    expect(() => decodeControl(fromHex(hex))).toThrow(badFrame)
  })
  it("hold every control message", () => {
    const bodies = new Set(file.control.flatMap(each => Object.keys(each.json)))
    expect(ControlSchema.oneofs[0]!.fields.map(field => field.jsonName).filter(name => !bodies.has(name))).toEqual([])
  })
})
