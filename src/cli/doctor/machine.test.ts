import { describe, expect, it } from "vitest"
import { examine } from "./check.ts"
import { checkNode } from "./machine.ts"

describe("checkNode", () => {
  it("takes the oldest that is served, and newer ones", () =>
    expect(["v20.19.0", "v20.20.2", "v22.0.0"].map(each => checkNode(each).status)).toEqual(["ok", "ok", "ok"]))
  it("fails older ones, saying what to install", () =>
    expect(["v20.18.9", "v18.20.0"].map(each => checkNode(each))).toEqual([
      expect.objectContaining({ status: "fail", next: expect.stringContaining("20.19") }),
      expect.objectContaining({ status: "fail", next: expect.stringContaining("20.19") }),
    ]))
})

describe("examine", () => {
  it("takes a look that throws for a failure", async () =>
    expect(await examine("x", () => Promise.reject(new Error("broken")))).toMatchObject({
      check: "x",
      status: "fail",
      found: "broken",
    }))
})
