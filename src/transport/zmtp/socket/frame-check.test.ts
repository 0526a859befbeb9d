import { runInNewContext } from "node:vm"
import { describe, expect, it } from "vitest"
import { ownSockets } from "../../../../test/own-sockets.ts"
import { utf8 } from "../../../core/bytes.ts"
import { Dealer, Pair, Pub, Push, Req, Router, Stream, XPub, XSub } from "../index.ts"
import { checkFrames, checkOctets } from "./frame-check.ts"

const own = ownSockets()

const badOption = (message: RegExp) =>
  expect.objectContaining({ code: "BadOption", message: expect.stringMatching(message) })

describe("what is no message", () => {
  it.each([
    ["a text for a list", "abc", /array of Uint8Array, not a string/],
    ["octets for a list", utf8("abc"), /not an Uint8Array|not a Uint8Array/],
    ["null", null, /not null/],
    ["nothing", undefined, /not undefined/],
    ["no frame", [], /at least one frame/],
    ["a text", ["abc"], /not a string; encode text with TextEncoder/],
    ["a number", [3], /a frame must be a Uint8Array, not 3/],
    ["a boolean", [true], /not true/],
    ["an object", [{ length: 2 }], /not a plain object/],
    ["a buffer without a view", [new ArrayBuffer(2)], /not an ArrayBuffer/],
    ["another view", [new DataView(new ArrayBuffer(2))], /not a DataView/],
    ["wider numbers", [new Uint16Array(2)], /not an? Uint16Array/],
    ["a frame that is null", [null], /not null/],
    ["a hole", [utf8("a"), undefined], /frame 1 of 2 must be a Uint8Array/],
  ])("%s is refused", (_, frames, message) => {
    expect(() => checkFrames(frames as Uint8Array[])).toThrow(badOption(message))
  })

  it("a Buffer is octets, and so is an array of another realm", () => {
    checkFrames([utf8("a"), Buffer.from("b"), new Uint8Array(0), runInNewContext("new Uint8Array(3)") as Uint8Array])
    checkOctets("a prefix", Buffer.alloc(0))
  })

  it("every socket that sends refuses it at the call and takes nothing", () => {
    const makers = [Push, Dealer, Pair, Pub, XPub, XSub, Req, Router, Stream]
    for (const Maker of makers) {
      const socket = own(new Maker({ lingerMs: 0 }))
      for (const frames of [["abc"], [], null, [utf8("a"), "x"]]) {
        expect(() => (socket as Push).send(frames as unknown as Uint8Array[]), Maker.name).toThrow(badOption(/./))
      }
      expect(socket.queued, Maker.name).toBe(0)
    }
  })

  it("a prefix of a subscription is octets too", () => {
    const xsub = own(new XSub({ lingerMs: 0 }))
    const xpub = own(new XPub({ lingerMs: 0, manual: true }))
    const text = "x" as unknown as Uint8Array
    for (const call of [
      () => xsub.subscribe(text),
      () => xsub.unsubscribe(text),
      () => xpub.subscribe(text),
      () => xpub.unsubscribe(text),
    ])
      expect(call).toThrow(badOption(/a prefix must be a Uint8Array, not a string/))
  })
})
