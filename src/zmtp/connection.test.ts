import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { concat, fromHex, fromUtf8, toHex, utf8 } from "../core/bytes.ts"
import { ZincError } from "../core/errors.ts"
import { SimulatedClock } from "../core/simulated-clock.ts"
import { encodeError, encodePing, encodePong, encodeReady, encodeSubscribe } from "./command.ts"
import { Connection, type ConnectionOutput, type PeerInfo, type Role } from "./connection.ts"
import { Engine } from "./engine.ts"
import { encodeMessage } from "./frame.ts"
import { defaultLimits } from "./frame-decoder.ts"
import { encodeGreeting } from "./greeting.ts"
import type { HeartbeatOptions } from "./heartbeat.ts"
import { NullMechanism } from "./mechanism/null.ts"
import { Outbox } from "./outbox.ts"
import { turnBytes } from "./pacer.ts"
import type { SocketType } from "./socket-type.ts"

/** A stream's near end in the hands of a test. */
class Wire implements ConnectionOutput {
  readonly remote = "tcp://peer:1"
  written: Uint8Array[] = []
  taking = true
  paused = false
  ended = false
  destroyed = false

  write(chunks: readonly Uint8Array[]): boolean {
    this.written.push(...chunks.map(chunk => new Uint8Array(chunk)))
    return this.taking
  }
  pause(): void {
    this.paused = true
  }
  resume(): void {
    this.paused = false
  }
  end(): void {
    this.ended = true
  }
  destroy(): void {
    this.destroyed = true
  }
  /** What was written since the last time, in hex. */
  take(): string {
    const bytes = concat(this.written)
    this.written = []
    return toHex(bytes)
  }
}

interface SubjectOptions {
  /** Made on the subject's clock. Default: one without limits. */
  readonly engine?: (clock: SimulatedClock) => Engine
  readonly socketType?: SocketType
  /** Withhold READY until the peer's has come. */
  readonly withhold?: boolean
  readonly heartbeat?: HeartbeatOptions
  readonly paced?: boolean
  readonly admit?: (peer: PeerInfo) => ZincError | undefined
}

class Subject {
  readonly clock = new SimulatedClock()
  readonly engine: Engine
  readonly wire = new Wire()
  readonly outbox: Outbox
  readonly messages: string[] = []
  readonly subscriptions: string[] = []
  opened = 0
  closed = 0
  error: ZincError | undefined
  peer: PeerInfo | undefined
  readonly connection: Connection

  constructor(options: SubjectOptions = {}) {
    const { socketType = "DEALER", withhold = false, heartbeat, paced = false, admit } = options
    this.engine = options.engine?.(this.clock) ?? new Engine(this.clock)
    const { slabs, flusher } = this.engine
    this.outbox = new Outbox({ limits: { messages: 10, bytes: 0 }, slabs, flusher })
    const role: Role = {
      socketType,
      limits: defaultLimits,
      ...(heartbeat && { heartbeat }),
      paced,
      outbox: this.outbox,
      handler: {
        onOpen: () => this.opened++,
        onBatch: batch => {
          for (let i = 0; i < batch.count; i++) this.messages.push(batch.message(i).map(latin1).join("|"))
        },
        onSubscription: (topic, wanted) => this.subscriptions.push(`${wanted ? "+" : "-"}${latin1(topic)}`),
      },
    }
    this.connection = new Connection({
      engine: this.engine,
      output: this.wire,
      mechanism: new NullMechanism(),
      handshakeTimeoutMs: 30_000,
      ...(!withhold && { announce: { socketType } }),
      admit: peer => {
        this.peer = peer
        return admit?.(peer) ?? role
      },
      onClosed: error => {
        this.closed++
        this.error = error
      },
    })
    this.connection.start()
  }

  /** Bytes from the peer; what the connection asked of the stream happens after that. */
  hear(...chunks: Uint8Array[]): void {
    for (const chunk of chunks) this.connection.onBytes(chunk)
    this.clock.drain()
    this.settle()
  }
  settle(): void {
    if ((this.wire.destroyed || this.wire.ended) && this.closed === 0) this.connection.onClose()
  }
  advance(ms: number): void {
    this.clock.advance(ms)
    this.settle()
  }
}

const latin1 = (bytes: Uint8Array) => String.fromCharCode(...bytes)
const greeting = encodeGreeting("NULL")
const ready = (type: string) => encodeReady([["Socket-Type", utf8(type)]])
const oldGreeting = () => {
  const bytes = encodeGreeting("NULL")
  bytes[11] = 0
  return bytes
}

