import { describe, expect, it } from "vitest"
import { newEndpointId } from "../../core/id.ts"
import { SeededRandom } from "../../core/random.ts"
import { type Standing, standingFromMessage, standingToMessage } from "./roster-entry.ts"
import { RosterOutbox } from "./roster-outbox.ts"
import { type Change, RosterTable } from "./roster-table.ts"
import { idle } from "./traffic.ts"

const random = new SeededRandom(1)
const [root, ada] = [newEndpointId(random), newEndpointId(random)]

function standing(attach: number, clock: number, more: Partial<Standing> = {}): Standing {
  return {
    id: ada,
    name: "ada",
    role: "client",
    isVoter: false,
    parent: root,
    addresses: [],
    epoch: 0,
    clients: 0,
    rates: idle,
    loopLagMs: 0,
    version: "1",
    state: "up",
    queueLagMs: 0,
    roundTripMs: undefined,
    attach,
    clock,
    seenAt: 0,
    ...more,
  }
}

function scene() {
  const changes: Change[] = []
  const [above, left, right] = [{}, {}, {}]
  const table = new RosterTable(change => changes.push(change), above)
  const said = () => {
    const known = table.get(ada)
    return known === undefined ? undefined : [known.standing.attach, known.standing.clock, known.standing.state]
  }
  return { table, changes, above, left, right, said }
}

describe("RosterTable", () => {
  it("takes what is newer, by attachments first and then by how often it has spoken", () => {
    const { table, left, right, said } = scene()
    expect(table.tell(standing(2, 5), left)).toBe(true)
    expect(table.tell(standing(1, 9), right)).toBe(false)
    expect(table.tell(standing(2, 4), right)).toBe(false)
    expect(said()).toEqual([2, 5, "up"])
    expect(table.tell(standing(3, 1), right)).toBe(true)
    expect([...table.of(left)]).toEqual([])
    expect(said()).toEqual([3, 1, "up"])
  })

  it("lets no late departure beat a newer arrival, nor a late arrival a departure", () => {
    const { table, left, right, said } = scene()
    table.tell(standing(1, 1), left)
    table.tell(standing(2, 1), right)
    table.depart(ada, left)
    expect(said()).toEqual([2, 1, "up"])
    table.depart(ada, right)
    expect(said()).toBeUndefined()
    expect(table.tell(standing(1, 7), left)).toBe(false)
    expect(table.tell(standing(2, 1), left)).toBe(false)
    // It was not gone for good after all.
    expect(table.tell(standing(2, 2), left)).toBe(true)
  })

  it("keeps those below a lost link for a while, and lets them come by another", () => {
    const { table, changes, left, right, said } = scene()
    table.tell(standing(1, 4), left)
    table.freeze([...table.of(left)], left, 1000)
    table.thaw(1000)
    expect(said()).toEqual([1, 4, "away"])
    // The relay above it has moved: it has noticed nothing, and says just what it said before.
    expect(table.tell(standing(1, 4), right)).toBe(true)
    table.thaw(9000)
    expect(said()).toEqual([1, 4, "up"])
    table.freeze([...table.of(right)], right, 9000)
    table.thaw(9001)
    expect(said()).toBeUndefined()
    expect(changes.at(-1)).toMatchObject({ id: ada, after: undefined })
  })

  it("believes no relay that a client which is here is elsewhere, unless its host is lost; but the host above", () => {
    const { table, above, left, right, said } = scene()
    table.tell(standing(1, 1), left, true)
    expect(table.tell(standing(7, 1), right)).toBe(false)
    expect(table.tell(standing(7, 1), above)).toBe(true)
    table.tell(standing(8, 1, { state: "away" }), left, true)
    expect(table.tell(standing(8, 2), right)).toBe(false)
    expect(table.tell(standing(9, 2), right)).toBe(true)
    expect(said()).toEqual([9, 2, "up"])
  })
})

describe("RosterOutbox", () => {
  it("tells all in a census, then each that changed once, with its latest, and what had no room again", () => {
    const { table, left } = scene()
    const outbox = new RosterOutbox(table, () => true)
    const sent: string[] = []
    let room = 1
    const flush = () =>
      outbox.flush(0, ({ entries = [], departed = [], first, last }) => {
        if (room-- <= 0) return false
        const clocks = entries.map(each => `${each.clock}`).join()
        sent.push(`${first ? "first " : ""}${last ? "last " : ""}${clocks}${departed.length > 0 ? " departed" : ""}`)
        return true
      })
    expect(flush()).toBe(true)
    table.tell(standing(1, 1), left)
    outbox.touch(ada)
    table.tell(standing(1, 2), left)
    outbox.touch(ada)
    expect([room, flush(), outbox.isEmpty]).toEqual([0, false, false])
    room = 2
    expect([flush(), flush(), outbox.isEmpty]).toEqual([true, true, true])
    table.depart(ada, left)
    outbox.touch(ada)
    flush()
    expect(sent).toEqual(["first last ", "2", " departed"])
  })

  it("splits a census that is long, and goes on with it when there is room", () => {
    const { table, left } = scene()
    for (let n = 0; n < 600; n++) table.tell(standing(1, 1, { id: newEndpointId(random) }), left)
    const outbox = new RosterOutbox(table, () => true)
    const sent: [number, boolean, boolean][] = []
    let room = 2
    const flush = () =>
      outbox.flush(0, ({ entries = [], first = false, last = false }) => {
        if (room-- <= 0) return false
        sent.push([entries.length, first, last])
        return true
      })
    expect(flush()).toBe(false)
    room = 5
    expect(flush()).toBe(true)
    expect(sent).toEqual([
      [256, true, false],
      [256, false, false],
      [88, false, true],
    ])
  })
})

describe("A roster entry", () => {
  it("travels, with its age by the clock of each who keeps it", () => {
    const said = standing(3, 4, {
      addresses: ["tcp://a:1"],
      roundTripMs: 0.25,
      state: "degraded",
      isVoter: true,
      seenAt: 100,
    })
    const message = standingToMessage(said, 400)
    expect(standingFromMessage(message as never, 5000)).toEqual({ ...said, seenAt: 4700 })
  })

  it("is refused without a sound id", () => {
    const message = { ...standingToMessage(standing(1, 1), 0), endpointId: new Uint8Array(15) }
    expect(() => standingFromMessage(message as never, 0)).toThrow(expect.objectContaining({ code: "BadFrame" }))
  })
})
