/** One ZMTP connection of ours whose peer is the fuzzer, and an honest connection beside it on the same engine. */
import { toHex, utf8 } from "../../src/core/bytes.ts"
import { ZincError } from "../../src/core/errors.ts"
import { SimulatedClock } from "../../src/core/simulated-clock.ts"
import type { ByteStream } from "../../src/transport/carrier.ts"
import { encodeReady } from "../../src/zmtp/command.ts"
import { Connection } from "../../src/zmtp/connection.ts"
import { Engine } from "../../src/zmtp/engine.ts"
import { encodeMessage } from "../../src/zmtp/frame.ts"
import { type DecoderLimits, defaultLimits } from "../../src/zmtp/frame-decoder.ts"
import { encodeGreeting } from "../../src/zmtp/greeting.ts"
import type { Security } from "../../src/zmtp/mechanism/mechanism.ts"
import { nullSecurity } from "../../src/zmtp/mechanism/null.ts"
import { Outbox } from "../../src/zmtp/outbox.ts"
import type { SocketType } from "../../src/zmtp/socket-type.ts"
import { pieces } from "./cutting.ts"
import { HostileStream } from "./hostile-stream.ts"
import { type FuzzInput, must } from "./target.ts"

/** Small, so that limits are met often. */
export const tightLimits: DecoderLimits = {
  ...defaultLimits,
  maxFrameBytes: 64 * 1024,
  maxMessageBytes: 64 * 1024,
  maxMessageFrames: 256,
  maxCommandBytes: 4 * 1024,
}

/** Most that one connection may hold under those limits: a message with what its frames cost, and a frame on its way. */
const heldMax = tightLimits.maxMessageBytes + 256 * 256 + 256 * 1024 + 64 * 1024

export const handshakeTimeoutMs = 30_000

export interface SubjectOptions {
  readonly security?: Security
  readonly socketType?: SocketType
  /** We dialled, and say READY at once. */
  readonly announces?: boolean
  /** What the peer's stream carries, where that is not ZMTP. */
  readonly over?: (stream: HostileStream, clock: SimulatedClock) => ByteStream
  /** The peer does not read. */
  readonly deaf?: boolean
}

export class Subject {
  readonly clock: SimulatedClock
  readonly stream: HostileStream
  readonly connection: Connection
  /** Messages and subscriptions, as they came, in short. */
  readonly heard: string[] = []
  opened = 0
  closed = 0
  error: ZincError | undefined

  constructor(clock: SimulatedClock, engine: Engine, options: SubjectOptions) {
    this.clock = clock
    this.stream = new HostileStream(clock)
    this.stream.deaf = options.deaf ?? false
    const { security = nullSecurity, socketType = "ROUTER", announces = false } = options
    const output = options.over?.(this.stream, clock) ?? this.stream
    const outbox = new Outbox({ limits: { messages: 100, bytes: 0 }, slabs: engine.slabs, flusher: engine.flusher })
    this.connection = new Connection({
      engine,
      output,
      mechanism: security.open(output.remote),
      handshakeTimeoutMs,
      ...(announces && { announce: { socketType } }),
      admit: () => ({
        socketType,
        limits: tightLimits,
        outbox,
        heartbeat: { intervalMs: 5_000, timeoutMs: 5_000 },
        handler: {
          onOpen: () => {
            this.opened++
            outbox.send([utf8("hello")])
          },
          onSubscription: (topic, wanted) => this.#note(`${wanted ? "+" : "-"}${toHex(topic)}`),
          onBatch: batch => {
            for (let i = 0; i < batch.count; i++) this.#note(batch.message(i).map(toHex).join("|"))
          },
        },
      }),
      onClosed: error => {
        this.closed++
        this.error = error
      },
    })
    this.connection.start()
    output.start(this.connection)
  }

  #note(what: string): void {
    must(this.closed === 0, () => "something was told after the end")
    this.heard.push(what)
  }
}

/** Runs an input against a connection, with an honest one beside it. What became of it: heard, and how it ended. */
export async function runConnection(input: FuzzInput, options: SubjectOptions): Promise<string> {
  const clock = new SimulatedClock()
  const engine = new Engine(clock)
  const honest = new Subject(clock, engine, { socketType: "PULL" })
  const subject = new Subject(clock, engine, options)
  await settle(clock)
  honest.stream.say(encodeGreeting("NULL"))
  honest.stream.say(encodeReady([["Socket-Type", utf8("PUSH")]]))
  const parts = pieces(input.bytes, input.cut)
  let said = 0
  for (const [index, part] of parts.entries()) {
    subject.stream.say(part)
    // Half a message of the honest peer lies around while the other speaks, which must not touch it.
    if (index < 200) {
      const message = encodeMessage([utf8(`honest ${said}`), utf8("x".repeat(300))])
      honest.stream.say(message.subarray(0, 5))
      if (index % 3 === 0) await settle(clock)
      honest.stream.say(message.subarray(5))
      said++
    }
    const { heldBytes } = subject.connection
    must(heldBytes <= heldMax, () => `${heldBytes} octets are held for one peer`)
  }
  await settle(clock)
  must(honest.heard.length === said, () => `of ${said} messages of an honest peer ${honest.heard.length} came`)
  for (const [index, text] of honest.heard.entries()) {
    const [first = "", second = ""] = text.split("|")
    const whole = first === toHex(utf8(`honest ${index}`)) && second.length === 600
    must(whole, () => `message ${index} of an honest peer came as ${text.slice(0, 80)}`)
  }
  const wasOpen = subject.connection.isOpen
  const answered = subject.stream.writtenBytes
  must(answered <= 4_096 + 8 * input.bytes.length, () => `${input.bytes.length} octets were answered with ${answered}`)
  // Silence after that: who has not come in is out when the handshake's time is over; who has, dies of no heartbeat.
  for (let i = 0; i < 9; i++) await advance(clock, 5_000)
  must(subject.closed === 1, () => `the connection ended ${subject.closed} times by the end of its time`)
  must(subject.stream.closed, () => "its stream is still open")
  must(subject.connection.heldBytes === 0, () => "it holds something after its end")
  must(
    honest.closed === 0 || honest.error?.code === "Timeout" || honest.error?.code === "PeerLost",
    () => "the honest peer was cut off",
  )
  must(subject.error === undefined || ZincError.is(subject.error), () => `it ended with ${subject.error}`)
  if (subject.error !== undefined) documented(subject.error)
  const how = wasOpen ? "taken" : `refused: ${subject.error?.code ?? "quietly"}`
  return how
}

/** Refusals of a peer, by docs/reference/errors.md. */
const refusals = new Set<string>([
  "BadFrame",
  "TooLarge",
  "HandshakeFailed",
  "VersionMismatch",
  "Unauthorized",
  "Timeout",
  "PeerLost",
  "Full",
])
export function documented(error: unknown): void {
  const known = ZincError.is(error) && refusals.has(error.code)
  must(known, () => `no documented refusal: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
}

/** Runs what is due now, with promises between. */
export async function settle(clock: SimulatedClock): Promise<void> {
  for (let i = 0; i < 6; i++) {
    clock.advance(0)
    await Promise.resolve()
  }
}
export async function advance(clock: SimulatedClock, ms: number): Promise<void> {
  clock.advance(ms)
  await settle(clock)
}