/** A connection in traffic. */
function open(options: SubjectOptions = {}, peer = "ROUTER"): Subject {
  const subject = new Subject(options)
  subject.hear(greeting, ready(peer))
  expect(subject.opened).toBe(1)
  subject.wire.take()
  return subject
}

describe("Connection: handshake", () => {
  it("G1 sends its greeting, and as a dialler READY, without waiting", () => {
    const { wire } = new Subject()
    const expected = concat([
      greeting,
      encodeReady([
        ["Socket-Type", utf8("DEALER")],
        ["Identity", new Uint8Array(0)],
      ]),
    ])
    expect(wire.take()).toBe(toHex(expected))
  })

  it("G5 fails for good when the peer wants another mechanism", () => {
    const subject = new Subject()
    subject.hear(encodeGreeting("CURVE"))
    expect(subject.error).toMatchObject({ code: "HandshakeFailed", retryable: false })
    expect(subject.error?.message).toContain("tcp://peer:1 wants the mechanism CURVE")
  })

  it("G4 refuses an older protocol, and may be tried again", () => {
    const subject = new Subject()
    subject.hear(fromHex("ff 0000000000000001 7f 01"))
    expect(subject.error).toMatchObject({ code: "VersionMismatch", retryable: true })
    expect(subject.wire.destroyed).toBe(true)
  })

  it("G3 G6 knows from the minor version whether the peer takes SUBSCRIBE commands", () => {
    expect(open({ socketType: "SUB" }, "PUB").connection.takesSubscribeCommands).toBe(true)
    const subject = new Subject({ socketType: "SUB" })
    subject.hear(oldGreeting(), ready("PUB"))
    expect(subject.opened).toBe(1)
    expect(subject.connection.takesSubscribeCommands).toBe(false)
  })

  it("F1 takes READY in a plain frame", () => {
    const subject = new Subject()
    const plain = ready("ROUTER")
    plain[0] = 0
    subject.hear(greeting, plain)
    expect(subject.opened).toBe(1)
  })

  it("F2 hears who the peer is", () => {
    const subject = new Subject({ socketType: "ROUTER", withhold: true })
    subject.hear(
      greeting,
      encodeReady([
        ["socket-type", utf8("DEALER")],
        ["identity", utf8("bob")],
        ["X-Colour", utf8("red")],
      ]),
    )
    expect(subject.peer).toMatchObject({ socketType: "DEALER", identity: utf8("bob") })
    expect(subject.peer?.properties.get("x-colour")).toEqual(utf8("red"))
  })

  it("F3 refuses a socket type it cannot talk to, by ERROR, for good", () => {
    const subject = new Subject({ socketType: "PULL", withhold: true })
    subject.wire.take()
    subject.hear(greeting, ready("DEALER"))
    expect(subject.error).toMatchObject({ code: "HandshakeFailed", retryable: false })
    expect(subject.error?.message).toContain("DEALER")
    const sent = fromHex(subject.wire.take())
    expect(fromUtf8(sent.subarray(3, 8))).toBe("ERROR")
    expect(subject.wire.ended).toBe(true)
    expect(subject.opened).toBe(0)
  })

  it("F3 takes a peer that does not name its type, as libzmq does", () => {
    const subject = new Subject()
    subject.hear(greeting, encodeReady([]))
    expect(subject.opened).toBe(1)
  })

  it("F4 sends no traffic before the peer's READY", () => {
    const subject = new Subject()
    subject.wire.take()
    subject.outbox.send([utf8("early")])
    subject.hear(greeting)
    expect(subject.wire.take()).toBe("")
    subject.hear(ready("ROUTER"))
    expect(subject.wire.take()).toBe(toHex(encodeMessage([utf8("early")])))
  })

  it("F4 withholds READY at a shared port until the peer's has come", () => {
    const subject = new Subject({ socketType: "ROUTER", withhold: true })
    expect(subject.wire.take()).toBe(toHex(greeting))
    subject.hear(greeting)
    expect(subject.wire.take()).toBe("")
    subject.hear(ready("DEALER"))
    expect(subject.wire.take()).toContain(toHex(utf8("ROUTER")))
  })

  it("F5 fails for good on ERROR, with the peer's reason", () => {
    const subject = new Subject()
    subject.hear(greeting, encodeError("400"))
    expect(subject.error).toMatchObject({ code: "Unauthorized", retryable: false })
    expect(subject.error?.message).toContain("400")
  })

  it("F7 bounds what comes before READY too", () => {
    const subject = new Subject()
    subject.hear(greeting, fromHex("06 0000000100000000"))
    expect(subject.error?.code).toBe("TooLarge")
  })

  it("F8 gives up on half a greeting and silence after the handshake timeout", () => {
    const subject = new Subject()
    subject.hear(greeting.subarray(0, 30))
    subject.advance(29_999)
    expect(subject.closed).toBe(0)
    subject.advance(1)
    expect(subject.error).toMatchObject({ code: "Timeout", retryable: true })
    expect(subject.error?.message).toContain("tcp://peer:1")
  })

  it("F8 leaves a completed handshake alone", () => {
    const subject = open()
    subject.advance(60_000)
    expect(subject.closed).toBe(0)
    expect(subject.clock.pending).toBe(0)
  })

  it("says so when the peer closes during the handshake", () => {
    const subject = new Subject()
    subject.hear(greeting)
    subject.connection.onClose()
    expect(subject.error).toMatchObject({ code: "HandshakeFailed", retryable: true })
  })

  it("refuses for the owner's reason", () => {
    const subject = new Subject({ withhold: true, admit: () => new ZincError("HandshakeFailed", "not you") })
    subject.wire.take()
    subject.hear(greeting, ready("ROUTER"), encodeMessage([utf8("x")]))
    expect(subject.wire.take()).toBe(toHex(encodeError("not you")))
    expect(subject.error?.message).toBe("not you")
    expect(subject.messages).toEqual([])
  })
})

