import { describe, expect, it } from "vitest"
import { Events } from "../core/events.ts"
import { newEndpointId } from "../core/id.ts"
import { silentLogger } from "../core/logger.ts"
import { SeededRandom } from "../core/random.ts"
import { Kind } from "../message/header.ts"
import { encodeTopic, TopicKind } from "../message/topic.ts"
import type { EndpointEvent } from "./api.ts"
import { Frame } from "./frame.ts"
import { GapReports } from "./gap-reports.ts"
import { Origins } from "./origins.ts"
import { directUpTopic } from "./private-topic.ts"
import { allEndpointRules } from "./rules.ts"
import type { DownSide, UpSide } from "./sides.ts"
import { TopicTable } from "./topic-table.ts"

const random = new SeededRandom(1)
const origin = new Origins(newEndpointId(random), 1).self
const up: UpSide = {
  push: () => true,
  hasRoom: () => true,
  putOff: () => {},
  follows: () => true,
  continues: () => false,
}

function reporter(sides: { readonly up?: UpSide; readonly isHost: boolean }, receives = true) {
  const published: Frame[] = []
  const down: DownSide = {
    publish: (_topic, header, payload) => void published.push(Frame.over(header.slice(), payload)),
  }
  const events = new Events<EndpointEvent>(silentLogger)
  const told: unknown[] = []
  const names: string[] = []
  events.on("gap", ({ from, through, reason, topic }) => {
    told.push([from, through, reason])
    names.push(topic)
  })
  const topics = new TopicTable(1)
  const topic = topics.of(encodeTopic(TopicKind.Nearest, "news"))
  const directs = topics.of(directUpTopic)
  let lost = 0
  if (receives) topic.receivers = [{ prefixes: [], take: () => {}, lost: () => lost++ }]
  const statistics = { gaps: 0 }
  const gaps = new GapReports({
    sides: { up: sides.up, down: sides.isHost ? down : undefined },
    events,
    rules: allEndpointRules,
    statistics,
  })
  return { gaps, topic, directs, names, told, published, statistics, lost: () => lost }
}

describe("GapReports", () => {
  it("tells user and receivers what is lost, and nothing of an empty range", () => {
    const { gaps, topic, told, statistics, lost } = reporter({ up, isHost: false })
    gaps.report(topic, origin, { from: 4, through: 3 }, "lost")
    expect([told, statistics.gaps, lost()]).toEqual([[], 0, 0])
    gaps.report(topic, origin, { from: 4, through: 6 }, "slow")
    expect([told, statistics.gaps, lost()]).toEqual([[[4, 6, "slow"]], 1, 1])
  })

  it("names no numbers here that may have been told of before the topic was left, and names them to those below", () => {
    const { gaps, topic, told, published } = reporter({ up, isHost: true })
    topic.arrived = 30
    gaps.reportForgotten(topic, origin, { from: 1, through: 6 }, "slow")
    expect(told).toEqual([[30, 30, "slow"]])
    expect(published.map(({ codec, order, sequence }) => [codec, order, sequence])).toEqual([[0, 1, 6]])
  })

  it("tells those below a relay, whose origin it was or that nobody knows", () => {
    const { gaps, topic, published } = reporter({ up, isHost: true })
    gaps.report(topic, origin, { from: 4, through: 6 }, "lost")
    gaps.reportVague(topic, 9, 9, "lost")
    const [known, vague] = published as [Frame, Frame]
    expect([known.kind, known.order, known.sequence]).toEqual([Kind.Gap, 4, 6])
    expect([vague.kind, vague.order, vague.sequence]).toEqual([Kind.Gap, 9, 9])
    expect(known.codec).not.toBe(vague.codec)
  })

  it("leaves to those below what a relay only passes on", () => {
    const { gaps, topic, told, published } = reporter({ up, isHost: true }, false)
    gaps.report(topic, origin, { from: 4, through: 6 }, "lost")
    expect(told).toEqual([])
    expect(published).toHaveLength(1)
  })

  it("publishes no Gap at the root", () => {
    const { gaps, topic, told, published } = reporter({ isHost: true })
    gaps.report(topic, origin, { from: 4, through: 6 }, "lost")
    expect(told).toEqual([[4, 6, "lost"]])
    expect(published).toEqual([])
  })

  it("of direct messages tells what a user may miss, when the next one says what that was", () => {
    const { gaps, directs, names, told, statistics } = reporter({ up, isHost: false })
    // Zinc itself sent 4 to 6.
    gaps.report(directs, origin, { from: 4, through: 6 }, "lost")
    gaps.directCame(directs, origin, 3)
    gaps.directCame(directs, origin, undefined)
    expect([told, statistics.gaps]).toEqual([[], 0])
    gaps.report(directs, origin, { from: 8, through: 10 }, "lost")
    expect(told).toEqual([])
    gaps.directCame(directs, origin, 9)
    gaps.report(directs, origin, { from: 12, through: 12 }, "lost")
    gaps.directCame(directs, origin, undefined)
    expect([told, statistics.gaps]).toEqual([
      [
        [8, 9, "lost"],
        [12, 12, "lost"],
      ],
      2,
    ])
    expect(names).toEqual(["~to", "~to"])
  })
})
