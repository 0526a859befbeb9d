import { describe, expect, it } from "vitest"
import { writeU32 } from "../core/bytes.ts"
import { newEndpointId } from "../core/id.ts"
import { silentLogger } from "../core/logger.ts"
import { SeededRandom } from "../core/random.ts"
import { SimulatedClock } from "../core/simulated-clock.ts"
import { At, encodeHeader, Kind } from "../message/header.ts"
import { encodeTopic, TopicKind } from "../message/topic.ts"
import { Frame } from "./frame.ts"
import { Node } from "./node.ts"
import { hopsMax } from "./place.ts"

function client(kind: TopicKind = TopicKind.Document, follows = false, continues = false) {
  const random = new SeededRandom(1)
  const node = new Node({ id: newEndpointId(random), clock: new SimulatedClock(), random, logger: silentLogger })
  node.up = {
    push: () => true,
    hasRoom: () => true,
    putOff: () => {},
    follows: () => follows,
    continues: () => continues,
  }
  const topic = node.topics.of(encodeTopic(kind, "notes"))
  const taken: number[] = []
  const gaps: [number, number][] = []
  const told: string[] = []
  node.events.on("gap", ({ origin, from, through }) => {
    gaps.push([from, through])
    told.push(`${origin === undefined ? "" : "its "}${from}-${through}`)
  })
  node.topics.addReceiver({
    prefixes: [topic.bytes],
    take: (_topic, _frame, _origin, sequence) => taken.push(sequence),
  })
  return { node, topic, taken, gaps, told }
}

/** A frame as the host publishes it. */
function published(origin: Uint8Array, sequence: number, link: number, order = 0): Frame {
  return Frame.over(
    encodeHeader({
      kind: Kind.Fragment,
      flags: 0,
      codec: 0,
      hops: hopsMax,
      epoch: 0,
      ageMicros: 0,
      origin,
      sequence,
      order,
      extensions: new Uint8Array(0),
      leg: { way: "down", incarnation: 9, link, number: sequence, previous: sequence - 1 },
    }),
    new Uint8Array(100),
  )
}

/** What the host publishes of numbers that are lost. */
function lost(origin: Uint8Array, from: number, through: number): Frame {
  const frame = published(origin, through, 6, from)
  frame.header[frame.at + At.Kind] = Kind.Gap
  return frame
}

function inReign(frame: Frame, epoch: number): Frame {
  writeU32(frame.header, frame.at + At.Epoch, epoch)
  return frame
}

/** A frame as the host publishes it, whose payload nobody may look at. */
function untouchable(origin: Uint8Array, sequence: number, link: number): Frame {
  const frame = published(origin, sequence, link)
  const looked = () => {
    throw new Error("it was looked into")
  }
  return Object.assign(frame, { payload: looked, keep: looked, headerView: looked })
}

const mover = new Uint8Array(16).fill(7)

describe("A node whose own frames come back", () => {
  it("drops what arrived at the host by its link before anything of it is read or copied (L8)", () => {
    const { node, topic, taken } = client()
    for (let i = 1; i <= 3; i++) node.resequencer.take(topic, untouchable(node.self.bytes, i, 5), 5)
    expect(taken).toEqual([])
    expect(topic.streamCount).toBe(0)
    expect(node.statistics).toMatchObject({ delivered: 0, duplicates: 0, parked: 0 })
    const other = new Uint8Array(16).fill(7)
    node.resequencer.take(topic, untouchable(other, 1, 6), 5)
    expect(taken).toEqual([1])
  })

  it("drops its own of an earlier link, repaired from the host's ring, by their origin", () => {
    const { node, topic, taken } = client()
    for (let i = 1; i <= 3; i++) node.resequencer.take(topic, untouchable(node.self.bytes, i, 5), 8)
    expect(taken).toEqual([])
    expect(topic.streamCount).toBe(0)
  })
})

