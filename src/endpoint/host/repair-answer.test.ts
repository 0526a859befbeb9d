import { describe, expect, it } from "vitest"
import { writeU64 } from "../../core/bytes.ts"
import { At, headerBytes } from "../../message/header.ts"
import { encodeTopic, TopicKind } from "../../message/topic.ts"
import { FrameLog } from "../frame-log.ts"
import type { Range } from "../repair-range.ts"
import { TopicTable } from "../topic-table.ts"
import { planRepair, stepsMax, stepsPerFrame } from "./repair-answer.ts"

/** A ring of frames on the topics named, numbered from 1. */
function published(names: string, messagesMax = 1000) {
  const ring = new FrameLog({ messagesMax, bytesMax: 1_000_000, after: 0 })
  const topics = new TopicTable(1)
  for (const [index, name] of [...names].entries()) {
    const topic = topics.of(topicOf(name))
    const header = new Uint8Array(headerBytes)
    writeU64(header, At.Number, index + 1)
    writeU64(header, At.Previous, topic.published)
    topic.published = index + 1
    ring.makeRoom(header.length)
    ring.append(topic, header, new Uint8Array(0))
  }
  const cut = (ranges: readonly Range[], partBytes?: number, droppedThrough = 0) =>
    planRepair(
      ring,
      ranges,
      () => true,
      droppedThrough,
      topic => topics.published(topic),
      partBytes,
    )
  const all = (ranges: readonly Range[], droppedThrough?: number) => {
    const { numbers, lost } = cut(ranges, undefined, droppedThrough)
    return { numbers, lost }
  }
  return Object.assign((range: Range, droppedThrough?: number) => all([range], droppedThrough), { all, cut })
}

const topicOf = (name: string) => encodeTopic(TopicKind.Nearest, name)

describe("A repair", () => {
  it("of a topic may end at a number of another topic", () => {
    expect(published("aababb")({ topic: topicOf("a"), after: 0, through: 6 })).toEqual({ numbers: [1, 2, 4], lost: [] })
    expect(published("aababb")({ topic: topicOf("b"), after: 0, through: 4 })).toEqual({ numbers: [3], lost: [] })
  })

  it("of a topic begins after what the asker has", () => {
    expect(published("aaaaba")({ topic: topicOf("a"), after: 3, through: 5 })).toEqual({ numbers: [4], lost: [] })
  })

  it("of a topic that nothing was published on is empty, and nothing is lost", () => {
    expect(published("aaa")({ topic: topicOf("z"), after: 0, through: 3 })).toEqual({ numbers: [], lost: [] })
  })

  it("says what the ring no longer keeps, of that topic only", () => {
    const plan = published("aaabbb", 3)
    expect(plan({ topic: topicOf("a"), after: 1, through: 6 }).lost).toEqual([
      { topic: topicOf("a"), after: 1, through: 3 },
    ])
    expect(plan({ topic: topicOf("b"), after: 1, through: 6 })).toEqual({ numbers: [4, 5, 6], lost: [] })
  })

  it("of a prefix is looked for no further than one part goes, and all of it comes in the end", () => {
    const ring = published("abcab".repeat(2000), 10_000)
    const prefix = topicOf("a").subarray(0, 1)
    const numbers: number[] = []
    let parts = 0
    for (let after = 0, cut = true; cut; parts++) {
      const ranges = [
        { topic: prefix, after, through: 9000 },
        { topic: topicOf("a"), after: Math.max(after, 500), through: 10_000 },
      ]
      const plan = ring.cut(ranges, 100 * headerBytes)
      expect(plan.numbers.slice(0, 100).every(number => number > after && number <= after + 100)).toBe(true)
      const sent = plan.cut ? plan.numbers.slice(0, 100) : plan.numbers
      numbers.push(...sent)
      after = sent.at(-1)!
      cut = plan.cut
    }
    expect(parts).toBe(90)
    const expected = Array.from({ length: 10_000 }, (_, i) => i + 1).filter(
      n => n <= 9000 || n % 5 === 1 || n % 5 === 4,
    )
    expect(numbers).toEqual(expected)
  })

  it("does a bounded work for one request, and counts what it did not reach as lost", () => {
    const plan = published("a".repeat(5000), 10_000)
    const everything = { topic: topicOf("a").subarray(0, 1), after: 0, through: 5000 }
    const { numbers, lost } = plan.all(Array.from({ length: 60_000 }, () => everything))
    expect(numbers).toHaveLength(5000)
    expect(lost).toHaveLength(60_000 - Math.ceil(stepsMax / (5000 * (1 + stepsPerFrame))))
  })

  it("says what the slow policy took away", () => {
    expect(published("aaaa")({ topic: topicOf("a"), after: 0, through: 4 }, 2)).toEqual({
      numbers: [3, 4],
      lost: [{ topic: topicOf("a"), after: 0, through: 2 }],
    })
  })
})
