import { beforeEach, describe, expect, it } from "vitest"
import { fromUtf8 } from "../core/bytes.ts"
import { ZincError } from "../core/errors.ts"
import { newEndpointId } from "../core/id.ts"
import { Lifecycle } from "../core/lifecycle.ts"
import { silentLogger } from "../core/logger.ts"
import { SeededRandom } from "../core/random.ts"
import { SimulatedClock } from "../core/simulated-clock.ts"
import { CodecRegistry } from "../message/codec-registry.ts"
import { encodeTopic, TopicKind } from "../message/topic.ts"
import { ChannelListener } from "./channel-listener.ts"
import { DirectMessages } from "./direct-messages.ts"
import { NameResolver } from "./name-resolver.ts"
import { Node } from "./node.ts"
import { OutboundChannel } from "./outbound-channel.ts"

const random = new SeededRandom(1)
const friend = newEndpointId(random)

describe("OutboundChannel", () => {
  let node: Node
  let channel: OutboundChannel
  /** What went up; the window above takes this much more. */
  let pushed: string[]
  let directs: string[]
  let room: number
  let waiting: (() => void)[]
  /** Called while an acknowledgement is awaited. */
  let onAwaited: (number: number, tier: string) => void
  let asked: number

  beforeEach(() => {
    const clock = new SimulatedClock()
    node = new Node({ id: newEndpointId(random), clock, random, logger: silentLogger })
    pushed = []
    directs = []
    room = 10
    waiting = []
    asked = 0
    onAwaited = () => {}
    const push = (name: string) => {
      if (room === 0) return false
      room--
      pushed.push(name)
      return true
    }
    node.up = {
      push: topic => push(topic.name),
      hasRoom: () => room > 0,
      putOff: () => {},
      follows: () => false,
      continues: () => false,
    }
    const codecs = new CodecRegistry()
    const codec = codecs.byName("json")
    const lifecycle = new Lifecycle("endpoint")
    lifecycle.opened()
    const listener = new ChannelListener({
      node,
      codecs,
      follow: () => Promise.resolve(),
      unfollow: () => {},
      isHost: false,
    })
    const direct = new DirectMessages({
      name: "me",
      node,
      codecs,
      listener,
      replyCodec: codec,
      route: (_target, _header, payload) => {
        if (!push("direct")) return false
        directs.push(fromUtf8(payload))
        return true
      },
      onRoom: callback => channel.onRoom(callback),
    })
    const ask = () => {
      asked++
      return Promise.resolve([friend])
    }
    channel = new OutboundChannel({
      name: "me",
      lifecycle,
      node,
      codecs,
      codec,
      maxPayloadBytes: 100,
      direct,
      names: new NameResolver({ clock, random, known: () => undefined, ask }),
      window: () => ({
        lastPushed: pushed.length,
        refused: room === 0,
        onRoom: callback => waiting.push(callback),
        acknowledged: async (number, tier) => onAwaited(number, tier),
      }),
    })
  })

  /** There is room again. */
  function makeRoom(): void {
    room = 10
    for (const callback of waiting.splice(0)) callback()
  }

  it("refuses what is sent while it is closed, and calls back when it opens", async () => {
    let called = 0
    channel.close()
    expect(() => channel.send("news", 1, {})).toThrow(expect.objectContaining({ code: "Closed" }))
    await expect(channel.sendTo(friend, "news", 1, {})).rejects.toMatchObject({ code: "Closed" })
    channel.onRoomOrOpen(() => called++)
    makeRoom()
    expect(called).toBe(0)
    channel.open()
    expect(called).toBe(1)
    expect(channel.send("news", 1, {})).toBe(true)
  })

  it("refuses a payload over the limit before it goes anywhere", () => {
    expect(() => channel.send("news", "x".repeat(100), {})).toThrow(expect.objectContaining({ code: "TooLarge" }))
    expect(pushed).toEqual([])
  })

  it("waits for room, then for the acknowledgement of just what was sent", async () => {
    const awaited: [number, string][] = []
    onAwaited = (number, tier) => awaited.push([number, tier])
    room = 0
    expect(channel.send("news", 1, {})).toBe(false)
    const sending = channel.sendAcknowledged("news", 1, { ack: "received" })
    expect(waiting).toHaveLength(1)
    makeRoom()
    await sending
    expect(pushed).toEqual(["news"])
    expect(awaited).toEqual([[1, "received"]])
  })

  it("rejects the acknowledgement of what the host denies, and says so once a session", async () => {
    const denied: string[] = []
    node.events.on("denied", ({ topic }) => denied.push(topic))
    const topic = node.topics.of(encodeTopic(TopicKind.Nearest, "news"))
    onAwaited = () => channel.denied(topic, new ZincError("Unauthorized", "not here"))
    for (let i = 0; i < 2; i++)
      await expect(channel.sendAcknowledged("news", 1, { ack: "rooted" })).rejects.toMatchObject({
        code: "Unauthorized",
      })
    expect(denied).toEqual(["news"])
    channel.newSession()
    onAwaited = () => {}
    await channel.sendAcknowledged("news", 1, { ack: "rooted" })
  })

  it("rejects a direct message that found nobody, and asks for the name anew", async () => {
    onAwaited = () => channel.undeliverable(friend, 1, 0, "NoSuchEndpoint")
    await expect(channel.sendTo("printer", "page", 1, {})).rejects.toMatchObject({ code: "NoSuchEndpoint" })
    onAwaited = () => {}
    await channel.sendTo("printer", "page", 1, {})
    expect(pushed).toEqual(["direct", "direct"])
    expect(asked).toBe(2)
  })

  it("keeps the order of direct messages to one endpoint, whichever way has room first", async () => {
    room = 0
    const first = channel.sendTo(friend, "page", 1, {})
    await Promise.resolve()
    // Now its way is short, and has room: whoever waits has not been told.
    room = 10
    const later = [channel.sendTo(friend, "page", 2, {}), channel.sendTo(friend, "page", 3, {})]
    await Promise.resolve()
    makeRoom()
    await Promise.all([first, ...later])
    expect(directs).toEqual(["1", "2", "3"])
  })

  it("lets those that waited behind a direct message go when that one may not", async () => {
    room = 0
    const first = channel.sendTo(friend, "page", 1, {})
    const second = channel.sendTo(friend, "page", 2, {})
    await Promise.resolve()
    channel.close()
    makeRoom()
    await expect(first).rejects.toMatchObject({ code: "Closed" })
    await expect(second).rejects.toMatchObject({ code: "Closed" })
    channel.open()
    await channel.sendTo(friend, "page", 3, {})
    expect(directs).toEqual(["3"])
  })
})
