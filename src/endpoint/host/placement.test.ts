import { describe, expect, it } from "vitest"
import { SeededRandom } from "../../core/random.ts"
import { directTopicBytes, newPrivatePrefix } from "../private-topic.ts"
import type { RoomNumbers } from "../room.ts"
import { TopicTable } from "../topic-table.ts"
import { Link } from "./link.ts"
import { type Joining, Placement } from "./placement.ts"
import { RelayRoom } from "./relay-room.ts"

const random = new SeededRandom(1)
const roomFor = (free: number): RoomNumbers => ({ free, below: 0, levels: 0, height: 0, size: 1, spare: 1000 })
const plain: Joining = { relay: false, height: 0, settle: false, dialled: "sim://h" }
const relayWith = (free: number): Joining => ({
  relay: true,
  height: 0,
  settle: false,
  dialled: "sim://h",
  room: { $typeName: "zinc.v1.Room", ...roomFor(free) },
})

/** A host with so many plain clients and relays; each relay says that it has room for so many. */
function scene(fanOut: number, maxClients: number, leaves: number, relays: readonly (number | RoomNumbers)[]) {
  const links: Link[] = []
  const table = {
    get size() {
      return links.length
    },
    [Symbol.iterator]: () => links[Symbol.iterator](),
  }
  const placement = new Placement({ random, place: { depth: 0 }, links: table, fanOut, maxClients, maxDepth: 8 })
  const add = (name: string, free?: number | RoomNumbers) => {
    const id = links.length + 1
    const prefix = newPrivatePrefix(id, random)
    const [session, ticket, peer] = [random.bytes(16), random.bytes(16), { bytes: random.bytes(16), id: undefined }]
    const directTopic = new TopicTable(1).of(directTopicBytes(prefix))
    const room =
      free === undefined ? undefined : new RelayRoom([`sim://${name}`], typeof free === "number" ? roomFor(free) : free)
    const relay = free !== undefined
    const link = new Link({ id, session, ticket, peer, name, relay, prefix, directTopic, room, grants: undefined })
    link.dialled = "sim://h"
    link.joined = true
    links.push(link)
    placement.add(link)
  }
  for (let n = 1; n <= leaves; n++) add(`leaf ${n}`)
  for (const [n, free] of relays.entries()) add(`relay ${n + 1}`, free)
  /** The last is away. */
  const loseOne = () => {
    links.at(-1)!.awaySince = 0
    return placement
  }
  return Object.assign(placement, { loseOne })
}

describe("Placement", () => {
  it("takes a relay beyond the fan-out while plain clients have the places, and only then", () => {
    expect(scene(4, 100, 50, [8]).decide(relayWith(4)).do).toBe("take")
    expect(scene(4, 100, 50, [8]).sendsOn(relayWith(4))).toBe(false)
    expect(scene(4, 100, 50, [8]).decide(plain).do).toBe("sendOn")
    expect(scene(4, 100, 50, [8, 8, 8, 8]).decide(relayWith(4)).do).toBe("sendOn")
    expect(scene(4, 100, 50, [8]).decide(relayWith(0)).do).toBe("sendOn")
    expect(scene(4, 51, 50, [8]).decide(relayWith(4)).do).toBe("sendOn")
  })

  it("sends on to the relay with more room of its own, whatever there is below", () => {
    for (let round = 0; round < 20; round++) {
      const decision = scene(2, 100, 0, [{ ...roomFor(1), below: 9 }, roomFor(2)]).decide(plain)
      expect(decision).toMatchObject({ do: "sendOn", candidates: [{ name: "relay 2" }, { name: "relay 1" }] })
    }
  })

  it("keeps a quarter of its places for relays, at least one", () => {
    expect(scene(3, 100, 0, [8]).decide(plain).do).toBe("take")
    expect(scene(3, 100, 1, [8]).decide(plain).do).toBe("sendOn")
    expect(scene(8, 100, 4, [8]).decide(plain).do).toBe("take")
    expect(scene(8, 100, 5, [8]).decide(plain).do).toBe("sendOn")
  })

  it("takes one in the place of another that is away, though that may come back", () => {
    const lost = scene(2, 100, 0, [8, 8]).loseOne()
    expect(lost.sendsOn(relayWith(4))).toBe(false)
    expect(lost.decide(relayWith(4)).do).toBe("take")
    expect(lost.decide(plain).do).toBe("sendOn")
  })
})
