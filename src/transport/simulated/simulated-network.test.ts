import { beforeEach, describe, expect, it } from "vitest"
import { fromUtf8, utf8 } from "../../core/bytes.ts"
import type { FrameBatch } from "../../core/frame-batch.ts"
import { SeededRandom } from "../../core/random.ts"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import type { HostAddresses, SocketOptions, Transport } from "../transport.ts"
import type { Faults } from "./fault.ts"
import { SimulatedNetwork } from "./simulated-network.ts"

const never = new AbortController().signal

function texts(batch: FrameBatch): string[] {
  return Array.from({ length: batch.count }, (_, i) => batch.message(i).map(fromUtf8).join("|"))
}

/** A host and what it saw. */
async function host(transport: Transport, address: string, options: SocketOptions = {}) {
  const seen: string[] = []
  const connections = { control: [] as number[], publish: [] as number[], push: [] as number[] }
  const router = transport.router(
    {
      onBatch: batch => seen.push(...texts(batch)),
      onConnect: connection => connections.control.push(connection),
      onDisconnect: connection => seen.push(`control ${connection} gone`),
    },
    options,
  )
  const publisher = transport.publisher(
    {
      onConnect: connection => connections.publish.push(connection),
      onDisconnect: connection => seen.push(`publish ${connection} gone`),
      onSubscribe: (_, prefix) => seen.push(`+${fromUtf8(prefix)}`),
      onUnsubscribe: (_, prefix) => seen.push(`-${fromUtf8(prefix)}`),
    },
    options,
  )
  const puller = transport.puller(
    {
      onBatch: batch => seen.push(...texts(batch)),
      onConnect: connection => connections.push.push(connection),
      onDisconnect: connection => seen.push(`push ${connection} gone`),
    },
    options,
  )
  const addresses = await transport.bind(address, { router, publisher, puller })
  return { router, publisher, puller, addresses, seen, connections }
}

function client(transport: Transport, options: SocketOptions = {}) {
  const seen: string[] = []
  const handler = (leg: string) => ({
    onBatch: (batch: FrameBatch) => seen.push(...texts(batch)),
    onDisconnect: () => seen.push(`${leg} lost`),
    onDrain: () => seen.push(`${leg} drained`),
  })
  const dealer = transport.dealer(handler("control"), options)
  const subscriber = transport.subscriber(handler("publish"), options)
  const pusher = transport.pusher(handler("push"), options)
  const connect = ({ control, publish, push }: HostAddresses) =>
    Promise.all([
      dealer.connect(control, { signal: never }),
      subscriber.connect(publish, { signal: never }),
      pusher.connect(push, { signal: never }),
    ])
  return { dealer, subscriber, pusher, seen, connect }
}

let clock: SimulatedClock
let network: SimulatedNetwork

function start(faults: Faults = {}, seed = 7) {
  clock = new SimulatedClock()
  network = new SimulatedNetwork({ clock, random: new SeededRandom(seed), faults })
}

/** A host "hub" and a client "leaf", connected. */
async function pair(options: SocketOptions = {}) {
  const hub = await host(network.transport("hub"), "sim://hub", options)
  const leaf = client(network.transport("leaf"), options)
  const connected = leaf.connect(hub.addresses)
  await clock.run(10)
  await connected
  return { hub, leaf }
}

beforeEach(() => start())

