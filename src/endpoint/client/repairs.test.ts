import { describe, expect, it } from "vitest"
import { utf8 } from "../../core/bytes.ts"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import type { Repair } from "../../message/control.ts"
import { encodeTopic, TopicKind } from "../../message/topic.ts"
import type { Range } from "../repair-range.ts"
import { TopicState } from "../topic-state.ts"
import { type Asked, asksMax, Repairs, rangesMax } from "./repairs.ts"

const price = new TopicState(encodeTopic(TopicKind.Nearest, "price"), TopicKind.Nearest, "price")
const range = (after: number, through: number): Range => ({ topic: price.bytes, after, through })

function setUp() {
  const clock = new SimulatedClock()
  const sent: { readonly id: number; readonly ranges: readonly Range[] }[] = []
  const ended: { readonly asked: Asked; readonly lost: readonly Range[] }[] = []
  const link = { up: true }
  const repairs = new Repairs({
    clock,
    linked: () => link.up,
    send: (id, ranges) => sent.push({ id, ranges }),
    topicOf: () => price,
    onEnded: (asked, lost) => ended.push({ asked, lost }),
  })
  const answer = (id: number, through = 0, lost: readonly Range[] = [], any = true) => {
    const part = { id, last: true, through: BigInt(through), lost: lost.map(each => ({ ...each })) }
    repairs.answered(part as unknown as Repair, any)
  }
  return { clock, sent, ended, link, repairs, answer }
}

describe("Repairs", () => {
  it("asks once for all that was found missing in one go", async () => {
    const { clock, sent, repairs } = setUp()
    repairs.miss(range(1, 3))
    repairs.miss(range(5, 6))
    expect(sent).toEqual([])
    await clock.settle()
    expect(sent).toEqual([{ id: 1, ranges: [range(1, 3), range(5, 6)] }])
  })

  it("only gathers while there is no link, and asks when told to", async () => {
    const { clock, sent, link, repairs } = setUp()
    link.up = false
    repairs.miss(range(1, 3))
    await clock.settle()
    expect(sent).toEqual([])
    link.up = true
    repairs.askMissing()
    expect(sent).toHaveLength(1)
  })

  it("goes on from where a part of the answer ended, and tells at the end what all parts said is lost", () => {
    const { sent, ended, repairs, answer } = setUp()
    repairs.ask({ ranges: [range(0, 4), range(6, 20)], topics: [price, price], resync: undefined })
    answer(1, 10, [range(0, 1)])
    expect(sent[1]).toEqual({ id: 2, ranges: [range(10, 20)] })
    expect(ended).toEqual([])
    answer(2, 0, [range(12, 13)])
    expect(ended[0]!.lost).toEqual([range(0, 1), range(12, 13)])
    expect(ended[0]!.asked.topics).toEqual([price, price])
  })

  it("ends at a part that brings nothing and promises more", () => {
    const { ended, repairs, answer } = setUp()
    repairs.ask({ ranges: [range(0, 20)], topics: [price], resync: undefined })
    answer(1, 10, [], false)
    expect(ended).toHaveLength(1)
  })

  it("passes over answers to what was not asked", () => {
    const { ended, repairs, answer } = setUp()
    expect(repairs.answering(7)).toBeUndefined()
    answer(7)
    expect(ended).toEqual([])
  })

  it("asks again in time, and takes for lost what a host that is alive leaves unanswered", async () => {
    const { clock, sent, ended, repairs } = setUp()
    repairs.ask({ ranges: [range(0, 4)], topics: [price], resync: undefined })
    for (let n = 0; n < 3; n++) {
      await clock.run(101)
      repairs.retry(100, true)
    }
    expect(sent).toHaveLength(4)
    for (let n = 0; n < asksMax; n++) {
      await clock.run(101)
      repairs.retry(100, false)
    }
    expect(ended).toEqual([])
    await clock.run(101)
    repairs.retry(100, false)
    expect(ended[0]!.lost).toEqual([range(0, 4)])
  })

  it("what was asked on a lost link is missing again on the next", () => {
    const { sent, repairs } = setUp()
    repairs.ask({ ranges: [range(0, 4)], topics: [price], resync: undefined })
    repairs.relinked([range(8, 9)])
    expect(repairs.answering(1)).toBeUndefined()
    repairs.askMissing()
    expect(sent[1]!.ranges).toEqual([range(0, 4), range(8, 9)])
  })

  it("notes so many ranges and no more, asked for or not", () => {
    const { repairs, answer } = setUp()
    repairs.ask({ ranges: Array.from({ length: rangesMax - 1 }, () => range(0, 1)), topics: [], resync: undefined })
    expect([repairs.miss(range(1, 2)), repairs.miss(range(2, 3))]).toEqual([true, false])
    answer(1)
    expect(repairs.miss(range(2, 3))).toBe(true)
  })

  it("forgets what is told to matter no more", async () => {
    const { clock, sent, repairs } = setUp()
    repairs.miss(range(1, 3))
    repairs.miss({ ...range(4, 5), topic: utf8("~x\0") })
    repairs.forgetMissing(missing => missing.topic === price.bytes)
    await clock.settle()
    expect(sent[0]!.ranges.map(({ after }) => after)).toEqual([4])
  })
})