describe("Connection: taking turns", () => {
  const topics = Array.from({ length: 4_000 }, (_, i) => `topic-${i}`)
  const wanted = topics.map(topic => `+${topic}`)
  const flood = () => concat(topics.map(topic => encodeSubscribe(utf8(topic))))
  const subscriber = () => open({ socketType: "XPUB", paced: true }, "SUB")

  it("takes subscriptions in slices, in their order, and reads no more until it has taken them", () => {
    const subject = subscriber()
    const octets = flood()
    expect(octets.length).toBeGreaterThan(4 * turnBytes)
    subject.hear(octets, encodeSubscribe(utf8("last")))
    expect(subject.subscriptions).toEqual([])
    expect(subject.wire.paused).toBe(true)
    expect(subject.connection.heldBytes).toBe(octets.length + encodeSubscribe(utf8("last")).length)
    subject.clock.step()
    const first = subject.subscriptions.length
    expect(first).toBeGreaterThan(0)
    expect(first).toBeLessThanOrEqual(turnBytes / encodeSubscribe(utf8("topic-0")).length)
    subject.advance(1)
    expect(subject.subscriptions).toEqual([...wanted, "+last"])
    expect(subject.wire.paused).toBe(false)
    expect(subject.connection.heldBytes).toBe(0)
  })

  it("takes from one what another's flood leaves, in the same turn", () => {
    const subject = subscriber()
    const other = open({ engine: () => subject.engine, socketType: "XPUB", paced: true }, "SUB")
    subject.clock.advance(1)
    subject.hear(flood())
    other.hear(encodeSubscribe(utf8("small")))
    expect(other.subscriptions).toEqual([])
    subject.clock.step()
    expect(other.subscriptions).toEqual(["+small"])
    expect(subject.subscriptions.length).toBeLessThan(topics.length)
  })

  it("takes nothing while its owner has paused it, and reads on only when it is resumed and nothing waits", () => {
    const subject = subscriber()
    subject.hear(flood())
    subject.connection.pause()
    subject.advance(1)
    expect(subject.subscriptions).toEqual([])
    subject.connection.resume()
    expect(subject.wire.paused).toBe(true)
    subject.advance(1)
    expect(subject.subscriptions).toEqual(wanted)
    expect(subject.wire.paused).toBe(false)
  })

  it("drops what waits when it is closed, and lets the end come", () => {
    const finished = subscriber()
    finished.hear(flood())
    finished.connection.finish()
    expect(finished.wire.paused).toBe(false)
    finished.advance(1)
    expect(finished.subscriptions).toEqual([])
    expect(finished.connection.heldBytes).toBe(0)
    const gone = subscriber()
    gone.hear(flood())
    gone.connection.onClose()
    gone.advance(1)
    expect(gone.subscriptions).toEqual([])
    expect(gone.closed).toBe(1)
  })

  it("does so until READY has come, too, and delivers all messages of one who turns out to be no subscriber", () => {
    const messages = Array.from({ length: 10_000 }, (_, i) => `message ${i}`)
    const all = concat([greeting, ready("ROUTER"), ...messages.map(message => encodeMessage([utf8(message)]))])
    const subject = new Subject()
    subject.hear(all)
    expect(subject.messages).toEqual([])
    subject.advance(1)
    expect(subject.messages).toEqual(messages)
    const gone = new Subject()
    gone.hear(all)
    gone.connection.onClose()
    expect(gone.messages).toEqual(messages)
    expect(gone.closed).toBe(1)
  })
})

