import { describe, expect, it } from "vitest"
import { SeededRandom } from "../../core/random.ts"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import { directTopicBytes, newPrivatePrefix } from "../private-topic.ts"
import { TopicTable } from "../topic-table.ts"
import { drainTo } from "./drain.ts"
import { Link } from "./link.ts"
import { LinkTable } from "./link-table.ts"

const heir = { name: "heir", addresses: ["tcp://10.0.0.1:9"] }

function scene(clients: number) {
  const random = new SeededRandom(1)
  const clock = new SimulatedClock()
  const topics = new TopicTable(1)
  const links = new LinkTable(random)
  const join = (name: string, relay: boolean) => {
    const id = links.size + 1
    const prefix = newPrivatePrefix(id, random)
    const directTopic = topics.of(directTopicBytes(prefix))
    const [session, bytes] = [random.bytes(16), random.bytes(16)]
    const peer = { bytes, id: undefined }
    const link = new Link({ id, session, ticket: session, peer, name, relay, prefix, directTopic, grants: undefined })
    links.add(link)
    links.controlledBy(link, id)
    return link
  }
  join(heir.name, true)
  for (let at = 1; at <= clients; at++) join(`client ${at}`, false)
  const asked: Link[] = []
  const lists = () => ({ ancestors: [], succession: [], voters: [] })
  let done = false
  void drainTo({ clock, self: random.bytes(16), links, lists, tell: link => asked.push(link) > 0 }, heir, 1000).then(
    () => {
      done = true
    },
  )
  return { clock, links, asked, isDone: () => done }
}

describe("A root that gives its reign away", () => {
  it("asks as many of its clients at a time as leave others to listen, and the next when one has gone", async () => {
    const { clock, links, asked, isDone } = scene(5)
    await clock.run(20)
    expect(asked.map(({ name }) => name)).toEqual(["client 1", "client 2"])
    links.end(asked[1]!)
    await clock.run(10)
    expect(asked.map(({ name }) => name)).toEqual(["client 1", "client 2", "client 3"])
    for (let at = 0; at < 5; at++) {
      for (const link of [...asked]) links.end(link)
      await clock.run(10)
    }
    expect(asked).toHaveLength(5)
    expect(isDone()).toBe(true)
  })

  it("asks an eighth of many at once", async () => {
    const { clock, asked } = scene(80)
    await clock.run(20)
    expect(asked).toHaveLength(11)
  })

  it("lets the others go before it asks those again who have not gone", async () => {
    const { clock, asked, isDone } = scene(3)
    await clock.run(300)
    expect(asked.map(({ name }) => name)).toEqual(["client 1", "client 2", "client 3", "client 1"])
    await clock.run(800)
    expect(isDone()).toBe(true)
  })
})
