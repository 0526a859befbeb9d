/**
 * A connection on which nothing is spoken, for STREAM: octets in are messages of one frame, as they come; octets out are
 * the bodies of messages, one after another. There is no handshake, so it is open from the start.
 */
import { copyOf, noBytes } from "../core/bytes.ts"
import type { Timer } from "../core/clock.ts"
import { ZincError } from "../core/errors.ts"
import type { ConnectionOptions, PeerInfo, Role } from "./connection.ts"
import type { Link } from "./link.ts"

/** Of the options of a ZMTP connection, those that make sense without ZMTP. */
export type RawConnectionOptions = Pick<ConnectionOptions, "engine" | "output" | "admit" | "onClosed">

/** How long an orderly end may take before the stream is cut. */
const endGraceMs = 2_000

const nobody: PeerInfo = { socketType: undefined, identity: noBytes, properties: new Map() }

export class RawConnection implements Link {
  readonly takesSubscribeCommands = false
  readonly #options: RawConnectionOptions
  #role: Role | undefined
  #phase: "new" | "open" | "finishing" | "ending" | "closed" = "new"
  #timer: Timer | undefined
  #error: ZincError | undefined

  constructor(options: RawConnectionOptions) {
    this.#options = options
  }

  get remote(): string {
    return this.#options.output.remote
  }
  get isOpen(): boolean {
    return this.#phase === "open"
  }

  /** Nothing is kept for one that only sends octets. */
  set kept(_bytes: number) {}

  start(): void {
    const role = this.#options.admit(nobody)
    if (role instanceof ZincError) {
      this.fail(role)
      return
    }
    this.#role = role
    this.#phase = "open"
    role.outbox.attach(this.#options.output, false)
    role.handler.onOpen(this)
  }

  onBytes(chunk: Uint8Array): void {
    if (this.#phase !== "open") return
    const { engine } = this.#options
    const { prefix, handler } = this.#role!
    const batch = engine.borrowBatch()
    try {
      if (prefix !== undefined) batch.addFrame(prefix, 0, prefix.length)
      batch.addFrame(chunk, 0, chunk.length)
      batch.endMessage()
      handler.onBatch(batch)
    } finally {
      engine.returnBatch(batch)
    }
  }
  onBorrowed(chunk: Uint8Array): void {
    this.onBytes(copyOf(chunk))
  }

  onDrain(): void {
    if (this.#phase !== "open" && this.#phase !== "finishing") return
    this.#role!.outbox.onDrain()
    this.#endIfEmpty()
  }

  onClose(error?: Error): void {
    if (this.#phase === "closed") return
    const asked = this.#phase === "finishing" || this.#phase === "ending"
    this.#phase = "closed"
    this.#timer?.cancel()
    this.#role?.outbox.detach()
    if (error !== undefined && !asked) {
      this.#error ??= new ZincError("PeerLost", `the connection to ${this.remote} broke: ${error.message}`, {
        retryable: true,
        cause: error,
      })
    }
    this.#options.onClosed(this.#error)
  }

  pause(): void {
    this.#options.output.pause()
  }
  resume(): void {
    this.#options.output.resume()
  }

  finish(lingerMs?: number): void {
    if (this.#phase !== "open") return
    this.#phase = "finishing"
    if (lingerMs !== undefined) this.#timer = this.#options.engine.clock.after(lingerMs, () => this.destroy())
    this.#options.output.resume()
    this.#role!.outbox.flush()
    this.#endIfEmpty()
  }

  destroy(): void {
    if (this.#phase === "closed") return
    this.#phase = "ending"
    this.#timer?.cancel()
    this.#options.output.destroy()
  }

  fail(error: ZincError): void {
    this.#error ??= error
    this.destroy()
  }

  #endIfEmpty(): void {
    if (this.#phase !== "finishing" || !this.#role!.outbox.isEmpty) return
    this.#phase = "ending"
    this.#timer ??= this.#options.engine.clock.after(endGraceMs, () => this.destroy())
    this.#options.output.end()
  }
}
