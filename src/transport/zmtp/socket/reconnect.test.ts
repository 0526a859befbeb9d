/** What sockets do when peers come, go, or are wrong, on virtual time over the memory carrier. */
import { describe, expect, it } from "vitest"
import { fromUtf8, utf8 } from "../../../core/bytes.ts"
import { SeededRandom } from "../../../core/random.ts"
import { SimulatedClock } from "../../../core/simulated-clock.ts"
import { encodeError } from "../../../zmtp/command.ts"
import { encodeGreeting } from "../../../zmtp/greeting.ts"
import { MemoryCarrier } from "../../carrier/memory.ts"
import type { ByteStream } from "../../carrier.ts"
import { BackOff } from "./back-off.ts"
import { Dealer } from "./dealer.ts"
import { Pull } from "./pull.ts"
import { Push } from "./push.ts"
import { Router } from "./router.ts"
import type { SocketEvent } from "./socket-event.ts"
import type { PatternSocketOptions } from "./socket-options.ts"
import { Sub } from "./sub.ts"
import { XPub } from "./xpub.ts"

class World {
  readonly clock = new SimulatedClock()
  readonly memory = new MemoryCarrier(this.clock)
  readonly parts: PatternSocketOptions = {
    clock: this.clock,
    random: new SeededRandom(1),
    carriers: [this.memory],
  }
  /** Somebody who listens and does what the test says with each connection. */
  listen(address: string, onStream: (stream: ByteStream) => void) {
    return this.memory.listen(address, onStream)
  }
}

/** What these tests do not look at: that it dials and is reached. */
const attempts = new Set(["dialling", "reached", "redialling"])

/** Events as they come. */
function record(socket: { readonly events: Push["events"] }): SocketEvent[] {
  const events: SocketEvent[] = []
  socket.events.on("*", event => {
    if (!attempts.has(event.type)) events.push(event)
  })
  return events
}

const types = (events: readonly SocketEvent[]) => events.map(event => event.type)
const say = (...frames: string[]) => frames.map(utf8)

/** What a peer does that answers any greeting with these octets. */
const answering =
  (...answers: Uint8Array[]) =>
  (stream: ByteStream) =>
    stream.start({
      onBytes: () => stream.write(answers.splice(0)),
      onDrain: () => {},
      onClose: () => {},
    })

describe("BackOff", () => {
  it("Q7 doubles to its maximum, with full jitter, and starts again after a success", () => {
    const top = { u32: () => 0, float: () => 1, below: () => 0, bytes: () => new Uint8Array(0) }
    const backOff = new BackOff({ initialMs: 50, maxMs: 800 }, top)
    expect(Array.from({ length: 6 }, () => backOff.next())).toEqual([50, 100, 200, 400, 800, 800])
    backOff.reset()
    expect(backOff.next()).toBe(50)
    const random = new BackOff({}, new SeededRandom(1))
    for (let i = 0; i < 20; i++) expect(random.next()).toBeLessThanOrEqual(Math.min(10_000, 100 * 2 ** i))
  })
})

