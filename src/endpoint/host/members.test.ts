import { describe, expect, it } from "vitest"
import { SeededRandom } from "../../core/random.ts"
import type { Members as Message } from "../../message/control.ts"
import type { Link } from "./link.ts"
import { Members } from "./members.ts"

const id = (fill: number) => new Uint8Array(16).fill(fill)
const link = (name: string): Link => ({ name }) as unknown as Link
const message = (fields: { arrived?: [number, string][]; departed?: number[]; first?: boolean; last?: boolean }) =>
  ({
    arrived: (fields.arrived ?? []).map(([fill, name]) => ({ endpointId: id(fill), name, hostId: id(99) })),
    departed: (fields.departed ?? []).map(id),
    first: fields.first ?? false,
    last: fields.last ?? false,
  }) as unknown as Message

function setUp() {
  const events: string[] = []
  const members = new Members({
    random: new SeededRandom(1),
    onArrived: ({ name }) => events.push(`+${name}`),
    onDeparted: ({ name }) => events.push(`-${name}`),
    onMoved: ({ name }, from) => events.push(`${name} from ${from.name}`),
  })
  return { members, events, left: link("left"), right: link("right") }
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

  it("one that becomes a client of our own is a member no more, and its former host has no say", () => {
    const { members, events, left } = setUp()
    members.told(left, message({ arrived: [[1, "a"]] }))
    expect([members.adopted(id(1)), members.adopted(id(1)), members.ofId(id(1))]).toEqual([left, undefined, undefined])
    members.told(left, message({ departed: [1] }))
    members.forget(left)
    expect(events).toEqual(["+a"])
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