describe("An origin that is new on a topic which was followed all the while", () => {
  it("has lost what came before the lowest that a repair brought", () => {
    const { node, topic, taken, gaps } = client(TopicKind.Nearest, true, true)
    node.resequencer.resyncing = true
    node.resequencer.take(topic, published(mover, 3, 6), 5)
    expect(taken).toEqual([])
    node.resequencer.resyncing = false
    node.resequencer.repairEnded(topic, "lost")
    expect(gaps).toEqual([[1, 2]])
    expect(taken).toEqual([3])
  })

  it("has lost what came before its first from below, at a root", () => {
    const { node, topic, taken, gaps } = client(TopicKind.Nearest, false, true)
    node.fromBelow(topic, published(mover, 3, 6), node.origins.at(mover, 0), 6)
    expect(gaps).toEqual([[1, 2]])
    expect(taken).toEqual([3])
  })

  it("has lost what came before that which it still keeps when it joins, at a root", () => {
    const { node, topic, taken, gaps } = client(TopicKind.Nearest, false, true)
    const origin = node.origins.at(mover, 0)
    node.resequencer.openBelow(topic, origin, 3)
    node.fromBelow(topic, published(mover, 3, 6), origin, 6)
    expect(gaps).toEqual([[1, 2]])
    expect(taken).toEqual([3])
  })

  it("is judged by the host above at a relay that has one", () => {
    const { node, topic, taken, gaps } = client(TopicKind.Nearest, true, true)
    node.fromBelow(topic, published(mover, 3, 6), node.origins.at(mover, 0), 6)
    expect(gaps).toEqual([])
    expect(taken).toEqual([3])
  })
})

describe("A stream whose start is not known", () => {
  it("begins at 1 at a relay that follows the topic, whatever its origin, now below, says that it still keeps (L7)", () => {
    const { node, topic, taken } = client(TopicKind.Nearest, true)
    const origin = node.origins.at(mover, 0)
    node.resequencer.openBelow(topic, origin, 2)
    node.fromBelow(topic, published(mover, 2, 6), origin, 6)
    expect(taken).toEqual([])
    node.resequencer.take(topic, published(mover, 1, 4), 5)
    expect(taken).toEqual([1, 2])
  })

  it("begins where its origin says at a relay that does not follow the topic", () => {
    const { node, topic, taken } = client(TopicKind.Nearest, false)
    const origin = node.origins.at(mover, 0)
    node.resequencer.openBelow(topic, origin, 2)
    node.fromBelow(topic, published(mover, 2, 6), origin, 6)
    expect(taken).toEqual([2])
  })

  it("is forgotten when the host becomes another, whose first frame is its start (L5)", () => {
    const { node, topic, taken } = client(TopicKind.Nearest)
    topic.repairing = 1
    node.resequencer.take(topic, published(mover, 2, 6), 5)
    topic.repairing = 0
    node.resequencer.forgetFloating()
    node.resequencer.repairEnded(topic, "lost")
    expect(taken).toEqual([])
    node.resequencer.take(topic, published(mover, 1, 6), 5)
    node.resequencer.take(topic, published(mover, 2, 6), 5)
    expect(taken).toEqual([1, 2])
  })
})