describe("Connection: traffic", () => {
  it("delivers what came with READY in one chunk", () => {
    const subject = new Subject()
    subject.hear(concat([greeting, ready("ROUTER"), encodeMessage([utf8("a"), utf8("b")])]))
    expect(subject.messages).toEqual(["a|b"])
  })

  it("F6 ignores unknown commands, a second READY and a late ERROR", () => {
    const subject = open()
    subject.hear(
      fromHex("04 02 0158"),
      ready("PUSH"),
      encodeError("late"),
      fromHex("04 00"),
      encodeMessage([utf8("a")]),
    )
    expect(subject.messages).toEqual(["a"])
    expect(subject.closed).toBe(0)
    expect(subject.opened).toBe(1)
  })

  it("G6 takes subscriptions as commands from any peer", () => {
    const subject = new Subject({ socketType: "XPUB" })
    subject.hear(oldGreeting(), ready("SUB"), encodeSubscribe(utf8("a")), fromHex("04 08 06 43414e43454c 61"))
    expect(subject.subscriptions).toEqual(["+a", "-a"])
  })

  it("F9 delivers the whole messages before a fault, and nothing of the broken one", () => {
    const subject = open()
    subject.hear(concat([encodeMessage([utf8("a")]), fromHex("01 01 62 02 ffffffffffffffff")]))
    expect(subject.messages).toEqual(["a"])
    expect(subject.error).toMatchObject({ code: "BadFrame", retryable: false })
  })

  it("F9 drops a message that is cut off by the end", () => {
    const subject = open()
    subject.hear(fromHex("01 01 61"))
    subject.connection.onClose()
    expect(subject.messages).toEqual([])
    expect(subject.error).toBeUndefined()
  })

  it("finishes with what is queued, then ends", () => {
    const subject = open()
    subject.wire.taking = false
    subject.outbox.send([utf8("a")])
    subject.clock.drain()
    subject.outbox.send([utf8("b")])
    subject.connection.finish(1_000)
    expect(subject.wire.ended).toBe(false)
    subject.wire.taking = true
    subject.connection.onDrain()
    expect(subject.wire.ended).toBe(true)
    expect(subject.wire.take()).toBe(toHex(concat([encodeMessage([utf8("a")]), encodeMessage([utf8("b")])])))
  })

  it("is cut off when finishing takes longer than it may", () => {
    const subject = open()
    subject.wire.taking = false
    subject.outbox.send([utf8("a")])
    subject.connection.finish(50)
    subject.clock.advance(49)
    expect(subject.wire.destroyed).toBe(false)
    subject.clock.advance(1)
    expect(subject.wire.destroyed).toBe(true)
  })

  it("never throws on random octets, before, in and after the handshake", () => {
    const starts = [[], [greeting], [greeting, ready("ROUTER")]]
    fc.assert(
      fc.property(fc.constantFrom(...starts), fc.array(fc.uint8Array({ maxLength: 40 })), (start, chunks) => {
        const subject = new Subject()
        subject.hear(...start, ...chunks)
        subject.connection.onClose()
        expect(subject.closed).toBe(1)
      }),
      { numRuns: 300 },
    )
  })
})