describe("SimulatedNetwork", () => {
  it("carries messages of every leg both ways on virtual time only", async () => {
    const { hub, leaf } = await pair()
    leaf.subscriber.subscribe(utf8("a"))
    clock.advance(5)
    leaf.dealer.send([utf8("hello"), utf8("")])
    leaf.pusher.send([utf8("up")])
    hub.router.send(1, [utf8("welcome")])
    hub.publisher.send([utf8("abc"), utf8("1")])
    hub.publisher.send([utf8("b"), utf8("2")])
    expect(hub.seen).toEqual(["+a"])
    clock.advance(5)
    expect(hub.seen.sort()).toEqual(["+a", "hello|", "up"])
    expect(leaf.seen.sort()).toEqual(["abc|1", "welcome"])
  })

  it("gives the same trace for the same seed and another for another", async () => {
    const trace = async (seed: number) => {
      start({ push: { dropRate: 0.1, duplicateRate: 0.1, reorderRate: 0.2 }, control: { dropRate: 0.01 } }, seed)
      const { hub, leaf } = await pair()
      for (let i = 0; i < 300; i++) {
        leaf.pusher.send([utf8(`p${i}`)])
        leaf.dealer.send([utf8(`d${i}`)])
        clock.advance(1)
      }
      return `${network.traceHash} ${hub.seen.length}`
    }
    const first = await trace(1)
    expect(await trace(1)).toBe(first)
    expect(await trace(2)).not.toBe(first)
  })

  it("drops, duplicates and reorders on the push leg at about the rates asked for", async () => {
    start({ push: { dropRate: 0.1, duplicateRate: 0.1, reorderRate: 0.1 } })
    const { hub, leaf } = await pair()
    for (let i = 0; i < 1_000; i++) {
      leaf.pusher.send([utf8(String(i))])
      clock.advance(0.2)
    }
    clock.advance(100)
    const { dropped, duplicated, reordered } = network.counters
    for (const count of [dropped, duplicated, reordered]) expect(count).toBeGreaterThan(50)
    expect(hub.seen.length).toBe(1_000 - dropped + duplicated)
    expect(new Set(hub.seen).size).toBe(1_000 - dropped)
    const unique = [...new Set(hub.seen)]
    expect(unique).not.toEqual([...unique].sort((a, b) => Number(a) - Number(b)))
  })

  it("breaks the control connection where another leg would drop, and keeps its order", async () => {
    start({ control: { dropRate: 0.01, duplicateRate: 0.5, reorderRate: 0.5 } })
    const { hub, leaf } = await pair()
    for (let i = 0; i < 1_000; i++) {
      leaf.dealer.send([utf8(String(i))])
      clock.advance(0.2)
    }
    clock.advance(100)
    expect(network.counters.disconnected).toBe(1)
    expect(leaf.seen).toEqual(["control lost"])
    expect(hub.seen.pop()).toBe("control 1 gone")
    expect(hub.seen.length).toBeGreaterThan(5)
    expect(hub.seen).toEqual(hub.seen.map((_, i) => String(i)))
  })

  it("holds what is under way in a partition and delivers it after healing", async () => {
    const { hub, leaf } = await pair()
    network.partition("hub", "leaf")
    leaf.pusher.send([utf8("late")])
    clock.advance(10_000)
    expect(hub.seen).toEqual([])
    network.heal()
    clock.advance(10)
    expect(hub.seen).toEqual(["late"])
    expect(leaf.seen).toEqual([])
  })

  it("blocks one direction only when asked, until the window is used up for want of acknowledgements", async () => {
    const { hub, leaf } = await pair({ sendLimits: { messages: 10 } })
    network.partition("hub", "leaf", { oneWay: true })
    leaf.pusher.send([utf8("passes")])
    hub.router.send(1, [utf8("held")])
    clock.advance(10)
    expect(hub.seen).toEqual(["passes"])
    expect(leaf.seen).toEqual([])
    let sent = 0
    while (leaf.pusher.send([new Uint8Array(64 << 10)])) {
      clock.advance(1)
      expect(++sent).toBeLessThan(100)
    }
    network.heal()
    clock.advance(100)
    expect(leaf.seen.sort()).toEqual(["held", "push drained"])
  })

  it("loses what was queued in a partition when the far end has died meanwhile", async () => {
    const { hub, leaf } = await pair()
    network.partition("hub", "leaf")
    leaf.pusher.send([utf8("never")])
    clock.advance(10)
    network.crash("hub")
    clock.advance(10_000)
    expect(leaf.seen).toEqual([])
    network.heal()
    clock.advance(10)
    expect(leaf.seen.sort()).toEqual(["control lost", "publish lost", "push lost"])
    expect(hub.seen).toEqual([])
  })

  it("lets a dial wait out a partition, and gives up at the handshake's time-out", async () => {
    const hub = await host(network.transport("hub"), "sim://hub")
    network.partition("hub", "leaf")
    const leaf = client(network.transport("leaf"), { handshakeTimeoutMs: 1_000 })
    const early = expect(leaf.dealer.connect("sim://hub", { signal: never })).rejects.toMatchObject({ code: "Timeout" })
    await clock.run(900)
    const late = leaf.pusher.connect("sim://hub", { signal: never })
    await clock.run(200)
    await early
    network.heal()
    await clock.run(10)
    await late
    expect(hub.connections).toEqual({ control: [], publish: [], push: [1] })
  })

  it("cuts connections between two nodes at once and no others", async () => {
    const { hub, leaf } = await pair()
    const other = client(network.transport("other"))
    const connected = other.connect(hub.addresses)
    await clock.run(10)
    await connected
    network.cut("leaf", "hub")
    clock.advance(1)
    expect(leaf.seen.sort()).toEqual(["control lost", "publish lost", "push lost"])
    expect(hub.seen.sort()).toEqual(["control 1 gone", "publish 1 gone", "push 1 gone"])
    expect(other.seen).toEqual([])
    expect(network.counters.cut).toBe(3)
  })

  it("fills the publisher's queue for a slow node and tells when there is room again", async () => {
    const full: number[] = []
    const room: number[] = []
    const transport = network.transport("hub")
    const publisher = transport.publisher(
      {
        onSubscribe: () => {},
        onUnsubscribe: () => {},
        onFull: connection => full.push(connection),
        onRoom: connection => room.push(connection),
      },
      { sendLimits: { messages: 10 } },
    )
    const hub = { router: transport.router({ onBatch() {} }), publisher, puller: transport.puller({ onBatch() {} }) }
    const addresses = await transport.bind("sim://*:0", hub)
    const slow = client(network.transport("slow"))
    const quick = client(network.transport("quick"))
    const connected = Promise.all([slow.connect(addresses), quick.connect(addresses)])
    await clock.run(10)
    await connected
    slow.subscriber.subscribe(utf8(""))
    quick.subscriber.subscribe(utf8(""))
    clock.advance(5)
    network.slow("slow", 100_000)
    const message = utf8("x".repeat(10_000))
    for (let i = 0; i < 50; i++) {
      publisher.send([message])
      clock.advance(1)
    }
    expect(quick.seen.length).toBe(50)
    expect(full.length).toBe(50 - 27 - 10)
    expect(new Set(full).size).toBe(1)
    const connection = full[0]!
    expect(publisher.waiting(connection)).toEqual({ messages: 10, bytes: 100_000 })
    expect(room).toEqual([])
    clock.advance(700)
    expect(room).toEqual([connection])
    expect(publisher.clear(connection)).toBeGreaterThan(0)
    expect(publisher.waiting(connection)).toEqual({ messages: 0, bytes: 0 })
  })

  it("holds a paused node's timers and deliveries, and runs them late in the order they were due", async () => {
    const { hub, leaf } = await pair()
    const nodeClock = network.clockOf("hub")
    nodeClock.after(1, () => hub.seen.push("timer 1"))
    let beats = 0
    nodeClock.every(1, () => beats++)
    const cancelled = nodeClock.after(2, () => hub.seen.push("cancelled"))
    nodeClock.after(1.5, () => cancelled.cancel())
    network.pause("hub")
    clock.advance(1.2)
    leaf.pusher.send([utf8("message")])
    clock.advance(100)
    expect(hub.seen).toEqual([])
    expect(beats).toBe(0)
    network.resume("hub")
    clock.advance(0.5)
    expect(hub.seen).toEqual(["timer 1", "message"])
    expect(beats).toBe(1)
    clock.advance(10)
    expect(beats).toBeGreaterThan(9)
  })

  it("drops a crashed node's timers, tells its peers, and lets it open anew", async () => {
    const { hub, leaf } = await pair()
    let fired = 0
    network.clockOf("hub").after(5, () => fired++)
    network.crash("hub")
    clock.advance(10)
    expect(fired).toBe(0)
    expect(leaf.seen.sort()).toEqual(["control lost", "publish lost", "push lost"])
    expect(hub.seen).toEqual([])
    expect(leaf.pusher.send([utf8("x")])).toBe(false)

    const refused = client(network.transport("other")).dealer.connect("sim://hub", { signal: never })
    const settled = expect(refused).rejects.toMatchObject({ code: "Unreachable" })
    await clock.run(10)
    await settled

    const again = await host(network.transport("hub"), "sim://hub")
    const second = client(network.transport("leaf"))
    const connected = second.connect(again.addresses)
    await clock.run(10)
    await connected
    second.pusher.send([utf8("back")])
    clock.advance(10)
    expect(again.seen).toEqual(["back"])
  })

  it("says nothing of a machine that lost its power until it is back and spoken to", async () => {
    const { leaf } = await pair()
    network.crash("hub", { silent: true })
    leaf.pusher.send([utf8("into the void")])
    clock.advance(1_000)
    expect(leaf.seen).toEqual([])
    network.transport("hub")
    leaf.pusher.send([utf8("hello?")])
    clock.advance(10)
    expect(leaf.seen).toEqual(["push lost"])
  })

  it("finds out by heartbeat what no event tells: a partition, a stopped peer", async () => {
    const heartbeat = { intervalMs: 100, timeoutMs: 200 }
    const { hub, leaf } = await pair({ heartbeat })
    network.pause("hub")
    clock.advance(299)
    expect(leaf.seen).toEqual([])
    clock.advance(2)
    expect(leaf.seen.sort()).toEqual(["control lost", "publish lost", "push lost"])
    network.resume("hub")
    clock.advance(5)
    expect(hub.seen.length).toBe(3)
  })

  it("does not condemn a peer that was unreachable for less than the heartbeat allows", async () => {
    const { hub, leaf } = await pair({ heartbeat: { intervalMs: 100, timeoutMs: 200 } })
    for (let i = 0; i < 5; i++) {
      network.partition("hub", "leaf")
      clock.advance(250)
      network.heal("hub", "leaf")
      clock.advance(100)
    }
    expect([...hub.seen, ...leaf.seen]).toEqual([])
  })

  it("gives a node a clock of its own rate", () => {
    const drifting = network.clockOf("fast")
    network.drift("fast", { rate: 2, wallOffsetMs: 5_000 })
    const fired: number[] = []
    drifting.after(100, () => fired.push(clock.now()))
    clock.advance(60)
    expect(fired).toEqual([50])
    expect(drifting.now()).toBe(120)
    expect(drifting.wall()).toBe(clock.wall() + 5_000)
  })

  it("keeps what is sent in one instant together in one batch", async () => {
    const transport = network.transport("hub")
    const counts: number[] = []
    const sockets = {
      router: transport.router({ onBatch() {} }),
      publisher: transport.publisher({ onSubscribe() {}, onUnsubscribe() {} }),
      puller: transport.puller({ onBatch: batch => counts.push(batch.count) }),
    }
    const addresses = await transport.bind("sim://hub", sockets)
    const leaf = client(network.transport("leaf"))
    const connected = leaf.connect(addresses)
    await clock.run(10)
    await connected
    for (let i = 0; i < 64; i++) leaf.pusher.send([utf8("x")])
    clock.advance(5)
    expect(counts).toEqual([64])
  })
})
