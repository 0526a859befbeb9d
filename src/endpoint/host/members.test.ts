import { describe, expect, it } from "vitest"
import { equalBytes } from "../../core/bytes.ts"
import { SeededRandom } from "../../core/random.ts"
import type { Members as Message } from "../../message/control.ts"
import type { Link } from "./link.ts"
import { Members } from "./members.ts"

const id = (fill: number) => new Uint8Array(16).fill(fill)
const link = (name: string, peer = 0, attach = 0): Link =>
  ({ name, peer: { bytes: id(peer) }, attach, adoptedAt: 0 }) as unknown as Link
const message = (fields: {
  /** Id, name, attachment and host. */
  arrived?: [number, string, number?, number?][]
  departed?: number[]
  first?: boolean
  last?: boolean
}) =>
  ({
    arrived: (fields.arrived ?? []).map(([fill, name, attach = 0, host = 99]) => ({
      endpointId: id(fill),
      name,
      hostId: id(host),
      attach,
    })),
    departed: (fields.departed ?? []).map(id),
    first: fields.first ?? false,
    last: fields.last ?? false,
  }) as unknown as Message

function setUp() {
  const events: string[] = []
  const own: Link[] = []
  const members = new Members({
    random: new SeededRandom(1),
    ownOf: sought => own.find(({ peer }) => equalBytes(peer.bytes, sought)),
    onArrived: ({ name }) => events.push(`+${name}`),
    onDeparted: ({ name }) => events.push(`-${name}`),
    onMoved: ({ name }, from) => events.push(`${name} from ${from.name}`),
    onChanged: ({ name }) => events.push(`${name} elsewhere`),
  })
  return { members, events, own, left: link("left"), right: link("right") }
}

