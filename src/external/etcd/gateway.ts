/**
 * etcd's JSON gateway (its gRPC interface over HTTP), spoken with `fetch` to one of several endpoints at a time. 64-bit
 * numbers travel as texts there, and stay so here. Why not a client from npm: docs/decisions/0077.
 */
import type { Clock } from "../../core/clock.ts"
import { messageOf, ZincError } from "../../core/errors.ts"
import type { Random } from "../../core/random.ts"
import { readBody, readLines } from "./body.ts"

export interface EtcdGatewayOptions {
  /** Beginnings of addresses, such as "http://127.0.0.1:2379". */
  readonly endpoints: readonly string[]
  readonly clock: Clock
  readonly random: Random
  readonly fetch: typeof fetch
  readonly timeoutMs: number
  readonly silenceMs: number
  readonly user?: { readonly name: string; readonly password: string }
}

export interface AskOptions {
  /** Whether asking twice is the same as asking once: it is asked again, elsewhere, when no answer comes. */
  readonly harmless: boolean
  readonly signal?: AbortSignal
}

/** What a failed attempt tells us. */
type Failure =
  /** Nobody was there to ask: it did not happen. */
  | { readonly kind: "unsent"; readonly reason: string }
  /** Asked, and no answer: it may have happened. */
  | { readonly kind: "uncertain"; readonly reason: string }
  /** Our token has lapsed. */
  | { readonly kind: "token"; readonly reason: string }
  | { readonly kind: "refused"; readonly error: ZincError }

const pauseMs = 50
/** Requests on their way at once: each is a connection. Others wait, within their time. */
const slotsMax = 32
/** Codes of gRPC, as the gateway passes them on. */
const grpc = { unknown: 2, invalidArgument: 3, notFound: 5, permissionDenied: 7, unavailable: 14, unauthenticated: 16 }

export class EtcdGateway {
  readonly #options: EtcdGatewayOptions
  readonly #closing = new AbortController()
  readonly #attempts = new Set<AbortController>()
  #busy = 0
  readonly #queue: (() => void)[] = []
  #current: number
  #token: string | undefined
  #authenticating: Promise<string> | undefined

  constructor(options: EtcdGatewayOptions) {
    this.#options = options
    this.#current = options.random.below(options.endpoints.length)
  }

  get place(): string {
    return this.#options.endpoints.join(",").replaceAll(/https?:\/\//g, "etcd://")
  }
  /** Aborted once closed. */
  get closing(): AbortSignal {
    return this.#closing.signal
  }

  /** The endpoint in use has been silent: use the next one from now on. */
  moveOn(): void {
    this.#current++
  }

