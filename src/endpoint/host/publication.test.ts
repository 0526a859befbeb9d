import { describe, expect, it } from "vitest"
import { readU64 } from "../../core/bytes.ts"
import { newEndpointId } from "../../core/id.ts"
import { silentLogger } from "../../core/logger.ts"
import { SeededRandom } from "../../core/random.ts"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import { decodeControl, decodeMark } from "../../message/control.ts"
import { At, Flag, headerBytes } from "../../message/header.ts"
import { encodeTopic, TopicKind } from "../../message/topic.ts"
import { Node } from "../node.ts"
import { markTopic } from "../private-topic.ts"
import { Publication } from "./publication.ts"

/** A publication and copies of what went out. */
function scene(replayMessages = 1000) {
  const clock = new SimulatedClock()
  const random = new SeededRandom(1)
  const node = new Node({ id: newEndpointId(random), clock, random, logger: silentLogger })
  const out: Uint8Array[][] = []
  /** How many frames were out at each call of `before`. */
  const before: number[] = []
  const publication = new Publication({
    node,
    publisher: { send: frames => void out.push(frames.map(frame => frame.slice())) },
    replayMessages,
    replayBytes: 10_000_000,
    referenceBytes: 6 * 1024,
    before: () => void before.push(out.length),
  })
  const topic = (name: string) => node.topics.of(encodeTopic(TopicKind.Nearest, name))
  const publish = (name: string, bytes = 1) =>
    publication.publish(topic(name), new Uint8Array(headerBytes), new Uint8Array(bytes), 0)
  /** Everything of a topic, from the start, as an asker gets it part by part. */
  const repair = (name: string, after: number) => {
    const frames = publication.repairPart({ mayReceive: () => true, droppedThrough: 0, steps: 0 }, 7, [
      { topic: topic(name).bytes, after, through: publication.published },
    ])
    const { body } = decodeControl(frames[0]!)
    if (body.case !== "repair") throw new Error(`not a repair but ${body.case}`)
    const headers = frames.filter((_, i) => i % 3 === 2)
    return { ...body.value, headers, numbers: headers.map(header => readU64(header, At.Number)) }
  }
  const marks = () =>
    out.filter(([topic]) => Buffer.compare(topic!, markTopic) === 0).map(([, , body]) => decodeMark(body!))
  return { publication, publish, repair, out, before, marks }
}

describe("Publication", () => {
  it("numbers all it publishes, and names the one before on the same topic", () => {
    const { publish, out, publication } = scene()
    for (const name of "aabab") publish(name)
    expect(out.map(([, header]) => [readU64(header!, At.Number), readU64(header!, At.Previous)])).toEqual([
      [1, 0],
      [2, 1],
      [3, 0],
      [4, 2],
      [5, 3],
    ])
    expect(publication.published).toBe(5)
  })

  it("lets what must go before a frame go before it", () => {
    const { publish, before } = scene()
    publish("a")
    publish("b")
    expect(before).toEqual([0, 1])
  })

  it("marks how far it came, and of each topic the last number, once", () => {
    const { publication, publish, marks } = scene()
    publication.mark(0)
    expect(publication.marked).toBe(0)
    for (const name of "aba") publish(name)
    publication.mark(10)
    publication.mark(20)
    expect(marks().map(mark => [mark.number, mark.published, mark.topics.map(each => each.number)])).toEqual([
      [1n, 3n, [3n, 2n]],
    ])
    publish("b")
    publication.mark(30)
    expect(marks().at(-1)).toMatchObject({ number: 2n, published: 5n, topics: [{ number: 5n }] })
  })

  it("marks again each second while somebody has not reported the last one", () => {
    const { publication, publish, marks } = scene()
    publish("a")
    publication.mark(0, true)
    for (const now of [250, 999, 1000, 1250]) publication.mark(now, true)
    publication.mark(2500, false)
    expect(marks().map(mark => [mark.number, mark.topics.length])).toEqual([
      [1n, 1],
      [2n, 0],
    ])
  })

  it("tells of more topics than one mark takes with the next ones", () => {
    const { publication, publish, marks } = scene()
    for (let i = 0; i < 300; i++) publish(`t${i}`)
    for (let now = 0; now < 5; now++) publication.mark(now)
    const told = marks().flatMap(mark => mark.topics.map(each => each.number))
    expect(told).toEqual(Array.from({ length: 300 }, (_, i) => BigInt(i + 1)))
    expect(publication.marked).toBe(2)
  })

  it("measures lag from the first mark that was not reported", () => {
    const { publication, publish } = scene()
    expect(publication.lagSince(0, 50)).toBe(0)
    for (const at of [100, 200, 300]) {
      publish("a")
      publication.mark(at)
    }
    expect([0, 1, 2, 3].map(mark => publication.lagSince(mark, 350))).toEqual([250, 150, 50, 0])
    publication.forgive(40)
    expect([0, 1, 2, 3].map(mark => publication.lagSince(mark, 350))).toEqual([210, 110, 10, 0])
  })

  it("repairs in parts, each saying how far it goes, the last that it is whole", () => {
    const { publish, repair } = scene()
    for (let i = 0; i < 10; i++) publish("a", 60 * 1024)
    const first = repair("a", 0)
    expect(first).toMatchObject({ id: 7, lost: [], through: 5n, numbers: [1, 2, 3, 4, 5] })
    expect(first.headers.every(header => (header[At.Flags]! & Flag.Again) !== 0)).toBe(true)
    expect(repair("a", 5)).toMatchObject({ through: 0n, numbers: [6, 7, 8, 9, 10] })
  })

  it("says what its ring no longer keeps", () => {
    const { publish, repair } = scene(3)
    for (let i = 0; i < 5; i++) publish("a")
    expect(repair("a", 0)).toMatchObject({ lost: [{ after: 0n, through: 2n }], numbers: [3, 4, 5] })
  })
})
