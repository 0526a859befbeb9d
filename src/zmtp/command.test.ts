import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { fromHex, toHex, utf8 } from "../core/bytes.ts"
import {
  type Command,
  encodeCancel,
  encodeError,
  encodePing,
  encodePong,
  encodeReady,
  encodeSubscribe,
  parseCommand,
  property,
} from "./command.ts"

/** Reads a command frame with a short header. */
function reparse(frame: Uint8Array): Command {
  expect(frame[0]).toBe(4)
  expect(frame[1]).toBe(frame.length - 2)
  return parseCommand(frame, 2, frame.length)
}

describe("commands", () => {
  it("F2 READY carries properties, read in any casing", () => {
    const frame = encodeReady([
      ["Socket-Type", utf8("DEALER")],
      ["Identity", new Uint8Array(0)],
    ])
    expect(toHex(frame)).toBe(
      toHex(
        fromHex("04 29 05 5245414459 0b 536f636b65742d54797065 00000006 4445414c4552 08 4964656e74697479 00000000"),
      ),
    )
    const command = reparse(frame)
    if (command.name !== "READY") throw new Error("not READY")
    expect(property(command.properties, "socket-TYPE")).toEqual(utf8("DEALER"))
    expect(property(command.properties, "X-Other")).toBeUndefined()
  })

  it("F5 ERROR carries a reason", () => {
    expect(reparse(encodeError("no"))).toEqual({ name: "ERROR", reason: "no" })
    expect(parseCommand(fromHex("05 4552524f52"), 0, 6)).toEqual({ name: "ERROR", reason: "" })
  })

  it("reads back what it writes", () => {
    expect(reparse(encodeSubscribe(utf8("a")))).toEqual({ name: "SUBSCRIBE", topic: utf8("a") })
    expect(reparse(encodeCancel(utf8("")))).toEqual({ name: "CANCEL", topic: utf8("") })
    expect(reparse(encodePing(2_000, utf8("ctx")))).toEqual({ name: "PING", ttlMs: 2_000, context: utf8("ctx") })
    expect(reparse(encodePong(utf8("ctx")))).toEqual({ name: "PONG" })
  })

  it("H1 cuts a PING's context to sixteen octets", () => {
    const command = reparse(encodePing(0, new Uint8Array(20)))
    if (command.name !== "PING") throw new Error("not PING")
    expect(command.context).toHaveLength(16)
    expect(encodePong(new Uint8Array(20))).toHaveLength(2 + 5 + 16)
  })

  it("H3 never sends a time to live that libzmq overflows on", () => {
    expect(reparse(encodePing(1e9))).toMatchObject({ ttlMs: 65_500 })
  })

  it("H4 does not take a PING without its time to live, nor send one", () => {
    expect(parseCommand(fromHex("04 50494e47 00"), 0, 6)).toEqual({ name: "other" })
    expect(encodePing(0)).toHaveLength(2 + 7)
  })

  it("F6 ignores the unknown, the empty and the truncated", () => {
    for (const body of ["", "05", "05 5245", "0158", "05 5245414459 0b", "05 5245414459 01 61 000000ff 00"]) {
      const bytes = fromHex(body)
      expect(parseCommand(bytes, 0, bytes.length)).toEqual({ name: "other" })
    }
  })

  it("never throws, whatever the octets", () => {
    const names = ["", "05 5245414459", "05 4552524f52", "04 50494e47", "09 535542534352494245"].map(fromHex)
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.uint8Array({ maxLength: 40 }), (name, rest) => {
        const body = new Uint8Array([...name, ...rest])
        expect(parseCommand(body, 0, body.length).name).toBeDefined()
      }),
    )
  })
})
