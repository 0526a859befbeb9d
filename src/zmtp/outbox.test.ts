import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { concat, toHex, utf8 } from "../core/bytes.ts"
import { FrameBatch } from "../core/frame-batch.ts"
import { SimulatedClock } from "../core/simulated-clock.ts"
import { Engine } from "./engine.ts"
import { encodeMessage } from "./frame.ts"
import { defaultLimits, FrameDecoder } from "./frame-decoder.ts"
import { Outbox, type OutboxLimits, referenceBytes } from "./outbox.ts"
import { Fanout } from "./pattern/fanout.ts"
import { RoundRobin } from "./pattern/round-robin.ts"

/** Takes what it is given, now or later; keeps it by reference until then, as a real stream does. */
class Sink {
  taking = true
  readonly writes: number[] = []
  #kept: Uint8Array[] = []
  #arrived: Uint8Array[] = []

  write(chunks: readonly Uint8Array[]): boolean {
    this.writes.push(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
    this.#kept.push(...chunks)
    if (this.taking) this.arrive()
    return this.taking
  }
  arrive(): void {
    this.#arrived.push(...this.#kept.map(chunk => new Uint8Array(chunk)))
    this.#kept = []
  }
  get bytes(): Uint8Array {
    return concat(this.#arrived)
  }
  /** The messages that have arrived, as their first octets. */
  messages(): string[][] {
    const decoder = new FrameDecoder({ ...defaultLimits })
    decoder.handshaking = false
    const batch = new FrameBatch()
    expect(decoder.decode(this.bytes, 0, batch, { onCommand: () => {} })).toBeUndefined()
    return Array.from({ length: batch.count }, (_, i) => batch.message(i).map(toHex))
  }
}

function world(limits: OutboxLimits = { messages: 10, bytes: 0 }) {
  const clock = new SimulatedClock()
  const engine = new Engine(clock)
  const told: string[] = []
  const make = (name = "") =>
    new Outbox({
      limits,
      slabs: engine.slabs,
      flusher: engine.flusher,
      onRoom: () => told.push(`room${name}`),
      onEmpty: () => told.push(`empty${name}`),
    })
  return { clock, engine, told, make }
}

const text = (message: string[]) => message.map(hex => String.fromCharCode(...Buffer.from(hex, "hex"))).join("|")

describe("Outbox", () => {
  it("lets everything sent in one turn leave in one write, at its end", () => {
    const { clock, make } = world({ messages: 0, bytes: 0 })
    const outbox = make()
    const sink = new Sink()
    outbox.attach(sink, false)
    for (let i = 0; i < 100; i++) outbox.send([utf8(`${i}`)])
    expect(sink.writes).toEqual([])
    clock.drain()
    expect(sink.writes).toHaveLength(1)
    expect(sink.messages().map(text)).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`))
    expect(outbox.isEmpty).toBe(true)
  })

  it("keeps a loop of sends going while the system takes all", () => {
    const { make } = world({ messages: 10, bytes: 1_000 })
    const outbox = make()
    const sink = new Sink()
    outbox.attach(sink, false)
    const body = new Uint8Array(50)
    for (let i = 0; i < 10_000; i++) expect(outbox.send([body])).toBe(true)
    expect(outbox.messages).toBeLessThanOrEqual(10)
  })

  it("refuses whole messages at its limits while the system is busy, and tells of room at half", () => {
    const { clock, told, make } = world()
    const outbox = make()
    const sink = new Sink()
    sink.taking = false
    outbox.attach(sink, false)
    let sent = 0
    while (outbox.send([utf8(`${sent}`)])) sent++
    expect(sent).toBe(10 + 10 - 10)
    expect(outbox.messages).toBe(10)
    clock.drain()
    expect(told).toEqual([])
    sink.arrive()
    sink.taking = true
    outbox.onDrain()
    clock.drain()
    expect(told).toEqual(["empty", "room"])
    expect(sink.messages().map(text)).toEqual(Array.from({ length: sent }, (_, i) => `${i}`))
  })

  it("counts octets too", () => {
    const { make } = world({ messages: 0, bytes: 1_000 })
    const outbox = make()
    let sent = 0
    while (outbox.send([new Uint8Array(98)])) sent++
    expect(sent).toBe(10)
    expect(outbox.bytes).toBe(1_000)
  })

  it("Q3 F9 keeps what waits when the connection is lost, and loses only what had been handed over", () => {
    const { clock, make } = world()
    const outbox = make()
    const first = new Sink()
    first.taking = false
    outbox.attach(first, false)
    outbox.send([utf8("gone")])
    clock.drain()
    for (const n of ["1", "2"]) outbox.send([utf8(n), new Uint8Array(referenceBytes)])
    outbox.detach()
    const second = new Sink()
    outbox.attach(second, false)
    clock.drain()
    expect(second.messages().map(message => text(message.slice(0, 1)))).toEqual(["1", "2"])
  })

  it("clears what has not been handed over, and says how many", () => {
    const { clock, told, make } = world()
    const outbox = make()
    const sink = new Sink()
    sink.taking = false
    outbox.attach(sink, false)
    outbox.send([utf8("handed over")])
    clock.drain()
    while (outbox.send([utf8("dropped"), new Uint8Array(referenceBytes)]));
    expect(outbox.clear()).toBe(9)
    clock.drain()
    expect(told).toEqual(["room"])
    outbox.send([utf8("after")])
    sink.arrive()
    sink.taking = true
    outbox.onDrain()
    expect(sink.messages().map(text)).toEqual(["handed over", "after"])
  })

  it("copies short frames and keeps long ones by reference", () => {
    const { clock, make } = world()
    const outbox = make()
    const sink = new Sink()
    outbox.attach(sink, false)
    const short = new Uint8Array(referenceBytes - 1)
    const long = new Uint8Array(referenceBytes)
    outbox.send([short, long])
    short.fill(1)
    long.fill(2)
    clock.drain()
    const [first, second] = sink.messages()[0]!
    expect(first).toBe("00".repeat(referenceBytes - 1))
    expect(second).toBe("02".repeat(referenceBytes))
  })

  it("does not touch a slab while the system has not taken it", () => {
    const { clock, make } = world({ messages: 0, bytes: 0 })
    const outbox = make()
    const sink = new Sink()
    sink.taking = false
    outbox.attach(sink, false)
    for (let i = 0; i < 20_000; i++) outbox.send([utf8(`message ${i}`)])
    clock.drain()
    while (!outbox.isEmpty) {
      sink.arrive()
      outbox.onDrain()
    }
    expect(sink.messages().map(text)).toEqual(Array.from({ length: 20_000 }, (_, i) => `message ${i}`))
  })

  it("decodes to what was sent, whatever the sizes and however the system takes it", () => {
    const size = fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 9_000 }), fc.constantFrom(65_535, 65_536, 70_000))
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.array(size, { minLength: 1, maxLength: 4 }) },
      { weight: 1, arbitrary: fc.constantFrom("turn" as const, "busy" as const, "drain" as const) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), steps => {
        const { clock, make } = world({ messages: 0, bytes: 0 })
        const outbox = make()
        const sink = new Sink()
        outbox.attach(sink, false)
        const sent: Uint8Array[][] = []
        const drain = () => {
          sink.arrive()
          sink.taking = true
          if (outbox.isBusy) outbox.onDrain()
        }
        for (const one of steps) {
          if (one === "turn") clock.drain()
          else if (one === "busy") sink.taking = false
          else if (one === "drain") drain()
          else {
            const message = one.map((length, i) => new Uint8Array(length).fill(sent.length + i))
            sent.push(message)
            outbox.send(message)
          }
        }
        clock.drain()
        drain()
        clock.drain()
        expect(outbox.isEmpty).toBe(true)
        expect(Buffer.compare(sink.bytes, concat(sent.map(encodeMessage)))).toBe(0)
      }),
      { numRuns: 100 },
    )
  })
})

describe("RoundRobin", () => {
  it("takes each in turn, skips the full, and says no when all are", () => {
    const { make } = world({ messages: 2, bytes: 0 })
    const turn = new RoundRobin()
    const [one, two] = [make(), make()]
    turn.add(one)
    turn.add(two)
    turn.send([utf8("x")])
    expect([one.messages, two.messages]).toEqual([1, 0])
    for (let i = 0; i < 3; i++) expect(turn.send([utf8("x")])).toBe(true)
    expect([one.messages, two.messages]).toEqual([2, 2])
    expect(turn.send([utf8("x")])).toBe(false)
    turn.remove(one)
    two.clear()
    expect(turn.send([utf8("x")])).toBe(true)
  })
})

describe("Fanout", () => {
  function members(count: number, limits?: OutboxLimits) {
    const { clock, engine, told, make } = world(limits)
    const fanout = new Fanout<{ readonly outbox: Outbox; readonly sink: Sink }>(engine)
    const all = Array.from({ length: count }, (_, i) => {
      const sink = new Sink()
      const outbox = make(`${i}`)
      outbox.attach(sink, false)
      return { outbox, sink }
    })
    return { clock, engine, told, fanout, all }
  }
  const big = 1_000_000

  it("S1 sends each message once to each that wants it", () => {
    const { clock, fanout, all } = members(3)
    for (const prefix of ["", "a", "ab"]) fanout.subscribe(all[0]!, utf8(prefix), big)
    fanout.subscribe(all[1]!, utf8("b"), big)
    for (const topic of ["abc", "b", "a"]) fanout.send([utf8(topic), utf8("x")], [])
    clock.drain()
    expect(all.map(({ sink }) => sink.messages().map(text))).toEqual([["abc|x", "b|x", "a|x"], ["b|x"], []])
  })

  it("forgets its last match when subscriptions change", () => {
    const { clock, fanout, all } = members(2)
    fanout.subscribe(all[0]!, utf8("topic"), big)
    fanout.send([utf8("topic.1")], [])
    fanout.subscribe(all[1]!, utf8("topic"), big)
    fanout.send([utf8("topic.1")], [])
    fanout.cancel(all[0]!, utf8("topic"))
    fanout.send([utf8("topic.1")], [])
    clock.drain()
    expect(all.map(({ sink }) => sink.messages().length)).toEqual([2, 2])
  })

  it("tells the full ones apart, and serves the others", () => {
    const { clock, fanout, all } = members(2)
    for (const one of all) fanout.subscribe(one, utf8(""), big)
    all[0]!.sink.taking = false
    const full: unknown[] = []
    for (let i = 0; i < 30; i++) {
      fanout.send([utf8(`${i}`), new Uint8Array(i % 2 === 0 ? 10 : referenceBytes)], full as never)
      clock.drain()
    }
    expect(all[1]!.sink.messages()).toHaveLength(30)
    expect(full).toHaveLength(20)
    expect(new Set(full)).toEqual(new Set([all[0]]))
  })

  it("keeps a stuck connection from pinning slabs for a few octets of each", () => {
    const { clock, engine, fanout, all } = members(2, { messages: 0, bytes: 0 })
    fanout.subscribe(all[0]!, utf8("rare"), big)
    fanout.subscribe(all[1]!, utf8(""), big)
    all[0]!.sink.taking = false
    let made = 0
    const take = engine.slabs.take.bind(engine.slabs)
    engine.slabs.take = large => {
      const slab = take(large)
      if (slab.used === 0 && !seen.has(slab)) {
        seen.add(slab)
        made++
      }
      return slab
    }
    const seen = new Set<unknown>()
    const rest = new Uint8Array(1_000)
    for (let i = 0; i < 20_000; i++) {
      fanout.send([utf8(i % 50 === 0 ? "rare" : "common"), rest], [])
      if (i % 10 === 0) clock.drain()
    }
    expect(made).toBeLessThan(64)
    all[0]!.sink.arrive()
    all[0]!.sink.taking = true
    all[0]!.outbox.onDrain()
    const got = all[0]!.sink.messages()
    expect(got).toHaveLength(400)
    expect(new Set(got.map(message => message.length))).toEqual(new Set([2]))
  })

  it("S7 bounds the octets and the number of one member's prefixes", () => {
    const { fanout, all } = members(2)
    for (let i = 0; i < 10; i++) expect(fanout.subscribe(all[0]!, utf8(`prefix-..${i}`), 100)).toBe("new")
    expect(fanout.subscribe(all[0]!, utf8("x"), 100)).toBe("tooMany")
    expect(fanout.subscribe(all[0]!, utf8("prefix-..1"), 100)).toBe("repeated")
    expect(fanout.subscribe(all[1]!, utf8("prefix-..1"), 100)).toBe("known")
    let gone = 0
    fanout.remove(all[0]!, () => gone++)
    expect(gone).toBe(9)
  })

  it("carries what a plain list of subscribers would", () => {
    const topic = fc.uint8Array({ max: 1, maxLength: 3 })
    const step = fc.oneof(
      fc.record({ kind: fc.constantFrom("add" as const, "cancel" as const), who: fc.nat({ max: 2 }), topic }),
      fc.record({ kind: fc.constant("send" as const), who: fc.constantFrom(0, 100, 7_000), topic }),
      fc.record({ kind: fc.constantFrom("busy" as const, "drain" as const), who: fc.nat({ max: 2 }), topic }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const { clock, fanout, all } = members(3, { messages: 0, bytes: 0 })
        const wants = all.map(() => new Map<string, Uint8Array>())
        const expected: Uint8Array[][] = all.map(() => [])
        for (const { kind, who, topic } of steps) {
          const member = all[who]
          if (kind === "send") {
            const message = [topic, new Uint8Array(who).fill(7)]
            fanout.send(message, [])
            for (const [i, prefixes] of wants.entries()) {
              const match = [...prefixes.values()].some(prefix => toHex(topic).startsWith(toHex(prefix)))
              if (match) expected[i]!.push(encodeMessage(message))
            }
          } else if (kind === "add") {
            fanout.subscribe(member!, topic, big)
            wants[who]!.set(toHex(topic), topic)
          } else if (kind === "cancel") {
            fanout.cancel(member!, topic)
            wants[who]!.delete(toHex(topic))
          } else if (kind === "busy") member!.sink.taking = false
          else clock.drain()
        }
        clock.drain()
        for (const { sink, outbox } of all) {
          sink.arrive()
          sink.taking = true
          if (outbox.isBusy) outbox.onDrain()
        }
        expect(all.map(({ sink }) => toHex(sink.bytes))).toEqual(expected.map(parts => toHex(concat(parts))))
      }),
      { numRuns: 200 },
    )
  })
})