  /**
   * Asks one endpoint after the other. Rejects with `Unreachable` when it was certainly not asked, `Timeout` or `PeerLost`
   * when no answer came, `Unauthorized`, `Refused`, `Aborted`, `Closed`.
   */
  async ask(path: string, body: unknown, options: AskOptions): Promise<Record<string, unknown>> {
    const { clock, timeoutMs, silenceMs, endpoints } = this.#options
    const { harmless, signal } = options
    const endAt = clock.now() + timeoutMs
    let trouble = "no endpoint was tried"
    let renewed = false
    for (let attempt = 1; ; attempt++) {
      const leftMs = endAt - clock.now()
      if (leftMs <= 0)
        throw new ZincError("Unreachable", `${this.place} was not reached in ${timeoutMs} ms: ${trouble}`, {
          retryable: true,
        })
      if (this.#busy >= slotsMax) {
        await this.#slot(leftMs)
        if (clock.now() >= endAt) continue
      }
      const endpoint = this.#endpoint
      // Where there is another one to ask, a silent one does not get all the time there is.
      const limitMs = Math.min(endAt - clock.now(), harmless && endpoints.length > 1 ? silenceMs : timeoutMs)
      const result = await this.#attempt(endpoint, path, body, limitMs, signal)
      if ("answer" in result) return result.answer
      if (result.kind === "refused") throw result.error
      trouble = `${endpoint}: ${result.reason}`
      if (result.kind === "token") {
        if (renewed) throw new ZincError("Unauthorized", `${trouble}`)
        renewed = true
        this.#token = undefined
        continue
      }
      if (result.kind === "uncertain" && !harmless) {
        const code = clock.now() >= endAt ? "Timeout" : "PeerLost"
        throw new ZincError(code, `${trouble}; whether it happened is not known`, { retryable: true })
      }
      if (this.#endpoint === endpoint) this.moveOn()
      if (attempt % endpoints.length === 0) await this.#pause(Math.min(pauseMs, endAt - clock.now()), signal)
    }
  }

  /** One streaming call at the endpoint in use: every message to `hear`, until it ends or the signal aborts. Never rejects. */
  async stream(
    path: string,
    body: unknown,
    hear: (message: Record<string, unknown>) => void,
    signal: AbortSignal,
  ): Promise<string> {
    const endpoint = this.#endpoint
    try {
      const response = await this.#options.fetch(`${endpoint}${path}`, {
        method: "POST",
        headers: await this.#headers(endpoint, signal),
        body: JSON.stringify(body),
        signal,
      })
      if (!response.ok) {
        const failure = failureOf(response.status, await readBody(response))
        if (failure.kind === "token") this.#token = undefined
        return `${endpoint}: ${failure.kind === "refused" ? failure.error.message : failure.reason}`
      }
      await readLines(response, line => {
        const message = line.result
        if (typeof message === "object" && message !== null) hear(message as Record<string, unknown>)
      })
      return `${endpoint} ended the stream`
    } catch (error) {
      return `${endpoint}: ${causeOf(error)}`
    }
  }

  close(): void {
    this.#closing.abort(new ZincError("Closed", "the connection to etcd is closed; open a new one"))
    for (const attempt of this.#attempts) attempt.abort()
  }

  get #endpoint(): string {
    const { endpoints } = this.#options
    return endpoints[this.#current % endpoints.length]!
  }

  async #attempt(
    endpoint: string,
    path: string,
    body: unknown,
    limitMs: number,
    signal: AbortSignal | undefined,
  ): Promise<{ answer: Record<string, unknown> } | Failure> {
    this.#busy++
    const limit = new AbortController()
    const timer = this.#options.clock.after(limitMs, () => limit.abort(tooLate))
    const stop = () => limit.abort()
    signal?.addEventListener("abort", stop, { once: true })
    this.#attempts.add(limit)
    if (this.closing.aborted || signal?.aborted) stop()
    try {
      const headers = await this.#headers(endpoint, limit.signal)
      const response = await this.#options.fetch(`${endpoint}${path}`, {
        method: "POST",
        headers,
        body: JSON.stringify(body),
        signal: limit.signal,
      })
      const answer = await readBody(response)
      if (!response.ok) return failureOf(response.status, answer)
      return { answer: (answer.result as Record<string, unknown> | undefined) ?? answer }
    } catch (error) {
      if (this.closing.aborted) throw this.closing.reason
      if (signal?.aborted) throw new ZincError("Aborted", "the call to etcd was aborted", { cause: signal.reason })
      if (ZincError.is(error) && error.code === "Unauthorized") return { kind: "refused", error }
      if (limit.signal.aborted) return { kind: "uncertain", reason: `no answer in ${Math.round(limitMs)} ms` }
      return { kind: isUnsent(error) ? "unsent" : "uncertain", reason: causeOf(error) }
    } finally {
      this.#busy--
      this.#queue.shift()?.()
      timer.cancel()
      signal?.removeEventListener("abort", stop)
      this.#attempts.delete(limit)
    }
  }

  async #headers(endpoint: string, signal: AbortSignal): Promise<Record<string, string>> {
    const { user } = this.#options
    if (user === undefined) return jsonHeaders
    const token = this.#token ?? (await unlessAborted(signal, this.#authenticated(endpoint, user)))
    return { ...jsonHeaders, authorization: token }
  }

  /** etcd takes its time over passwords: all that ask share one answer, and it may take as long as a whole call. */
  #authenticated(endpoint: string, user: object): Promise<string> {
    this.#authenticating ??= this.#authenticate(endpoint, user).finally(() => {
      this.#authenticating = undefined
    })
    return this.#authenticating
  }

  async #authenticate(endpoint: string, user: object): Promise<string> {
    const { clock, timeoutMs } = this.#options
    const limit = new AbortController()
    this.#attempts.add(limit)
    const timer = clock.after(timeoutMs, () => limit.abort())
    try {
      const response = await this.#options.fetch(`${endpoint}/v3/auth/authenticate`, {
        method: "POST",
        headers: jsonHeaders,
        body: JSON.stringify(user),
        signal: limit.signal,
      })
      const answer = await readBody(response)
      if (response.status >= 500) throw new Error(String(answer.message ?? answer.error))
      if (!response.ok || typeof answer.token !== "string")
        throw new ZincError("Unauthorized", `etcd refused our credentials: ${String(answer.message ?? answer.error)}`)
      this.#token = answer.token
      return answer.token
    } finally {
      timer.cancel()
      this.#attempts.delete(limit)
    }
  }

  /** Resolves when another request is done, or when the time is over. */
  #slot(leftMs: number): Promise<void> {
    return new Promise(resolve => {
      const next = () => {
        timer.cancel()
        resolve()
      }
      const timer = this.#options.clock.after(leftMs, () => {
        this.#queue.splice(this.#queue.indexOf(next), 1)
        resolve()
      })
      this.#queue.push(next)
    })
  }

  #pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise(resolve => {
      const timer = this.#options.clock.after(Math.max(1, delayMs * this.#options.random.float()), done)
      function done() {
        timer.cancel()
        signal?.removeEventListener("abort", done)
        resolve()
      }
      signal?.addEventListener("abort", done, { once: true })
    })
  }
}

