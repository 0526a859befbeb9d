import { describe, expect, it } from "vitest"
import { SeededRandom } from "../../core/random.ts"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import { directTopicBytes, newPrivatePrefix } from "../private-topic.ts"
import { TopicTable } from "../topic-table.ts"
import { Acknowledgements } from "./acknowledgements.ts"
import { Link } from "./link.ts"

function scene() {
  const clock = new SimulatedClock()
  const random = new SeededRandom(1)
  const told: string[] = []
  const acknowledgements = new Acknowledgements(clock, (link, body) => {
    if (body.case !== "ack") throw new Error(`not an ack but ${body.case}`)
    told.push(`${link.name} ${body.value.received}${body.value.resend ? " again" : ""}`)
    return true
  })
  const link = (name: string, id: number) => {
    const prefix = newPrivatePrefix(id, random)
    const [session, ticket, peer] = [random.bytes(16), random.bytes(16), { bytes: random.bytes(16), id: undefined }]
    const directTopic = new TopicTable(1).of(directTopicBytes(prefix))
    return new Link({ id, session, ticket, peer, name, relay: false, prefix, directTopic, grants: undefined })
  }
  return { clock, acknowledgements, told, a: link("a", 1), b: link("b", 2) }
}

describe("Acknowledgements", () => {
  it("gathers what comes for a moment, and says once how far each leg has come", () => {
    const { clock, acknowledgements, told, a, b } = scene()
    for (let n = 1; n <= 5; n++) {
      a.received = n
      acknowledgements.soon(a)
    }
    b.received = 9
    acknowledgements.soon(b)
    expect(told).toEqual([])
    clock.advance(2)
    expect(told).toEqual(["a 5", "b 9"])
    clock.advance(100)
    expect(told).toHaveLength(2)
  })

  it("flushed, says it now and not again", () => {
    const { clock, acknowledgements, told, a, b } = scene()
    a.received = 3
    acknowledgements.soon(a)
    acknowledgements.flush()
    expect(told).toEqual(["a 3"])
    acknowledgements.soon(b)
    clock.advance(100)
    expect(told).toEqual(["a 3", "b 0"])
  })

  it("presses when much has come since the last", () => {
    const { acknowledgements, a } = scene()
    a.received = 1023
    expect(acknowledgements.isPressing(a)).toBe(false)
    a.received = 1024
    expect(acknowledgements.isPressing(a)).toBe(true)
    acknowledgements.soon(a)
    acknowledgements.flush(a)
    expect(acknowledgements.isPressing(a)).toBe(false)
    a.rooted = 1024
    expect(acknowledgements.isPressing(a)).toBe(true)
  })

  it("flushed for one, leaves the others to their time", () => {
    const { clock, acknowledgements, told, a, b } = scene()
    a.received = b.received = 1
    acknowledgements.soon(a)
    acknowledgements.soon(b)
    acknowledgements.flush(a)
    acknowledgements.flush(a)
    expect(told).toEqual(["a 1"])
    clock.advance(2)
    expect(told).toEqual(["a 1", "b 1"])
  })

  it("of a stream, has the first few wait for two milliseconds and the others for twenty, until it has been quiet", () => {
    const { clock, acknowledgements, told, a } = scene()
    const waits = (count: number) =>
      Array.from({ length: count }, () => {
        const before = told.length
        acknowledgements.soon(a)
        let waited = 0
        for (; told.length === before && waited < 1000; waited++) clock.advance(1)
        return waited
      })
    expect(waits(6)).toEqual([2, 2, 2, 2, 20, 20])
    clock.advance(99)
    expect(waits(1)).toEqual([20])
    clock.advance(100)
    expect(waits(1)).toEqual([2])
  })

  it("has one that is due early go early though another waits for longer", () => {
    const { clock, acknowledgements, told, a, b } = scene()
    a.acknowledged.at = clock.now()
    a.acknowledged.inARow = 4
    acknowledgements.soon(a)
    clock.advance(5)
    acknowledgements.soon(b)
    clock.advance(2)
    expect(told).toEqual(["b 0"])
    clock.advance(13)
    expect(told).toEqual(["b 0", "a 0"])
  })

  it("says nothing to a client that is away", () => {
    const { acknowledgements, told, a } = scene()
    a.awaySince = 0
    acknowledgements.soon(a)
    acknowledgements.flush()
    expect(told).toEqual([])
  })

  it("asks for a resend again only when the last had time to come", () => {
    const { clock, acknowledgements, told, a } = scene()
    a.received = 4
    a.roundTripMs = 40
    acknowledgements.askResend(a)
    clock.advance(79)
    acknowledgements.askResend(a)
    expect(told).toEqual(["a 4 again"])
    clock.advance(1)
    acknowledgements.askResend(a)
    expect(told).toEqual(["a 4 again", "a 4 again"])
  })
})
