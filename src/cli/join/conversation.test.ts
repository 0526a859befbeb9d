import { describe, expect, it } from "vitest"
import { understand } from "./conversation.ts"

describe("understand", () => {
  it("takes a plain line as said on the topic", () =>
    expect(understand("hello there ", "chat")).toEqual({ verb: "say", topic: "chat", value: "hello there" }))
  it("takes two strokes as a line that begins with one", () =>
    expect(understand("//etc", "chat")).toEqual({ verb: "say", topic: "chat", value: "/etc" }))
  it("keeps the text of a command as it was typed", () =>
    expect(understand("/to ada  two  blanks", "chat")).toEqual({ verb: "to", target: "ada", value: "two  blanks" }))
  it("reads a request", () =>
    expect(understand('/ask calc add {"a": 1}', "chat")).toEqual({
      verb: "ask",
      target: "calc",
      topic: "add",
      value: '{"a": 1}',
    }))
  it("ignores empty lines", () => expect(understand("   ", "chat")).toEqual({ verb: "nothing" }))

  for (const line of ["/", "/sing", "/to ada", "/say", "/watch", "/ask calc"])
    it(`refuses "${line}", saying what would do`, () =>
      expect(() => understand(line, "chat")).toThrow(expect.objectContaining({ code: "BadOption" })))
})
