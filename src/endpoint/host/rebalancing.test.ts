import { describe, expect, it } from "vitest"
import { SeededRandom } from "../../core/random.ts"
import { directTopicBytes, newPrivatePrefix } from "../private-topic.ts"
import { TopicTable } from "../topic-table.ts"
import { Link } from "./link.ts"
import { Rebalancing } from "./rebalancing.ts"

const random = new SeededRandom(1)

function clients(count: number): Link[] {
  return Array.from({ length: count }, (_, at) => {
    const prefix = newPrivatePrefix(at + 1, random)
    const directTopic = new TopicTable(1).of(directTopicBytes(prefix))
    const [session, ticket, peer] = [random.bytes(16), random.bytes(16), { bytes: random.bytes(16), id: undefined }]
    const link = new Link({
      ...{ id: at + 1, session, ticket, peer, name: `c${at + 1}`, relay: false, prefix, directTopic },
      room: undefined,
      grants: undefined,
    })
    link.joined = true
    return link
  })
}

/** Who of the clients is asked to move within so many heartbeats, at a host that wants four. */
function asked(links: readonly Link[], beats = 20): number {
  let count = 0
  const rebalancing = new Rebalancing({
    links,
    placement: { offer: () => [{ endpointId: new Uint8Array(16), name: "r", addresses: ["sim://r"] }] },
    tell: () => ++count > 0,
    fanOut: 4,
    maxClients: 100,
    heartbeatMs: 1000,
    isSteady: () => true,
  })
  for (let beat = 1; beat <= beats; beat++) rebalancing.tick(beat * 1000)
  return count
}

describe("Rebalancing", () => {
  it("asks as many to move as are beyond the fan-out, once there are well more", () => {
    expect(asked(clients(5))).toBe(0)
    expect(asked(clients(7))).toBeGreaterThanOrEqual(3)
  })

  it("does not count who is away: it may be elsewhere already", () => {
    const links = clients(7)
    for (const link of links.slice(0, 3)) link.awaySince = 1
    expect(asked(links)).toBe(0)
  })
})
