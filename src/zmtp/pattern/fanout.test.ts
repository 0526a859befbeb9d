import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { concat, fromUtf8, utf8 } from "../../core/bytes.ts"
import { FrameBatch } from "../../core/frame-batch.ts"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import { Engine } from "../engine.ts"
import { defaultLimits, FrameDecoder } from "../frame-decoder.ts"
import { Outbox } from "../outbox.ts"
import { Fanout } from "./fanout.ts"

/** A subscriber whose system takes nothing until told, and keeps what it was given by reference until then. */
class Member {
  readonly outbox: Outbox
  readonly expected: string[] = []
  #kept: Uint8Array[] = []
  #taken: Uint8Array[] = []
  #busy = false
  slow = false

  constructor(engine: Engine) {
    this.outbox = new Outbox({ limits: { messages: 7, bytes: 0 }, slabs: engine.slabs, flusher: engine.flusher })
    this.outbox.attach({ write: chunks => this.#write(chunks) }, false)
  }

  #write(chunks: readonly Uint8Array[]): boolean {
    this.#kept.push(...chunks)
    this.#busy = this.slow
    if (!this.#busy) this.#take()
    return !this.#busy
  }
  drain(): void {
    this.#take()
    if (!this.#busy) return
    this.#busy = false
    this.outbox.onDrain()
  }
  #take(): void {
    this.#taken.push(...this.#kept.map(chunk => new Uint8Array(chunk)))
    this.#kept = []
  }

  messages(): string[] {
    const decoder = new FrameDecoder({ ...defaultLimits })
    decoder.handshaking = false
    const batch = new FrameBatch()
    expect(decoder.decode(concat(this.#taken), 0, batch, { onCommand: () => {} })).toBeUndefined()
    return Array.from({ length: batch.count }, (_, i) => fromUtf8(batch.message(i).at(-1)!))
  }
}

const who = fc.nat({ max: 2 })
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("send" as const), topic: fc.constantFrom("a", "a", "a", "b") }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("only" as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("slow" as const, "drain" as const, "look" as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("want" as const, "leave" as const), who }) },
  { weight: 1, arbitrary: fc.constant({ do: "turn" as const }) },
)

describe("Fanout", () => {
  it("gives everyone what it wants and has room for, in order, however runs begin and end", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.boolean(), (steps, allOrNone) => {
        const clock = new SimulatedClock()
        const engine = new Engine(clock)
        const fanout = new Fanout<Member>(engine)
        const members = [new Member(engine), new Member(engine), new Member(engine)]
        const wants = members.map(() => new Set(["a"]))
        for (const member of members) fanout.subscribe(member, utf8("a"), 1000)
        let number = 0
        for (const each of steps) {
          if (each.do === "turn") clock.drain()
          else if (each.do === "send") {
            const text = `${each.topic}${number++}`
            const full: Member[] = []
            fanout.send([utf8(text)], full, allOrNone)
            if (allOrNone && full.length > 0) continue
            members.forEach((member, i) => {
              if (wants[i]!.has(each.topic) && !full.includes(member)) member.expected.push(text)
            })
          } else {
            const member = members[each.who]!
            const wanted = wants[each.who]!
            if (each.do === "only") {
              const text = `only${number++}`
              if (member.outbox.send([utf8(text)])) member.expected.push(text)
            } else if (each.do === "slow") member.slow = !member.slow
            else if (each.do === "drain") member.drain()
            else if (each.do === "look") expect(member.outbox.messages).toBeLessThanOrEqual(7)
            else if (each.do === "want") {
              fanout.subscribe(member, utf8("b"), 1000)
              wanted.add("b")
            } else {
              fanout.cancel(member, utf8("b"))
              wanted.delete("b")
            }
          }
        }
        for (const member of members) member.slow = false
        clock.drain()
        for (const member of members) for (let i = 0; i < 3; i++) member.drain()
        clock.drain()
        for (const member of members) {
          expect(member.messages()).toEqual(member.expected)
          expect(member.outbox.isEmpty).toBe(true)
        }
      }),
      { numRuns: 500 },
    )
  })

  it("takes the prefixes of one that had many out in later turns, and gives it nothing meanwhile", () => {
    const clock = new SimulatedClock()
    const engine = new Engine(clock)
    const fanout = new Fanout<Member>(engine)
    const [gone, stays] = [new Member(engine), new Member(engine)]
    const topics = Array.from({ length: 5_000 }, (_, i) => `topic ${i}!`)
    for (const topic of topics) fanout.subscribe(gone, utf8(topic), 1e6)
    fanout.subscribe(stays, utf8("topic 4999!"), 1e6)
    const heard: string[] = []
    fanout.remove(gone, prefix => heard.push(fromUtf8(prefix)))
    expect(heard.length).toBeGreaterThan(0)
    expect(heard.length).toBeLessThan(1_000)
    expect(fanout.size).toBe(1)
    const full: Member[] = []
    fanout.send([utf8("topic 4999!")], full)
    clock.step()
    expect(heard.length).toBeLessThan(2_000)
    clock.advance(1)
    expect(heard).toEqual(topics.slice(0, -1))
    fanout.send([utf8("topic 4999!")], full)
    clock.advance(1)
    expect(gone.messages()).toEqual([])
    expect(stays.messages()).toEqual(["topic 4999!", "topic 4999!"])
    expect(full).toEqual([])
    expect(clock.pending).toBe(0)
  })

  it("tells the connections of a run once, and whoever looks at one of them sees all of it", () => {
    const clock = new SimulatedClock()
    const engine = new Engine(clock)
    const fanout = new Fanout<Member>(engine)
    const member = new Member(engine)
    member.slow = true
    fanout.subscribe(member, utf8(""), 1000)
    const full: Member[] = []
    for (let i = 0; i < 7; i++) fanout.send([utf8(`${i}`)], full)
    // Seven may wait behind a busy system; the first seven left with the first write.
    expect(member.outbox.messages).toBe(7)
    for (let i = 7; i < 20; i++) fanout.send([utf8(`${i}`)], full)
    expect(full).toHaveLength(13)
    expect(member.outbox.messages).toBe(7)
    // Its end is the end of all that was sent in this turn.
    fanout.remove(member)
    fanout.close()
    member.drain()
    expect(member.messages()).toEqual(["0", "1", "2", "3", "4", "5", "6"])
  })
})
