import { describe, expect, it } from "vitest"
import { newEndpointId } from "../../core/id.ts"
import { silentLogger } from "../../core/logger.ts"
import { SeededRandom } from "../../core/random.ts"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import type { Members as MembersMessage } from "../../message/control.ts"
import { encodeExtensions, readExtensions } from "../../message/extension.ts"
import { At, encodeHeader, Flag, Kind } from "../../message/header.ts"
import { Frame } from "../frame.ts"
import { Node } from "../node.ts"
import { directTopicBytes, newPrivatePrefix } from "../private-topic.ts"
import type { UpSide } from "../sides.ts"
import type { Origin } from "../topic-state.ts"
import { DirectRoute } from "./direct-route.ts"
import { Link } from "./link.ts"
import { LinkTable } from "./link-table.ts"
import { Publication } from "./publication.ts"
import { SubtreeMembership } from "./subtree-membership.ts"

const keptMs = 3000
const id = (fill: number): Uint8Array => new Uint8Array(16).fill(fill)

/** The part of a relay that direct messages go through, with what it publishes and what it sends up. */
function scene(replayMessages = 1000) {
  const clock = new SimulatedClock()
  const random = new SeededRandom(1)
  const node = new Node({ id: newEndpointId(random), clock, random, logger: silentLogger })
  const links = new LinkTable(random)
  const down: Uint8Array[] = []
  const up: { target: number; isTurned: boolean }[] = []
  node.up = {
    push: (_topic: unknown, header: Uint8Array) => {
      up.push({ target: readExtensions(header).target![0]!, isTurned: (header[At.Flags]! & Flag.Turned) !== 0 })
      return true
    },
  } as unknown as UpSide
  const publication = new Publication({
    node,
    publisher: { send: frames => void down.push(frames[0]!.slice()) },
    replayMessages,
    replayBytes: 1_000_000,
    referenceBytes: 6 * 1024,
    before: () => {},
    onDropped: (topic, frame) => direct.dropped(topic, frame),
  })
  const above = { linked: true, resolve: async () => [], tell: () => true }
  const membership: SubtreeMembership = new SubtreeMembership({
    node,
    name: "relay",
    links,
    above,
    end: () => {},
    onRerouted: (from, target) => direct.reroute(from, target),
    onFound: target => direct.found(target),
    onForgotten: link => direct.reroute(link),
    onGone: () => {},
    onMovedOn: () => {},
    sessionKeepMs: keptMs,
  })
  const direct = new DirectRoute({
    node,
    links,
    members: membership.members,
    publication,
    keptMs,
    notify: () => {},
    above: { ...above, request: () => {} } as never,
    onDirect: () => {},
  })
  let last = 0
  const join = (peer: Uint8Array): Link => {
    const number = ++last
    const session = random.bytes(16)
    const prefix = newPrivatePrefix(number, random)
    const directTopic = node.topics.of(directTopicBytes(prefix))
    const origin: Origin = { bytes: peer, id: undefined }
    const link = new Link({
      ...{ id: number, session, ticket: session, peer: origin, name: `c${number}`, relay: true, prefix, directTopic },
      grants: undefined,
    })
    links.add(link)
    membership.here(link)
    return link
  }
  let sequence = 0
  const header = (target: Uint8Array, origin: Uint8Array) =>
    encodeHeader({
      ...{ kind: Kind.Direct, flags: 0, codec: 0, hops: 16, epoch: 0, ageMicros: 0, origin, sequence: ++sequence },
      order: 0,
      leg: { way: "up", session: id(0), number: 0 },
      extensions: encodeExtensions({ target, topic: "t" }),
    })
  const told = (link: Link, { arrived = [] as number[], departed = [] as number[] }) =>
    membership.told(link, {
      arrived: arrived.map(fill => ({ endpointId: id(fill), name: "", hostId: link.peer.bytes, attach: 1 })),
      departed: departed.map(id),
      first: false,
      last: false,
    } as unknown as MembersMessage)
  return {
    ...{ clock, direct, membership, links, down, up, join, told },
    send: (target: Uint8Array) => direct.send(target, header(target, id(99)), new Uint8Array(1)),
    take: (link: Link, target: Uint8Array, origin: Uint8Array) =>
      direct.take(link, Frame.over(header(target, origin), new Uint8Array(1)), { bytes: origin, id: undefined }),
  }
}

describe("DirectRoute", () => {
  it("answers a writer by the relay it wrote by, before the news that it joined there", () => {
    const { join, take, send, down } = scene()
    const relay = join(id(1))
    take(relay, id(50), id(7))
    expect(send(id(7))).toBe(true)
    expect(down).toEqual([relay.directTopic.bytes])
  })

  it("not when the relay has said since that it left: it is elsewhere in the tree", () => {
    const { join, take, send, direct } = scene()
    const relay = join(id(1))
    take(relay, id(50), id(7))
    direct.departed(relay, [id(7)])
    expect(send(id(7))).toBe(false)
  })

  it("nor when that news has not come for long: seed 998 of the swarm", async () => {
    const { clock, join, take, send } = scene()
    const relay = join(id(1))
    take(relay, id(50), id(7))
    await clock.run(keptMs + 1)
    expect(send(id(7))).toBe(false)
  })

  it("turns up again what went to a relay's former link, for one that is not below it any more", async () => {
    const { clock, join, told, send, links, membership, up } = scene()
    const former = join(id(1))
    told(former, { arrived: [7, 8] })
    links.end(former)
    membership.replaced(former)
    const now = join(id(1))
    told(now, { arrived: [8] })
    expect(send(id(7))).toBe(true)
    expect(up).toEqual([])
    await clock.run(keptMs)
    expect(up).toEqual([{ target: 7, isTurned: true }])
  })

  it("follows a client that has joined another host below, though its link here still seems well: seed 5463 of the swarm", () => {
    const { join, told, send, down } = scene()
    const own = join(id(7))
    const relay = join(id(1))
    expect(send(id(7))).toBe(true)
    told(relay, { arrived: [7] })
    expect(send(id(7))).toBe(true)
    const [there, before, after] = [own, relay, relay].map(link => link.directTopic.bytes)
    expect(down).toEqual([there, before, after])
  })

  it("sends after one that was gone before anyone knew what the ring has let go of since: seed 14005 of the swarm", () => {
    const { join, told, send, links, membership, down, direct } = scene(4)
    const former = join(id(1))
    told(former, { arrived: [7] })
    for (let i = 0; i < 10; i++) send(id(7))
    // Of the first two it is known that they came.
    former.directSure = 2
    const elsewhere = join(id(2))
    told(elsewhere, { arrived: [7] })
    links.end(former)
    membership.moved(former)
    down.length = 0
    direct.reroute(former)
    expect(down).toEqual(Array(8).fill(elsewhere.directTopic.bytes))
  })
})
