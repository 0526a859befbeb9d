/** Two connections of the engine that talk through a test: it sees every octet between them, and may change, drop or cut any. */
import { concat, noBytes } from "../src/core/bytes.ts"
import type { ZincError } from "../src/core/errors.ts"
import { SimulatedClock } from "../src/core/simulated-clock.ts"
import { Connection, type ConnectionOutput, type PeerInfo } from "../src/zmtp/connection.ts"
import { Engine } from "../src/zmtp/engine.ts"
import { defaultLimits } from "../src/zmtp/frame-decoder.ts"
import type { Security } from "../src/zmtp/mechanism/mechanism.ts"
import { Outbox } from "../src/zmtp/outbox.ts"

export class Side {
  readonly clock: SimulatedClock = new SimulatedClock()
  readonly engine: Engine = new Engine(this.clock)
  readonly outbox: Outbox = new Outbox({
    limits: { messages: 0, bytes: 0 },
    slabs: this.engine.slabs,
    flusher: this.engine.flusher,
  })
  readonly connection: Connection
  readonly messages: Uint8Array[][] = []
  peer: PeerInfo | undefined
  error: ZincError | undefined
  closed = false
  paused = false
  #written: Uint8Array[] = []

  constructor(security: Security, socketType: "PUSH" | "PULL" | "DEALER", announces: boolean) {
    const output: ConnectionOutput = {
      remote: "tcp://10.0.0.7:5555",
      write: chunks => {
        if (!this.closed) this.#written.push(...chunks.map(chunk => new Uint8Array(chunk)))
        return true
      },
      pause: () => {
        this.paused = true
      },
      resume: () => {
        this.paused = false
      },
      end: () => this.#gone(),
      destroy: () => this.#gone(),
    }
    this.connection = new Connection({
      engine: this.engine,
      output,
      mechanism: security.open(output.remote),
      handshakeTimeoutMs: 0,
      ...(announces && { announce: { socketType } }),
      admit: peer => {
        this.peer = peer
        return {
          socketType,
          limits: defaultLimits,
          outbox: this.outbox,
          handler: {
            onOpen: () => {},
            onSubscription: () => {},
            onBatch: batch => {
              for (let i = 0; i < batch.count; i++) this.messages.push(batch.message(i).map(one => new Uint8Array(one)))
            },
          },
        }
      },
      onClosed: error => {
        this.error = error
      },
    })
    this.connection.start()
  }

  #gone(): void {
    if (this.closed) return
    this.closed = true
    this.clock.soon(() => this.connection.onClose())
  }

  /** What it wrote since the last time, one entry a write. */
  take(): Uint8Array[] {
    this.engine.flusher.flushAll()
    const written = this.#written
    this.#written = []
    return written
  }

  /** A chunk in memory that will be overwritten, as carriers give them. */
  give(bytes: Uint8Array): void {
    if (this.closed || bytes.length === 0) return
    const chunk = new Uint8Array(bytes)
    this.connection.onBorrowed(chunk)
    chunk.fill(0xee)
  }
}

export interface Pair {
  readonly client: Side
  readonly server: Side
}

export function pairOf(client: Security, server: Security): Pair {
  return { client: new Side(client, "PUSH", true), server: new Side(server, "PULL", false) }
}

/** Carries what waits, back and forth, until nobody says anything more; `change` sees every write on its way. */
export async function converse(
  pair: Pair,
  change: (bytes: Uint8Array, from: "client" | "server") => readonly Uint8Array[] = bytes => [bytes],
): Promise<void> {
  for (let idle = 0; idle < 3; ) {
    await Promise.resolve()
    pair.client.clock.advance(0)
    pair.server.clock.advance(0)
    const up = pair.client.take()
    for (const bytes of up.flatMap(each => change(each, "client"))) pair.server.give(bytes)
    const down = pair.server.take()
    for (const bytes of down.flatMap(each => change(each, "server"))) pair.client.give(bytes)
    idle = up.length + down.length === 0 ? idle + 1 : 0
  }
}

export function joined(messages: readonly Uint8Array[][]): string {
  return messages.map(frames => frames.map(each => Buffer.from(each).toString("latin1")).join("|")).join(" ")
}

/** Everything in one piece. */
export function whole(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 0 ? noBytes : concat(parts)
}
