import { describe, expect, it } from "vitest"
import { encodePattern, encodeTopic, TopicKind } from "../message/topic.ts"
import type { Receiver } from "./topic-state.ts"
import { TopicTable } from "./topic-table.ts"

const nearest = (name: string) => encodeTopic(TopicKind.Nearest, name)
const ordered = (name: string) => encodeTopic(TopicKind.Ordered, name)
const receiver = (...prefixes: Uint8Array[]): Receiver => ({ prefixes, take() {} })
const everything = receiver(encodePattern(TopicKind.Nearest, "*"), encodePattern(TopicKind.Ordered, "*"))

const topicsMax = 1024
/** Enough that some are forgotten, twice. */
const many = Math.floor(1.2 * topicsMax)

function size(table: TopicTable): number {
  return [...table.all].length
}

describe("The table of topics", () => {
  it.each([
    ["nearest", nearest],
    ["ordered", ordered],
  ] as const)("stays within its bound, whoever follows them: %s", (_, topic) => {
    const table = new TopicTable(1, topicsMax)
    table.addReceiver(everything)
    let followed = 0
    for (let i = 0; i < many; i++) {
      const state = table.of(topic(`t${i}`))
      state.published = i + 1
      if (state.route === "ordered") state.ordered++
      followed += state.receivers.length
    }
    expect(followed).toBe(many)
    expect(size(table)).toBeLessThanOrEqual(topicsMax)
  })

  it("forgets those nobody came back to first, and what has numbers of ours never", () => {
    const table = new TopicTable(1, topicsMax)
    const busy = table.of(nearest("busy"))
    const own = table.of(nearest("own"))
    own.sent = 1
    const kept = table.of(nearest("kept"))
    kept.kept = true
    const repaired = table.of(nearest("repaired"))
    repaired.repairing = 1
    const numbered = table.of(ordered("numbered"))
    numbered.ordered = 5
    let same = 0
    for (let i = 0; i < many; i++) {
      table.of(nearest(`t${i}`))
      if (table.of(busy.bytes) === busy) same++
    }
    expect(same).toBe(many)
    for (const topic of [own, kept, repaired, numbered]) expect(table.of(topic.bytes)).toBe(topic)
  })

  it("has no numbers begin anew on a topic that was forgotten", () => {
    const table = new TopicTable(1, topicsMax)
    const topic = table.of(ordered("numbered"))
    Object.assign(topic, { published: 70, ordered: 5, arrived: 60 })
    for (let i = 0; i < many; i++) table.of(ordered(`t${i}`)).ordered++
    const again = table.of(ordered("numbered"))
    expect(again).not.toBe(topic)
    expect(again.published).toBeGreaterThanOrEqual(70)
    expect(again.ordered).toBeGreaterThanOrEqual(5)
    expect(table.arrivedFloor).toBe(60)
  })

  it("goes on with topics that are all ours", () => {
    const table = new TopicTable(1, topicsMax)
    for (let i = 0; i < topicsMax + 100; i++) table.of(nearest(`t${i}`)).sent = 1
    expect(size(table)).toBe(topicsMax + 100)
  })

  it("tells each topic who follows it, in the order they came", () => {
    const table = new TopicTable(1, topicsMax)
    const before = table.of(nearest("a.b"))
    const exact = receiver(nearest("a.b"), ordered("a.b"))
    const pattern = receiver(encodePattern(TopicKind.Nearest, "a.*"))
    const late = receiver(nearest("a.b"))
    for (const each of [exact, pattern, late]) table.addReceiver(each)
    expect(before.receivers).toEqual([exact, pattern, late])
    expect(table.of(nearest("a.c")).receivers).toEqual([pattern])
    expect(table.of(ordered("a.b")).receivers).toEqual([exact])
    table.removeReceiver(exact)
    expect(before.receivers).toEqual([pattern, late])
    expect(table.of(ordered("a.b")).receivers).toEqual([])
    table.removeReceiver(pattern)
    expect(before.receivers).toEqual([late])
    expect(table.of(nearest("a.c")).receivers).toEqual([])
  })
})