describe("Members", () => {
  it("knows through whom each is reached, by id and by name", () => {
    const { members, left, right } = setUp()
    members.told(left, message({ arrived: [[1, "ada"]] }))
    members.told(right, message({ arrived: [[2, "ada"]] }))
    expect(members.ofId(id(2))!.via).toBe(right)
    expect(members.named("ada").map(({ via }) => via)).toEqual([left, right])
    expect(members.named("ada", 1)).toHaveLength(1)
    expect([...members]).toHaveLength(2)
  })

  it("keeps of a name what a name may be, and nothing of whoever has no host of an id's length", () => {
    const { members, left } = setUp()
    members.told(left, message({ arrived: [[1, "a".repeat(1000)]] }))
    expect(members.ofId(id(1))!.name).toBe("a".repeat(64))
    const { arrived, ...rest } = message({ arrived: [[2, "ben"]] })
    members.told(left, { ...rest, arrived: [{ ...arrived[0]!, hostId: new Uint8Array(17) }] } as Message)
    expect(members.ofId(id(2))).toBeUndefined()
  })

  it("a census over several messages takes out who is not in it, and tells of changes only", () => {
    const { members, events, left } = setUp()
    members.told(
      left,
      message({
        arrived: [
          [1, "a"],
          [2, "b"],
          [3, "c"],
        ],
      }),
    )
    members.told(left, message({ arrived: [[1, "a"]], first: true }))
    members.told(left, message({ arrived: [[4, "d"]] }))
    members.told(left, message({ arrived: [[3, "c"]], last: true }))
    expect(events).toEqual(["+a", "+b", "+c", "+d", "-b"])
  })

  it("one that moved stays when the host it came from says that it left", () => {
    const { members, events, left, right } = setUp()
    members.told(left, message({ arrived: [[1, "a"]] }))
    members.told(right, message({ arrived: [[1, "a"]] }))
    members.told(left, message({ departed: [1] }))
    expect([members.ofId(id(1))?.via, events]).toEqual([right, ["+a", "+a", "a from left"]])
  })

  it("a late claim of the host that it came from changes nothing, nor does its end", () => {
    const { members, events, left, right } = setUp()
    members.told(left, message({ arrived: [[1, "a", 1]] }))
    members.told(right, message({ arrived: [[1, "a", 2]] }))
    members.told(left, message({ arrived: [[1, "a", 1]], first: true, last: true }))
    members.told(left, message({ departed: [1] }))
    expect([members.ofId(id(1))?.via, events]).toEqual([right, ["+a", "+a", "a from left"]])
  })

  it("whoever else claims it has it when the claim that counted is taken back", () => {
    const { members, events, left, right } = setUp()
    members.told(left, message({ arrived: [[1, "a", 1]] }))
    // It asked there, was taken, and stayed where it was.
    members.told(right, message({ arrived: [[1, "a", 2]] }))
    members.forget(right)
    expect([members.ofId(id(1))?.via, events.slice(2)]).toEqual([left, ["a from left", "+a", "a from right"]])
    members.told(left, message({ departed: [1] }))
    expect([members.ofId(id(1)), events.at(-1)]).toEqual([undefined, "-a"])
  })

  it("a subtree is where its relay is, whoever else claims those in it", () => {
    const { members, left, right } = setUp()
    const subtree = (attach: number): [number, string, number?, number?][] => [
      [5, "relay", attach],
      [1, "a", 1, 5],
    ]
    members.told(left, message({ arrived: subtree(1) }))
    members.told(right, message({ arrived: subtree(2) }))
    members.told(left, message({ arrived: subtree(1), first: true, last: true }))
    expect([members.ofId(id(5))?.via, members.ofId(id(1))?.via]).toEqual([right, right])
  })

  it("tells that one hangs at another host now, reached the same way", () => {
    const { members, events, left } = setUp()
    members.told(left, message({ arrived: [[1, "a", 1, 5]] }))
    members.told(left, message({ arrived: [[1, "a", 2, 6]] }))
    expect([members.ofId(id(1))?.host, events]).toEqual([id(6), ["+a", "a elsewhere"]])
  })

  it("one that becomes a client of our own is a member no more, and its former host has no say", () => {
    const { members, events, own, left } = setUp()
    members.told(left, message({ arrived: [[1, "a", 1]] }))
    own.push(link("a", 1, 2))
    expect([members.adopted(own[0]!), members.adopted(own[0]!), members.ofId(id(1))]).toEqual([
      left,
      undefined,
      undefined,
    ])
    members.told(left, message({ arrived: [[1, "a", 1]], first: true, last: true }))
    expect(members.ofId(id(1))).toBeUndefined()
    members.told(left, message({ departed: [1] }))
    members.forget(left)
    expect(events).toEqual(["+a"])
  })

  it("one of our own that asks below later is there, and one that we lost is where it still was", () => {
    const { members, events, own, left, right } = setUp()
    own.push(link("a", 1, 2))
    members.adopted(own[0]!)
    members.told(left, message({ arrived: [[1, "a", 1]] }))
    expect(members.ofId(id(1))).toBeUndefined()
    members.told(right, message({ arrived: [[1, "a", 3]] }))
    expect(members.ofId(id(1))?.via).toBe(right)
    members.forget(right)
    expect([members.ofId(id(1)), events]).toEqual([undefined, ["+a"]])
    own.pop()
    members.released(id(1))
    expect([members.ofId(id(1))?.via, events.at(-1)]).toEqual([left, "+a"])
  })

  it("goes with the relay it was reached by", () => {
    const { members, events, left } = setUp()
    members.told(
      left,
      message({
        arrived: [
          [1, "a"],
          [2, "b"],
        ],
      }),
    )
    members.forget(left)
    expect([events.slice(2), [...members], members.named("a")]).toEqual([["-a", "-b"], [], []])
  })

  it("passes over ids that are none", () => {
    const { members, left } = setUp()
    members.told(left, {
      ...message({}),
      arrived: [{ endpointId: new Uint8Array(3), name: "x", hostId: id(1) }],
    } as never)
    expect([...members]).toEqual([])
  })
})
