/**
 * The relays of a host's own, each in a worker thread, below the host like any other relay (T3). A thread that ends is
 * replaced; its clients have found a place by then, as after the loss of any relay.
 */
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import { systemClock, type Timer } from "../core/clock.ts"
import { deferred } from "../core/deferred.ts"
import { ErrorCode, messageOf, ZincError } from "../core/errors.ts"
import type { Logger } from "../core/logger.ts"
import type { Authenticator, JoinRequest, Verdict } from "../endpoint/authenticator.ts"
import type { FromRelay, RelayStart, ToRelay } from "./relay-messages.ts"

export interface RelayThreadsOptions {
  /** What the thread of that number, from 1, starts with. */
  readonly start: (number: number) => RelayStart
  readonly threads: number
  /** The host's, as the user gave it. */
  readonly authenticator: Authenticator | undefined
  readonly logger: Logger
}

/** A thread that ends before that is replaced later each time. */
const steadyMs = 60_000
const patienceMinMs = 100
const patienceMaxMs = 30_000
/** After being told to close, and the time it may take for it. */
const lastMs = 1_000

/** Flags of Node that say where this process has its program from, and that no thread takes. */
const ofThisProgram = /^(--input-type|--eval|--print|-e|-p|-pe|--interactive|-i|--test|--watch)\b/

interface Thread {
  readonly worker: Worker
  readonly since: number
  /** When it has ended. */
  readonly ended: Promise<void>
}

export class RelayThreads {
  readonly #o: RelayThreadsOptions
  readonly #threads = new Map<number, Thread>()
  readonly #waits = new Map<number, Timer>()
  #isOver = false

  private constructor(options: RelayThreadsOptions) {
    this.#o = options
  }

  /** Resolves when all have joined their host. Rejects with what kept the first from it; then none is left. */
  static async open(options: RelayThreadsOptions): Promise<RelayThreads> {
    const threads = new RelayThreads(options)
    try {
      await Promise.all(Array.from({ length: options.threads }, (_, at) => threads.#begin(at + 1, 0)))
    } catch (thrown) {
      await threads.terminate()
      throw thrown
    }
    return threads
  }

  /** Each lets its clients go and ends; what has not by then is ended. Idempotent. */
  async close(timeoutMs: number): Promise<void> {
    this.#over()
    const closing = [...this.#threads.values()].map(async ({ worker, ended }) => {
      tell(worker, { is: "close", timeoutMs })
      const last = systemClock.after(timeoutMs + lastMs, () => void worker.terminate())
      await ended
      last.cancel()
    })
    await Promise.all(closing)
  }

  /** Ends them now. Idempotent. */
  async terminate(): Promise<void> {
    this.#over()
    await Promise.all([...this.#threads.values()].map(({ worker }) => worker.terminate()))
  }

  #over(): void {
    this.#isOver = true
    for (const wait of this.#waits.values()) wait.cancel()
    this.#waits.clear()
  }

  /** Resolves when the relay of that number has joined; rejects when its thread ends before. */
  #begin(number: number, tries: number): Promise<void> {
    const start = this.#o.start(number)
    const worker = new Worker(fileURLToPath(new URL("./relay-program.js", import.meta.url)), {
      workerData: start,
      execArgv: process.execArgv.filter(flag => !ofThisProgram.test(flag)),
    })
    const ready = deferred<void>()
    const ended = deferred<void>()
    const since = systemClock.now()
    let isReady = false
    let cause: ZincError | undefined
    this.#threads.set(number, { worker, since, ended: ended.promise })
    worker.on("message", (message: FromRelay) => {
      if (message.is === "ready") {
        isReady = true
        ready.resolve()
      } else if (message.is === "failed") {
        const code = message.code in ErrorCode ? (message.code as ErrorCode) : "Closed"
        cause = new ZincError(code, `${start.name}: ${message.message}`)
      } else if (message.is === "joining") void this.#judge(worker, message.number, message.request)
      else this.#o.logger[message.level](message.message, { relay: start.name, fields: message.fields })
    })
    worker.on("error", thrown => {
      cause ??= new ZincError("Closed", `the thread of ${start.name} failed: ${messageOf(thrown)}`, { cause: thrown })
    })
    worker.on("exit", code => {
      this.#threads.delete(number)
      cause ??= new ZincError("Closed", `the thread of ${start.name} ended with ${code}`)
      ready.reject(cause)
      ended.resolve()
      if (this.#isOver || (!isReady && tries === 0)) return
      this.#replace(number, systemClock.now() - since > steadyMs ? 1 : tries + 1, cause)
    })
    ready.promise.catch(() => {})
    return ready.promise
  }

  #replace(number: number, tries: number, cause: ZincError): void {
    const waitMs = Math.min(patienceMaxMs, patienceMinMs * 2 ** (tries - 1))
    this.#o.logger.warn("a relay of this host has ended; another takes its place", { reason: cause.message, waitMs })
    this.#waits.set(
      number,
      systemClock.after(waitMs, () => {
        this.#waits.delete(number)
        if (!this.#isOver) this.#begin(number, tries).catch(() => {})
      }),
    )
  }

  async #judge(worker: Worker, number: number, request: JoinRequest): Promise<void> {
    let verdict: Verdict
    try {
      const { allow, grants, reason } = ((await this.#o.authenticator?.authenticate(request)) ?? {}) as Partial<
        Record<"allow" | "grants" | "reason", unknown>
      >
      verdict =
        allow === true
          ? ({ allow, ...(grants === undefined ? {} : { grants }) } as Verdict)
          : { allow: false, reason: String(reason ?? "the host does not say why") }
      tell(worker, { is: "verdict", number, verdict })
    } catch (thrown) {
      this.#o.logger.error("the authenticator failed", { thrown })
      tell(worker, {
        is: "verdict",
        number,
        verdict: { allow: false, reason: "the host could not decide; ask its operator" },
      })
    }
  }
}

function tell(worker: Worker, message: ToRelay): void {
  worker.postMessage(message)
}