describe("dialled sockets", () => {
  it("Q2 queue for a peer that is not there yet, up to their limit", async () => {
    const { clock, parts } = new World()
    const push = new Push({ ...parts, sendLimits: { messages: 2 } })
    push.connect("inproc://later")
    expect([1, 2, 3].map(n => push.send(say(`${n}`)))).toEqual([true, true, false])
    const drained = push.drained()
    const pull = new Pull(parts)
    await pull.bind("inproc://later")
    await clock.run(1_000)
    await drained
    expect(push.send(say("4"))).toBe(true)
    await clock.run(10)
    for (const n of ["1", "2", "4"]) expect((await pull.receive())!.map(fromUtf8)).toEqual([n])
  })

  it("Q2 take nothing before the handshake when immediate", async () => {
    const { clock, parts } = new World()
    const push = new Push({ ...parts, immediate: true })
    push.connect("inproc://x")
    expect(push.send(say("1"))).toBe(false)
    const pull = new Pull(parts)
    await pull.bind("inproc://x")
    await clock.run(1_000)
    expect(push.send(say("2"))).toBe(true)
  })

  it("Q3 keep what is queued while the peer is away", async () => {
    const { clock, parts } = new World()
    const push = new Push(parts)
    const first = new Pull(parts)
    await first.bind("inproc://x")
    push.connect("inproc://x")
    await clock.run(10)
    const closed = first.close()
    await clock.run(10)
    await closed
    for (let i = 0; i < 5; i++) expect(push.send(say(`${i}`))).toBe(true)
    const second = new Pull(parts)
    await second.bind("inproc://x")
    await clock.run(1_000)
    for (let i = 0; i < 5; i++) expect((await second.receive())!.map(fromUtf8)).toEqual([`${i}`])
  })

  it("Q7 wait longer and longer for a peer that accepts and then closes", async () => {
    const world = new World()
    let connects = 0
    await world.listen("inproc://rude", stream => {
      connects++
      stream.destroy()
    })
    const push = new Push({ ...world.parts, reconnect: { initialMs: 100, maxMs: 10_000 } })
    const events = record(push)
    push.connect("inproc://rude")
    await world.clock.run(3_500)
    // libzmq, whose back-off ends with the TCP connection, comes 71 times.
    expect(connects).toBeGreaterThan(3)
    expect(connects).toBeLessThan(20)
    expect(new Set(types(events))).toEqual(new Set(["handshakeFailed"]))
  })

  it("Q7 begin again with the shortest wait once a handshake has succeeded", async () => {
    const world = new World()
    const { clock, parts } = world
    const top = { u32: () => 0, float: () => 1, below: () => 0, bytes: () => new Uint8Array(0) }
    const push = new Push({ ...parts, random: top })
    const waits: number[] = []
    push.events.on("dialFailed", event => waits.push(event.retryInMs!))
    push.connect("inproc://x")
    await clock.run(5_000)
    expect(Math.max(...waits)).toBeGreaterThan(1_000)
    const pull = new Pull(parts)
    await pull.bind("inproc://x")
    await clock.run(10_000)
    expect(push.peers).toHaveLength(1)
    waits.length = 0
    pull.abort()
    await clock.run(150)
    expect(waits).toEqual([200])
  })

  it("Q8 dial again after a closed connection and an old protocol", async () => {
    const world = new World()
    let connects = 0
    await world.listen("inproc://old", stream => {
      connects++
      answering(Uint8Array.of(1, 0))(stream)
    })
    new Push(world.parts).connect("inproc://old")
    await world.clock.run(5_000)
    expect(connects).toBeGreaterThan(1)
  })

  it.each([
    ["a wrong socket type", "inproc://type", undefined],
    ["another mechanism", "inproc://mechanism", [encodeGreeting("CURVE")]],
    ["an ERROR", "inproc://error", [encodeGreeting("NULL"), encodeError("400")]],
    ["a bad frame", "inproc://bad", [encodeGreeting("NULL"), Uint8Array.of(2, 255, 0, 0, 0, 0, 0, 0, 0)]],
  ])("Q8 never dial again after %s", async (_, address, answers) => {
    const world = new World()
    let connects = 0
    if (answers === undefined) await new XPub(world.parts).bind(address)
    else {
      await world.listen(address, stream => {
        connects++
        answering(...answers)(stream)
      })
    }
    const push = new Push(world.parts)
    const events = record(push)
    push.connect(address)
    await world.clock.run(60_000)
    expect(types(events)).toEqual(["handshakeFailed"])
    const [event] = events
    if (event?.type !== "handshakeFailed") throw new Error("another event")
    expect(event.retry).toBe(false)
    expect(event.error.message).toContain(address)
    expect(connects).toBeLessThanOrEqual(1)
    expect(push.send(say("x"))).toBe(false)
  })

  it("F8 give up a peer that never greets, and say which", async () => {
    const world = new World()
    await world.listen("inproc://mute", () => {})
    const push = new Push({ ...world.parts, handshakeTimeoutMs: 500 })
    const events = record(push)
    push.connect("inproc://mute")
    await world.clock.run(600)
    expect(events[0]).toMatchObject({ type: "handshakeFailed", retry: true, error: { code: "Timeout" } })
  })

  it("never dial again when told not to, nor after disconnect", async () => {
    const { clock, parts } = new World()
    const once = new Push({ ...parts, reconnect: false })
    once.connect("inproc://nowhere")
    const other = new Push(parts)
    other.connect("inproc://nowhere")
    await clock.run(10)
    other.disconnect("inproc://nowhere")
    await clock.run(1_000)
    expect(clock.pending).toBe(0)
  })

  it("S3 tell every new publisher all subscriptions, each once", async () => {
    const { clock, parts } = new World()
    const sub = new Sub(parts)
    for (const topic of ["a", "a", "b"]) sub.subscribe(utf8(topic))
    sub.connect("inproc://pub")
    for (let round = 0; round < 2; round++) {
      const xpub = new XPub(parts)
      await xpub.bind("inproc://pub")
      await clock.run(1_000)
      expect((await xpub.receive())!.map(fromUtf8)).toEqual(["\x01a"])
      expect((await xpub.receive())!.map(fromUtf8)).toEqual(["\x01b"])
      const closed = xpub.close()
      await clock.run(10)
      await closed
    }
  })
})

