import { createColors } from "picocolors"
import { describe, expect, it } from "vitest"
import { shownWidth } from "../table.ts"
import { quantile, Stage } from "./demo-stage.ts"
import { picture } from "./picture.ts"

function stage(): Stage {
  const made = new Stage(100)
  const host = made.add({ name: "hub", transport: "zmtp", carrier: "tcp" }, "host", "hosting")
  const ada = made.add({ name: "ada", transport: "native", carrier: "ipc" }, "client", "writing")
  made.pulse(host, { edits: 0, length: 50, peers: 1, latencies: [1] }, 0)
  made.pulse(ada, { edits: 10, length: 40, peers: 1, latencies: [3, 1, 2] }, 0)
  made.pulse(ada, { edits: 40, length: 48, peers: 1, latencies: [] }, 1_000)
  made.log.push("+ ada joined")
  return made
}

describe("picture", () => {
  it("shows who is there, how far the text is, how fast, and what happened", () => {
    const text = picture(stage(), createColors(false), 100)
    expect(text).toContain("████████████░░░░░░░░░░░░  40 edits  40/s  latency 2.00 ms (p99 3.00 ms)")
    expect(text).toMatch(/◆ {2}hub {2}host {4}zmtp {4}tcp/)
    expect(text).toMatch(/✎ {2}ada {2}client {2}native {2}ipc {2}40 edits {2}48 chars {2}2\.00 ms/)
    expect(text).toContain("+ ada joined")
  })

  it("never wraps, however narrow the terminal", () => {
    for (const columns of [20, 40, 60])
      for (const line of picture(stage(), createColors(true), columns).split("\n"))
        expect(shownWidth(line)).toBeLessThan(columns)
  })
})

describe("quantile", () => {
  it("takes the middle and the far end", () =>
    expect([0.5, 0.99].map(each => quantile([5, 1, 3], each))).toEqual([3, 5]))
})
