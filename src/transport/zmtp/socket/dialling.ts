/** The addresses that a general socket dials: each now, and again whenever its connection is lost, until told otherwise. */
import type { Timer } from "../../../core/clock.ts"
import { ZincError } from "../../../core/errors.ts"
import type { Engine } from "../../../zmtp/engine.ts"
import type { Link } from "../../../zmtp/link.ts"
import type { Outbox } from "../../../zmtp/outbox.ts"
import type { ByteStream } from "../../carrier.ts"
import type { CarrierTable } from "../carrier-table.ts"
import type { BackOff } from "./back-off.ts"
import type { SocketEvent } from "./socket-event.ts"
import type { PatternSocketOptions } from "./socket-options.ts"

/** An address that is dialled until told otherwise. */
export interface Dialled {
  readonly address: string
  readonly identity: Uint8Array | undefined
  readonly backOff: BackOff
  /** Its queue, where that outlives connections. */
  readonly outbox: Outbox | undefined
  /** Aborts the attempt under way. */
  stop: AbortController
  /** Not dialled any more. */
  forgotten: boolean
  connection: Link | undefined
  timer: Timer | undefined
}

/** What dialling asks of its socket. */
export interface DialHost {
  readonly engine: Engine
  readonly carriers: CarrierTable
  readonly options: PatternSocketOptions
  readonly isOpen: boolean
  tell(event: SocketEvent): void
  /** Begins to speak on the stream. */
  link(stream: ByteStream, dialled: Dialled): Link
  /** Nothing more goes by this queue. */
  detach(outbox: Outbox): void
  /** There is one fewer. */
  gone(): void
}

export class Dialling {
  readonly #host: DialHost
  readonly #dialled = new Set<Dialled>()

  constructor(host: DialHost) {
    this.#host = host
  }

  get size(): number {
    return this.#dialled.size
  }
  [Symbol.iterator](): Iterator<Dialled> {
    return this.#dialled.values()
  }
  at(address: string): Dialled[] {
    return [...this.#dialled].filter(each => each.address === address)
  }

  /** `outbox` is its queue, where that outlives connections; `identity` what we call whoever answers there. */
  add(address: string, backOff: BackOff, outbox: Outbox | undefined, identity: Uint8Array | undefined): void {
    const dialled: Dialled = {
      address,
      identity,
      backOff,
      outbox,
      stop: new AbortController(),
      forgotten: false,
      connection: undefined,
      timer: undefined,
    }
    this.#dialled.add(dialled)
    this.#dial(dialled)
  }

  #dial(dialled: Dialled): void {
    const { address } = dialled
    const { connectTimeoutMs = 0, tuning } = this.#host.options
    const stop = new AbortController()
    dialled.stop = stop
    dialled.timer =
      connectTimeoutMs > 0
        ? this.#host.engine.clock.after(connectTimeoutMs, () => stop.abort(notInTime(dialled)))
        : undefined
    this.#host.tell({ type: "dialling", address })
    this.#host.carriers
      .find(address)
      .dial(address, { signal: stop.signal, ...(tuning && { tuning }) })
      .then(
        stream => {
          dialled.timer?.cancel()
          if (dialled.forgotten) {
            stream.destroy()
            return
          }
          this.#host.tell({ type: "reached", address, remote: stream.remote })
          dialled.connection = this.#host.link(stream, dialled)
        },
        (error: unknown) => {
          dialled.timer?.cancel()
          if (dialled.forgotten) return
          const cause: unknown = stop.signal.aborted ? stop.signal.reason : error
          const failure = ZincError.is(cause) ? cause : new ZincError("Unreachable", String(cause), { cause })
          this.redial(dialled, failure, retryInMs => {
            const again = retryInMs === undefined ? {} : { retryInMs }
            this.#host.tell({ type: "dialFailed", address, error: failure, ...again })
          })
        },
      )
  }

  /** When it will be dialled again, or undefined when it will not; `toldFirst` hears it before `redialling` is told. */
  redial(
    dialled: Dialled,
    error: ZincError | undefined,
    toldFirst?: (inMs: number | undefined) => void,
  ): number | undefined {
    dialled.connection = undefined
    if (dialled.forgotten) return undefined
    const closing = !this.#host.isOpen
    if (
      this.#host.options.reconnect === false ||
      error?.retryable === false ||
      (closing && (dialled.outbox === undefined || dialled.outbox.isEmpty))
    ) {
      this.forget(dialled)
      toldFirst?.(undefined)
      return undefined
    }
    const wait = dialled.backOff.next()
    dialled.timer = this.#host.engine.clock.after(wait, () => this.#dial(dialled))
    toldFirst?.(wait)
    // Whoever heard that may have had enough.
    if (dialled.forgotten) return undefined
    this.#host.tell({ type: "redialling", address: dialled.address, inMs: wait })
    return wait
  }

  /** Dials it no more; a connection there is stays. */
  forget(dialled: Dialled): void {
    this.#dialled.delete(dialled)
    dialled.forgotten = true
    dialled.timer?.cancel()
    dialled.stop.abort()
    // With a connection the queue goes when that is over.
    if (dialled.outbox !== undefined && dialled.connection === undefined) this.#host.detach(dialled.outbox)
    this.#host.gone()
  }
}

function notInTime(dialled: Dialled): ZincError {
  return new ZincError("Timeout", `nobody answered at ${dialled.address} in time`, { retryable: true })
}