describe("Push", () => {
  it("gives to each puller in turn, and skips the one that is full (Q1)", async () => {
    const { clock, parts } = new World()
    const push = new Push({ ...parts, sendLimits: { messages: 5 } })
    await push.bind("inproc://push")
    const seen: string[][] = [[], []]
    const pulls = seen.map(
      list =>
        new Pull({
          ...parts,
          onBatch: batch => {
            for (let i = 0; i < batch.count; i++) list.push(fromUtf8(batch.frame(i, 0)))
          },
        }),
    )
    for (const pull of pulls) pull.connect("inproc://push")
    await clock.run(10)
    for (let i = 0; i < 4; i++) push.send(say(`${i}`))
    await clock.run(10)
    expect(seen.map(list => list.length)).toEqual([2, 2])
    pulls[0]!.pausePeer(pulls[0]!.peers[0]!.peer)
    const large = new Uint8Array(300_000)
    for (let i = 0; i < 20; i++) {
      while (!push.send([utf8("x"), large])) await clock.run(10)
    }
    await clock.run(100)
    expect(seen[1]!.length).toBeGreaterThan(seen[0]!.length + 5)
    pulls[0]!.resumePeer(pulls[0]!.peers[0]!.peer)
    await clock.run(100)
    expect(seen[0]!.length + seen[1]!.length).toBe(24)
  })

  it("says false while there is nobody, and drained waits for somebody", async () => {
    const { clock, parts } = new World()
    const push = new Push(parts)
    await push.bind("inproc://push")
    expect(push.send(say("x"))).toBe(false)
    const drained = push.drained()
    new Pull(parts).connect("inproc://push")
    await clock.run(10)
    await drained
    expect(push.send(say("x"))).toBe(true)
  })
})

describe("reading one by one", () => {
  it("Q1 pauses a peer at the high-water mark, loses nothing, and takes from all in turn", async () => {
    const { clock, parts } = new World()
    const pull = new Pull({ ...parts, receiveHighWaterMark: 10 })
    await pull.bind("inproc://pull")
    const pushes = ["a", "b"].map(() => new Push({ ...parts, sendLimits: { messages: 50 } }))
    for (const push of pushes) push.connect("inproc://pull")
    await clock.run(10)
    const body = new Uint8Array(20_000)
    const sent = [0, 0]
    for (let round = 0; round < 100; round++) {
      for (const [i, push] of pushes.entries()) {
        while (push.send([utf8("ab"[i]!), utf8(`${sent[i]}`), body])) sent[i]!++
      }
      await clock.run(5)
    }
    expect(sent[0]).toBeLessThan(200)
    const seen: string[][] = [[], []]
    let order = ""
    for (let i = 0; i < sent[0]! + sent[1]!; i++) {
      const next = pull.receive()
      await clock.run(1)
      const [who, number] = (await next)!.map(fromUtf8)
      order += who
      seen["ab".indexOf(who!)]!.push(number!)
    }
    for (const i of [0, 1]) expect(seen[i]).toEqual(Array.from({ length: sent[i]! }, (_, n) => `${n}`))
    expect(order.slice(0, 20)).toMatch(/^(ab){9}|^(ba){9}/)
  })

  it("is an async iterable that ends with the socket", async () => {
    const { clock, parts } = new World()
    const pull = new Pull(parts)
    await pull.bind("inproc://pull")
    const push = new Push(parts)
    push.connect("inproc://pull")
    for (const n of ["1", "2"]) push.send(say(n))
    await clock.run(10)
    const seen: string[] = []
    const reading = (async () => {
      for await (const [frame] of pull) seen.push(fromUtf8(frame!))
    })()
    await clock.run(10)
    const closed = pull.close({ lingerMs: 0 })
    await clock.run(10)
    await Promise.all([closed, reading])
    expect(seen).toEqual(["1", "2"])
  })
})