describe("What an origin sent to a root that was lost", () => {
  it("is missed by its own numbers where those of the order have no hole: seed 4910 of the swarm", () => {
    const { node, topic, taken, told } = client(TopicKind.Ordered)
    node.resequencer.take(topic, published(mover, 1, 6, 1), 5)
    node.resequencer.take(topic, published(mover, 5, 6, 2), 5)
    expect([taken, told]).toEqual([[1, 5], ["its 2-4"]])
  })

  it("not where they have one as large, which was told", () => {
    const { node, topic, taken, told } = client(TopicKind.Ordered)
    node.resequencer.take(topic, published(mover, 1, 6, 1), 5)
    node.resequencer.take(topic, published(mover, 5, 6, 5), 5)
    node.resequencer.repairEnded(topic, "lost")
    node.resequencer.take(topic, published(mover, 6, 6, 6), 5)
    expect([taken, told]).toEqual([[1, 5, 6], ["2-4"]])
  })

  it("and by the positions of a baseline, which tell of both", () => {
    const { node, topic, told } = client(TopicKind.Ordered)
    const origin = node.origins.at(mover, 0)
    node.resequencer.take(topic, published(mover, 1, 6, 1), 5)
    node.resequencer.settle(topic, undefined, { first: 1, last: 3 }, "slow")
    node.resequencer.settle(topic, origin, { first: 1, last: 5 }, "slow")
    expect(told).toEqual(["2-3", "its 2-5"])
  })

  it("and by a gap of the host above, which had more of it before: seed 72811 of the swarm", () => {
    const { node, topic, told } = client(TopicKind.Ordered)
    node.resequencer.take(topic, published(mover, 4, 6, 43), 5)
    node.resequencer.newReign(topic)
    node.resequencer.takeGap(topic, lost(mover, 6, 6))
    expect(told).toEqual(["its 5-6"])
  })

  it("but not what is missed of the order already, and was told", () => {
    const { node, topic, told } = client(TopicKind.Ordered)
    node.resequencer.take(topic, published(mover, 4, 6, 1), 5)
    node.resequencer.settle(topic, undefined, { first: 1, last: 2 }, "lost")
    node.resequencer.takeGap(topic, lost(mover, 6, 6))
    expect(told).toEqual(["2-2", "its 6-6"])
  })

  it("nor what came before such a gap, and waits for the end of a repair", () => {
    const { node, topic, taken, told } = client(TopicKind.Ordered)
    node.resequencer.take(topic, published(mover, 3, 6, 1), 5)
    topic.repairing = 1
    node.resequencer.take(topic, published(mover, 5, 6, 3), 5)
    node.resequencer.takeGap(topic, lost(mover, 6, 7))
    node.resequencer.take(topic, published(mover, 4, 6, 2), 5)
    topic.repairing = 0
    expect([taken, told]).toEqual([[3, 4, 5], []])
    node.resequencer.repairEnded(topic, "lost")
    expect(told).toEqual(["its 6-7"])
  })

  it("and is told before another root without memory begins", () => {
    const { node, topic, taken, told } = client(TopicKind.Ordered)
    node.resequencer.take(topic, published(mover, 3, 6, 1), 5)
    node.resequencer.take(topic, published(mover, 5, 6, 3), 5)
    node.resequencer.takeGap(topic, lost(mover, 6, 7))
    expect(told).toEqual([])
    node.resequencer.newReign(topic)
    expect([taken, told]).toEqual([
      [3, 5],
      ["2-2", "its 6-7"],
    ])
  })

  it("is not told by numbers that may have come before the topic was left: seed 6308 of the swarm", () => {
    const { node, topic, taken, told } = client(TopicKind.Nearest, false, true)
    node.resequencer.take(topic, published(mover, 1, 6), 5)
    node.resequencer.forget(topic)
    node.resequencer.take(topic, published(mover, 5, 6), 5)
    expect([taken, told]).toEqual([[1, 5], ["1-1"]])
  })

  it("is not told by a gap from above of numbers that may have come before the topic was left: seed 8441 of the swarm", () => {
    const { node, topic, taken, told } = client(TopicKind.Nearest, false, true)
    node.resequencer.take(topic, published(mover, 1, 6), 5)
    node.resequencer.forget(topic)
    node.resequencer.takeGap(topic, lost(mover, 1, 4))
    node.resequencer.take(topic, published(mover, 5, 6), 5)
    expect([taken, told]).toEqual([[1, 5], ["1-1"]])
  })

  it("nor by one that waits for the end of a repair", () => {
    const { node, topic, taken, told } = client(TopicKind.Nearest, false, true)
    node.resequencer.take(topic, published(mover, 1, 6), 5)
    node.resequencer.forget(topic)
    topic.repairing = 1
    node.resequencer.takeGap(topic, lost(mover, 1, 4))
    node.resequencer.take(topic, published(mover, 5, 6), 5)
    topic.repairing = 0
    node.resequencer.repairEnded(topic, "lost")
    expect([taken, told]).toEqual([[1, 5], ["1-1"]])
  })

  it("nor by a second gap, nor by positions, before the first that comes", () => {
    const { node, topic, taken, told } = client(TopicKind.Nearest, false, true)
    node.resequencer.forget(topic)
    node.resequencer.takeGap(topic, lost(mover, 1, 4))
    node.resequencer.takeGap(topic, lost(mover, 5, 8))
    node.resequencer.settle(topic, node.origins.at(mover, 0), { first: 1, last: 9 }, "slow")
    node.resequencer.take(topic, published(mover, 10, 6), 5)
    node.resequencer.takeGap(topic, lost(mover, 11, 12))
    expect([taken, told]).toEqual([[10], ["1-1", "1-1", "1-1", "its 11-12"]])
  })
})

