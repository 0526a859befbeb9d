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
    acknowledgements.flush()
    expect(acknowledgements.isPressing(a)).toBe(false)
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