describe("Router", () => {
  it("Q5 refuses a second peer of the same identity, for all to see", async () => {
    const { clock, parts } = new World()
    const router = new Router(parts)
    const events = record(router)
    await router.bind("inproc://router")
    const [first, second] = [1, 2].map(() => new Dealer({ ...parts, identity: utf8("bob") }))
    first!.connect("inproc://router")
    await clock.run(10)
    const seen = record(second!)
    second!.connect("inproc://router")
    await clock.run(60_000)
    expect(types(events)).toContain("duplicateIdentity")
    expect(seen).toMatchObject([{ type: "handshakeFailed", retry: false }])
    expect(router.send(say("bob", "hello"))).toBe(true)
    await clock.run(10)
    expect((await first!.receive())!.map(fromUtf8)).toEqual(["hello"])
  })

  it("Q5 throws for a message to nobody when mandatory, and says false when full", async () => {
    const { clock, parts } = new World()
    const router = new Router({ ...parts, mandatory: true, sendLimits: { messages: 5 } })
    expect(() => router.send(say("nobody", "x"))).toThrow(expect.objectContaining({ code: "Unreachable" }))
    await router.bind("inproc://router")
    const dealer = new Dealer({ ...parts, identity: utf8("bob") })
    dealer.connect("inproc://router")
    await clock.run(10)
    dealer.pausePeer(dealer.peers[0]!.peer)
    let sent = 0
    while (router.send([utf8("bob"), new Uint8Array(300_000)])) sent++
    expect(sent).toBeGreaterThanOrEqual(5)
    expect(sent).toBeLessThan(15)
  })

  it("Q5 takes an identity that begins with a zero, and gives none that is taken", async () => {
    const { clock, parts } = new World()
    const router = new Router(parts)
    await router.bind("inproc://router")
    const dealer = new Dealer({ ...parts, identity: Uint8Array.of(0, 1, 2, 3, 4) })
    dealer.connect("inproc://router")
    dealer.send(say("x"))
    await clock.run(10)
    expect((await router.receive())![0]).toEqual(Uint8Array.of(0, 1, 2, 3, 4))
  })
})

describe("XPub", () => {
  it("S2 S6 tells a prefix when it is new and when its last subscriber goes", async () => {
    const { clock, parts } = new World()
    const xpub = new XPub(parts)
    await xpub.bind("inproc://pub")
    const subs = [1, 2].map(() => new Sub(parts))
    for (const sub of subs) {
      sub.subscribe(utf8("a"))
      sub.connect("inproc://pub")
    }
    await clock.run(10)
    subs[0]!.unsubscribe(utf8("a"))
    await clock.run(10)
    subs[1]!.abort()
    await clock.run(10)
    expect((await xpub.receive())!.map(fromUtf8)).toEqual(["\x01a"])
    const next = xpub.receive()
    await clock.run(10)
    expect((await next)!.map(fromUtf8)).toEqual(["\x00a"])
  })

  it("S6 tells repeats when verbose", async () => {
    const { clock, parts } = new World()
    const seen: string[] = []
    const xpub = new XPub({
      ...parts,
      verbose: true,
      onBatch: batch => {
        for (let i = 0; i < batch.count; i++) seen.push(fromUtf8(batch.frame(i, 0)))
      },
    })
    await xpub.bind("inproc://pub")
    for (let i = 0; i < 2; i++) {
      const sub = new Sub(parts)
      sub.subscribe(utf8("a"))
      sub.connect("inproc://pub")
    }
    await clock.run(10)
    expect(seen).toEqual(["\x01a", "\x01a"])
  })

  it("S7 cuts off who subscribes to more than allowed", async () => {
    const { clock, parts } = new World()
    const xpub = new XPub({ ...parts, maxSubscriptionBytes: 100 })
    const events = record(xpub)
    await xpub.bind("inproc://pub")
    const sub = new Sub(parts)
    for (let i = 0; i < 12; i++) sub.subscribe(utf8(`topic-${i}..`))
    sub.connect("inproc://pub")
    await clock.run(10)
    expect(events.find(event => event.type === "disconnected")).toMatchObject({ error: { code: "TooLarge" } })
  })
})

describe("closing", () => {
  it("Q6 lingers for what is queued, and no longer than it may", async () => {
    const { clock, parts } = new World()
    const push = new Push({ ...parts, lingerMs: 0 })
    push.connect("inproc://x")
    push.send(say("last words"))
    let done = false
    const closed = push.close({ lingerMs: 2_000 }).then(() => {
      done = true
    })
    await clock.run(500)
    expect(done).toBe(false)
    const pull = new Pull(parts)
    await pull.bind("inproc://x")
    await clock.run(1_000)
    expect((await pull.receive())!.map(fromUtf8)).toEqual(["last words"])
    await closed
    const other = new Push(parts)
    other.connect("inproc://nobody")
    other.send(say("x"))
    const inTime = other.close({ lingerMs: 100 })
    await clock.run(101)
    await inTime
  })

  it("Q6 drops at once what is queued when it may not linger", async () => {
    const { clock, parts } = new World()
    const push = new Push(parts)
    push.connect("inproc://nobody")
    push.send(say("x"))
    const closed = push.close({ lingerMs: 0 })
    await clock.settle()
    await closed
    expect(() => push.send(say("x"))).toThrow(expect.objectContaining({ code: "Closed" }))
  })
})
