import { describe, expect, it } from "vitest"
import { messageOf, ZincError } from "./errors.ts"

describe("ZincError", () => {
  it("carries its code, its cause and whether trying again may help", () => {
    const cause = new Error("below")
    const error = new ZincError("Full", "no room", { cause, retryable: true, retryAfterMs: 250 })
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({
      name: "ZincError",
      code: "Full",
      message: "no room",
      retryable: true,
      retryAfterMs: 250,
    })
    expect(error.cause).toBe(cause)
    expect(new ZincError("Full", "no room")).toMatchObject({ retryable: false, retryAfterMs: undefined })
    expect("cause" in new ZincError("Full", "no room")).toBe(false)
  })

  it("is known by its brand, so that two copies of the package agree", () => {
    const fromAnotherCopy = Object.assign(Object.create({ [Symbol.for("zincmq.error")]: true }), { code: "Closed" })
    expect(ZincError.is(new ZincError("Closed", "gone"))).toBe(true)
    expect(ZincError.is(fromAnotherCopy)).toBe(true)
    for (const other of [new Error("Closed"), { code: "Closed" }, null, undefined, "Closed"])
      expect(ZincError.is(other)).toBe(false)
  })

  it("or anything else that was thrown has a message", () => {
    expect([new Error("a"), "b", 3, undefined].map(messageOf)).toEqual(["a", "b", "3", "undefined"])
  })
})