describe("Numbers of an order that a host above has given up (R5)", () => {
  function heard() {
    const all = client(TopicKind.Ordered, true)
    const void_: string[] = []
    all.node.events.on("diverged", ({ from, through, epoch }) => void_.push(`${from}-${through} in ${epoch}`))
    const below: [Kind, number, number, number][] = []
    all.node.down = {
      publish: (_topic, header) => {
        const { kind, epoch, order, sequence } = Frame.over(header.slice(), new Uint8Array(0))
        if (kind === Kind.Gap) below.push([kind, epoch, order, sequence])
        return 1
      },
    }
    for (let i = 1; i <= 4; i++) all.node.resequencer.take(all.topic, inReign(published(mover, i, 6, i), 4), 5)
    return { ...all, void_, below }
  }

  it("are void here too, though the first message that comes of the next reign has a higher one: promotion seed 5811", () => {
    const { node, topic, taken, told, void_ } = heard()
    node.resequencer.takeGap(topic, inReign(lost(new Uint8Array(16), 2, 1), 5))
    node.resequencer.takeGap(topic, lost(new Uint8Array(16), 2, 3))
    node.resequencer.take(topic, inReign(published(mover, 5, 6, 4), 5), 5)
    expect(void_).toEqual(["2-4 in 5"])
    expect(told).toEqual(["2-3"])
    expect(taken).toEqual([1, 2, 3, 4, 5])
  })

  it("are told to those below, by whoever heard that its host had kept less", () => {
    const { node, topic, void_, below } = heard()
    node.epoch = 6
    const reigns = [
      { epoch: 4, first: 1 },
      { epoch: 5, first: 4, after: 2 },
      { epoch: 6, first: 9 },
    ]
    node.resequencer.compareReigns(topic, reigns, 6)
    expect(void_).toEqual(["3-4 in 6"])
    expect(below).toEqual([
      [Kind.Gap, 5, 3, 2],
      [Kind.Gap, 5, 3, 2],
      [Kind.Gap, 6, 9, 8],
    ])
  })

  it("are told to those below, who may have heard more, by whoever has none to give up", () => {
    const { node, topic, void_, below } = heard()
    const reigns = [4, 5].map(epoch => ({ epoch, first: epoch === 4 ? 1 : 5 }))
    for (let i = 0; i < 2; i++) node.resequencer.compareReigns(topic, reigns, 5)
    expect([void_, below]).toEqual([[], [[Kind.Gap, 5, 5, 4]]])
  })

  it("are told to those below before the gap, when the first messages of a reign never come", () => {
    const { node, topic, taken, told, below } = heard()
    node.resequencer.take(topic, inReign(published(mover, 5, 6, 8), 5), 5)
    node.resequencer.repairEnded(topic, "lost")
    expect([taken, told]).toEqual([[1, 2, 3, 4, 5], ["5-7"]])
    expect(below).toEqual([
      [Kind.Gap, 5, 5, 4],
      [Kind.Gap, 0, 5, 7],
    ])
  })

  it("or when its positions say that they are lost", () => {
    const { node, topic, below } = heard()
    node.resequencer.take(topic, inReign(published(mover, 5, 6, 8), 5), 5)
    node.resequencer.settle(topic, undefined, { first: 1, last: 8 }, "lost")
    expect(below).toEqual([
      [Kind.Gap, 5, 5, 4],
      [Kind.Gap, 0, 5, 7],
    ])
  })

  it("are told to those below, by whoever was told, and not what is known to be older", () => {
    const { node, topic, void_, below } = heard()
    node.resequencer.takeGap(topic, inReign(lost(new Uint8Array(16), 3, 2), 5))
    expect([void_, below]).toEqual([["3-4 in 5"], [[Kind.Gap, 5, 3, 2]]])
    node.resequencer.takeGap(topic, inReign(lost(new Uint8Array(16), 3, 2), 4))
    expect([void_.length, below.length]).toEqual([1, 1])
  })

  it("mean nothing to who has heard none, or is told by a host that does not name the reign", () => {
    const { node, topic, void_, below } = heard()
    node.resequencer.takeGap(topic, inReign(lost(new Uint8Array(16), 5, 4), 5))
    node.resequencer.takeGap(topic, lost(new Uint8Array(16), 2, 1))
    expect(void_).toEqual([])
    expect(below).toEqual([[Kind.Gap, 5, 5, 4]])
  })
})