const tooLate = new Error("no answer in time")
const jsonHeaders = { "content-type": "application/json" }

function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(tooLate)
    signal.addEventListener("abort", onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort))
  })
}

function failureOf(status: number, answer: Record<string, unknown>): Failure {
  const reason = String(answer.message ?? answer.error ?? `HTTP ${status}`).slice(0, 200)
  const code = Number(answer.code)
  if (code === grpc.unauthenticated || /invalid auth token/.test(reason)) return { kind: "token", reason }
  if (code === grpc.permissionDenied || /authentication failed|user name is empty/.test(reason) || status === 403)
    return { kind: "refused", error: new ZincError("Unauthorized", `etcd said: ${reason}`) }
  if (code === grpc.unavailable || status >= 500) return { kind: "uncertain", reason }
  return { kind: "refused", error: new EtcdError(code, reason) }
}

/** etcd said no; `grpcCode` is its number for why. */
export class EtcdError extends ZincError {
  readonly grpcCode: number
  constructor(grpcCode: number, reason: string) {
    super("Refused", `etcd said: ${reason}`)
    this.grpcCode = grpcCode
  }
  /** The key, lease or revision is not there (any more). */
  get isAbsence(): boolean {
    return this.grpcCode === grpc.notFound
  }
}

/** Errors of a connection that never came to be: nothing was sent over it. */
const unsentCodes = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
])

function isUnsent(error: unknown): boolean {
  const cause = (error as { cause?: { code?: unknown; errors?: { code?: unknown }[] } }).cause
  const codes = cause?.errors === undefined ? [cause?.code] : cause.errors.map(each => each.code)
  return codes.length > 0 && codes.every(code => typeof code === "string" && unsentCodes.has(code))
}

function causeOf(error: unknown): string {
  const { cause } = error as { cause?: unknown }
  return cause === undefined ? messageOf(error) : `${messageOf(error)} (${messageOf(cause)})`
}
