import { describe, expect, it } from "vitest"
import { writeU64 } from "../../core/bytes.ts"
import { At } from "../../message/header.ts"
import { encodeTopic, TopicKind } from "../../message/topic.ts"
import { TopicTable } from "../topic-table.ts"
import { Conflation } from "./conflation.ts"

const topic = new TopicTable(1).of(encodeTopic(TopicKind.Nearest, "a"))
const frame = (bytes: number) => ({ topic, header: new Uint8Array(80), payload: new Uint8Array(bytes) })
const keys = (conflation: Conflation) => [...conflation.entries()].map(([key]) => key)

describe("Conflation", () => {
  it("keeps the latest of each key, the freshest key last", () => {
    const conflation = new Conflation(0)
    for (const key of ["a", "b", "a"]) conflation.set(key, frame(key === "a" ? 1 : 2))
    expect(keys(conflation)).toEqual(["b", "a"])
    expect(conflation.size).toBe(2)
  })

  it("stays within its octets by forgetting the stalest key, but never the one just set", () => {
    const conflation = new Conflation(10_000)
    for (let i = 0; i < 100; i++) conflation.set(`${i}`, frame(1000))
    expect(keys(conflation)).toEqual(["94", "95", "96", "97", "98", "99"])
    expect(conflation.bytes).toBeLessThanOrEqual(10_000)
    conflation.set("huge", frame(20_000))
    expect(keys(conflation)).toEqual(["huge"])
    conflation.delete("huge")
    expect(conflation.bytes).toBe(0)
  })

  it("remembers of each key which origins' frames it replaced, and through which number", () => {
    const conflation = new Conflation(0)
    const from = (origin: number, sequence: number) => {
      const header = new Uint8Array(80)
      header.fill(origin, At.Origin, At.Origin + 16)
      writeU64(header, At.Sequence, sequence)
      return { topic, header, payload: new Uint8Array(0) }
    }
    for (const [origin, sequence] of [
      [1, 7],
      [2, 3],
      [1, 8],
    ] as const)
      conflation.set("a", from(origin, sequence))
    const kept = [...conflation.entries()][0]![1]
    expect([...kept.covers.values()].map(({ through }) => through).sort()).toEqual([3, 8])
  })
})