describe("Connection: heartbeats", () => {
  const heartbeat = { intervalMs: 100, timeoutMs: 300 }
  const ping = toHex(encodePing(0))

  it("H1 answers PING with PONG and its context", () => {
    const subject = open()
    subject.hear(encodePing(0, utf8("ctx")))
    expect(subject.wire.take()).toBe(toHex(encodePong(utf8("ctx"))))
  })

  it("H1 H2 asks after a silence, and only after the handshake", () => {
    const subject = new Subject({ heartbeat })
    subject.wire.take()
    subject.advance(1_000)
    expect(subject.wire.take()).toBe("")
    subject.hear(greeting, ready("ROUTER"))
    subject.advance(99)
    expect(subject.wire.take()).toBe("")
    subject.advance(1)
    expect(subject.wire.take()).toBe(ping)
  })

  it("H2 takes anything as a sign of life", () => {
    const subject = open({ heartbeat })
    for (let i = 0; i < 20; i++) {
      subject.advance(60)
      subject.hear(encodeMessage([utf8("x")]))
    }
    expect(subject.wire.take()).toBe("")
    subject.advance(150)
    expect(subject.wire.take()).toBe(ping)
    subject.advance(200)
    subject.hear(fromHex("00"))
    subject.advance(350)
    expect(subject.closed).toBe(0)
  })

  it("H2 closes when nothing comes, and says which peer", () => {
    const subject = open({ heartbeat })
    subject.advance(399)
    expect(subject.closed).toBe(0)
    subject.advance(1)
    expect(subject.error).toMatchObject({ code: "PeerLost", retryable: true })
    expect(subject.error?.message).toContain("tcp://peer:1")
  })

  it("H3 H1 closes when the peer breaks its own promise to be heard", () => {
    const subject = open()
    subject.hear(encodePing(500))
    subject.advance(499)
    expect(subject.closed).toBe(0)
    subject.hear(encodePing(500))
    subject.advance(499)
    subject.hear(encodeMessage([utf8("x")]))
    subject.advance(10_000)
    expect(subject.closed).toBe(0)
    subject.hear(encodePing(500))
    subject.advance(500)
    expect(subject.error?.code).toBe("PeerLost")
  })

  it("H4 does not answer a PING that is cut short", () => {
    const subject = open()
    subject.hear(fromHex("04 06 0450494e47 00"))
    expect(subject.wire.take()).toBe("")
    expect(subject.closed).toBe(0)
  })

  it("H5 does not judge a peer from which it does not read", () => {
    const subject = open({ heartbeat })
    subject.hear(encodePing(500))
    subject.connection.pause()
    subject.advance(10_000)
    expect(subject.closed).toBe(0)
    subject.connection.resume()
    subject.advance(99)
    expect(subject.closed).toBe(0)
    subject.advance(301)
    expect(subject.error?.code).toBe("PeerLost")
  })

  it("keeps one answer at most for a flood of PINGs from a peer that does not read", () => {
    const subject = open()
    subject.wire.taking = false
    subject.hear(encodePing(0, utf8("1")))
    subject.wire.take()
    for (let i = 2; i <= 1_000; i++) subject.hear(encodePing(0, utf8(`${i}`)))
    expect(subject.wire.take()).toBe("")
    subject.wire.taking = true
    subject.connection.onDrain()
    expect(subject.wire.take()).toBe(toHex(encodePong(utf8("1000"))))
  })

  it("lets PING and PONG overtake what waits for a busy system", () => {
    const subject = open({ heartbeat })
    subject.wire.taking = false
    subject.outbox.send([utf8("a")])
    subject.clock.drain()
    for (let i = 0; i < 5; i++) subject.outbox.send([utf8("b")])
    subject.wire.take()
    subject.advance(100)
    subject.hear(encodePing(0, utf8("!")))
    subject.wire.taking = true
    subject.connection.onDrain()
    expect(subject.wire.take()).toBe(ping + toHex(encodePong(utf8("!"))) + toHex(encodeMessage([utf8("b")])).repeat(5))
  })
})

describe("what all connections of an engine hold together", () => {
  /** A frame that promises 20,000 octets and brings all but one. */
  const unfinished = concat([fromHex("02 0000000000004e20"), new Uint8Array(19_999)])
  const message = [new Uint8Array(20_000)]

  it("is bounded, with what waits to be sent or without it", () => {
    for (const countsSent of [true, false]) {
      const engine = (clock: SimulatedClock) => new Engine(clock, 10_000, countsSent)
      const receiver = open({ engine })
      receiver.hear(unfinished)
      expect(receiver.error?.code).toBe("Full")
      const sender = open({ engine })
      sender.wire.taking = false
      for (let i = 0; i < 3; i++) {
        sender.outbox.send(message)
        sender.clock.drain()
      }
      sender.settle()
      expect(sender.error?.code).toBe(countsSent ? "Full" : undefined)
    }
  })
})
