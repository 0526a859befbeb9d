import { createColors } from "picocolors"
import { describe, expect, it } from "vitest"
import { newEndpointId, SeededRandom } from "../../core/index.ts"
import type { EndpointId, RosterEntry } from "../../index.ts"
import { shownWidth } from "../table.ts"
import { branchesOf, nestedOf } from "./tree-branches.ts"
import { newsOf } from "./tree-news.ts"
import { clipped, headLine, treePicture } from "./tree-picture.ts"

const random = new SeededRandom(1)
const colours = createColors(false)

function entry(name: string, parent: RosterEntry | undefined, more: Partial<RosterEntry> = {}): RosterEntry {
  const id = newEndpointId(random)
  const path = [...(parent?.path ?? []), id]
  return {
    id,
    name,
    role: parent === undefined ? "root" : "client",
    isVoter: false,
    parent: parent?.id,
    path,
    depth: path.length - 1,
    addresses: [],
    epoch: 3,
    clients: 0,
    rates: { messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0 },
    loopLagMs: 0,
    version: "0.1.0",
    state: "up",
    queueLagMs: 0,
    roundTripMs: undefined,
    ageMs: 10,
    ...more,
  }
}

const hub = entry("hub", undefined, { clients: 2, addresses: ["tcp://a:1"] })
const floor = entry("floor", hub, { role: "relay", clients: 3 })
const ada = entry("ada", floor, { rates: { messagesIn: 1200, messagesOut: 0, bytesIn: 2048, bytesOut: 0 } })
const ben = entry("ben", floor, { state: "away", queueLagMs: 2500 })
const cem = entry("cem", floor)
const me = entry("me", hub, { roundTripMs: 0.25 })
const all = [hub, floor, ada, ben, cem, me]

describe("treePicture", () => {
  const drawn = (entries: readonly RosterEntry[], lines?: number) =>
    treePicture({ entries, self: me.id, colours, ...(lines === undefined ? {} : { lines }) }).split("\n")

  it("has a line for each endpoint below its host, with what it takes in and how far it is behind", () => {
    const lines = drawn(all)
    expect(lines.slice(1).map(line => line.split(/ {2,}/)[0])).toEqual([
      "hub",
      "├ floor",
      "│ ├ ada",
      "│ ├ ben",
      "│ └ cem",
      "└ me (you)",
    ])
    expect(drawn([{ ...hub, isVoter: true }])[1]).toMatch(/hub +root, voter +up/)
    expect(lines[3]).toMatch(/ada +client +up +1,200 +0 +2\.0 KiB$/)
    expect(lines[4]).toMatch(/ben +client +away +0 +0 +2\.5 s$/)
    expect(lines[6]).toMatch(/0\.25 ms$/)
  })

  it("sums up the clients there is no line for, and leaves out no host", () => {
    const many = Array.from({ length: 40 }, (_, i) => entry(`c${i}`, floor, i === 39 ? { state: "away" } : {}))
    const lines = drawn([...all, ...many], 10)
    expect(lines.length).toBeLessThanOrEqual(11)
    expect(lines.join("\n")).toContain("floor")
    expect(lines.join("\n")).toMatch(/└ … 3\d more +client +1 away/)
  })

  it("shows also who is below nobody known, and two that are told to be below each other", () => {
    const stray = entry("stray", ada, { parent: newEndpointId(random) })
    const [left, right] = [newEndpointId(random), newEndpointId(random)]
    const loop = [entry("left", hub, { id: left, parent: right }), entry("right", hub, { id: right, parent: left })]
    const names = drawn([...all, stray, ...loop]).map(line => /[a-z]+/.exec(line)?.[0])
    for (const name of ["stray", "left", "right"]) expect(names.filter(each => each === name)).toEqual([name])
  })

  it("never wraps, however narrow the terminal", () => {
    const coloured = treePicture({ entries: all, self: me.id, colours: createColors(true) })
    for (const columns of [20, 60, 200])
      for (const line of coloured.split("\n")) expect(shownWidth(clipped(line, columns))).toBeLessThan(columns)
  })
})

describe("headLine", () => {
  it("says what the tree comes to", () =>
    expect(headLine(all, colours)).toBe("6 endpoints · 1 relay · 2 deep · at most 3 at one host · epoch 3 · 1 away"))

  it("says when ordered topics refuse what is sent", () =>
    expect(headLine(all, colours, true)).toMatch(/1 away · read-only: no majority of the voters$/))
})

describe("nestedOf", () => {
  it("has each endpoint with its clients in children, and says who looks", () => {
    const [root] = branchesOf(all).map(each => nestedOf(each, me.id))
    expect(root).toMatchObject({
      name: "hub",
      parent: null,
      children: [
        { name: "floor", parent: hub.id, children: [{ name: "ada" }, { name: "ben" }, { name: "cem" }] },
        { name: "me", you: true, roundTripMs: 0.25 },
      ],
    })
  })
})

describe("newsOf", () => {
  const roster = { get: (id: EndpointId) => all.find(each => each.id === id) }
  const words = (change: Partial<Parameters<typeof newsOf>[0]>) =>
    newsOf({ type: "change", arrived: [], changed: [], departed: [], ...change }, roster, colours).map(
      each => each.words,
    )

  it("tells who comes and goes, and where", () => {
    expect(words({ arrived: [floor, ada], departed: [ben] })).toEqual([
      "+ floor came as a relay below hub",
      "+ ada came below floor",
      "- ben left",
    ])
  })

  it("tells of moves, of who is away and back, and of a new root", () => {
    const changed = (entry: RosterEntry, before: Partial<RosterEntry>) => [{ entry, before: { ...entry, ...before } }]
    expect(words({ changed: changed(ada, { parent: hub.id }) })).toEqual(["→ ada moved from hub to floor"])
    expect(words({ changed: changed(ben, { state: "up" }) })).toEqual(["! ben is away"])
    expect(words({ changed: changed(ada, { state: "away" }) })).toEqual(["+ ada is back"])
    expect(words({ changed: changed(hub, { role: "relay", epoch: 2 }) })).toEqual(["♛ hub is root now, epoch 3"])
    expect(words({ changed: changed(hub, { epoch: 2 }) })).toEqual(["♛ epoch 3 of hub"])
    expect(words({ changed: changed(cem, { queueLagMs: 500 }) })).toEqual([])
  })
})
