import { describe, expect, it } from "vitest"
import { utf8 } from "../../core/bytes.ts"
import { SeededRandom } from "../../core/random.ts"
import { baselineTopicBytes, directTopicBytes, newPrivatePrefix } from "../private-topic.ts"
import { TopicTable } from "../topic-table.ts"
import { Link } from "./link.ts"
import { LinkTable } from "./link-table.ts"

function scene() {
  const random = new SeededRandom(1)
  const topics = new TopicTable(1)
  const table = new LinkTable(random)
  let last = 0
  const join = (name: string, peer: Uint8Array = random.bytes(16)) => {
    const id = ++last
    const prefix = newPrivatePrefix(id, random)
    const directTopic = topics.of(directTopicBytes(prefix))
    const session = random.bytes(16)
    const origin = { bytes: peer, id: undefined }
    const link = new Link({
      ...{ id, session, ticket: session, peer: origin, name, relay: false, prefix, directTopic, grants: undefined },
    })
    table.add(link)
    return link
  }
  return { table, join }
}

/** Every way to find that link that leads to a link. */
function waysTo(table: LinkTable, link: Link): (Link | undefined)[] {
  return [
    table.ofSession(link.session, 0),
    table.ofPrivateTopic(baselineTopicBytes(link.prefix, 1)),
    table.ofPeer(link.peer.bytes),
    table.ofControl(link.control),
    table.ofSubscriber(link.subscriber),
    table.named(link.name)[0],
    [...table].find(each => each === link),
  ].filter(found => found !== undefined)
}

describe("LinkTable", () => {
  it("finds a link by all that names it, and after its end by nothing", () => {
    const { table, join } = scene()
    const a = join("a")
    const b = join("b")
    for (const [i, link] of [a, b].entries()) {
      table.controlledBy(link, 10 + i)
      table.subscribedBy(link, 20 + i)
      table.pushedBy(link, 30 + i)
    }
    expect(waysTo(table, a)).toEqual(Array(7).fill(a))
    expect(table.end(a)).toBe(true)
    expect(waysTo(table, a)).toEqual([])
    expect([table.has(a), table.size, table.end(a)]).toEqual([false, 1, false])
    expect(waysTo(table, b)).toEqual(Array(7).fill(b))
    // The caller has them to close still.
    expect([a.control, a.subscriber, a.push]).toEqual([10, 20, 30])
  })

  it("finds a session within a larger buffer, whichever was found before", () => {
    const { table, join } = scene()
    const [a, b] = [join("a"), join("b")]
    const buffer = new Uint8Array(40)
    buffer.set(a.session, 1)
    buffer.set(b.session, 20)
    expect([1, 20, 1, 2].map(at => table.ofSession(buffer, at))).toEqual([a, b, a, undefined])
  })

  it("takes no topic for a private one that is but a prefix", () => {
    const { table, join } = scene()
    const link = join("a")
    expect(table.ofPrivateTopic(link.prefix)).toBeUndefined()
    expect(table.ofPrivateTopic(utf8("~"))).toBeUndefined()
    expect(table.ofPrivateTopic(link.directTopic.bytes)).toBe(link)
  })

  it("hands back the connection that another has replaced, whose closing then changes nothing", () => {
    const { table, join } = scene()
    const link = join("a")
    expect(table.controlledBy(link, 1)).toBe(0)
    expect(table.controlledBy(link, 2)).toBe(1)
    expect(table.subscribedBy(link, 3)).toBe(0)
    expect(table.subscribedBy(link, 4)).toBe(3)
    expect(table.controlClosed(1)).toBeUndefined()
    table.subscriberClosed(3)
    expect([link.control, link.subscriber]).toEqual([2, 4])
    expect(table.controlClosed(2)).toBe(link)
    table.subscriberClosed(4)
    expect([link.control, link.subscriber]).toEqual([0, 0])
    expect([table.ofControl(2), table.ofSubscriber(4)]).toEqual([undefined, undefined])
    expect(table.has(link)).toBe(true)
  })

  it("knows the link that pushes until its connection closes", () => {
    const { table, join } = scene()
    const link = join("a")
    table.pushedBy(link, 5)
    table.pushedBy(link, 6)
    table.pushClosed(5)
    expect(link.push).toBe(6)
    table.pushClosed(6)
    expect(link.push).toBe(0)
  })

  it("keeps whoever has taken a peer's place when the one before ends", () => {
    const { table, join } = scene()
    const before = join("a")
    const after = join("a", before.peer.bytes)
    table.end(before)
    expect(table.ofPeer(after.peer.bytes)).toBe(after)
    expect(table.named("a")).toEqual([after])
  })
})
