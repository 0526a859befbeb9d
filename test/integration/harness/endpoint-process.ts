/** Drives an endpoint in a process of its own (endpoint-program.mjs): calls it, hears its events, kills and pauses it. */
import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type {
  EndpointRole,
  EndpointStatistics,
  HostOptions,
  JoinOptions,
  PeerInfo,
} from "../../../src/endpoint/index.ts"
import type { WithVotes } from "../../../src/zinc.ts"

export type TransportName = "zmtp" | "native"

export type Opening = {
  readonly transport: TransportName
  /** Speaks CURVE, by `zmtp`: its own key, and that of every host it dials, in Z85. */
  readonly curve?: { readonly secretKey: string; readonly serverKey: string }
  /** A program to put before node, such as one that enters a network namespace. */
  readonly within?: readonly string[]
} & (
  | {
      readonly role: "host"
      readonly address: string | readonly string[]
      /** For a token authenticator; without it everyone may join. */
      readonly token?: string
      readonly options?: Omit<HostOptions & WithVotes, "listen" | "transport">
    }
  | {
      readonly role: "client"
      readonly address: string | readonly string[]
      readonly options?: Omit<JoinOptions, "transport">
    }
)

/** One line of the program. */
export interface Told {
  readonly event: string
  readonly [field: string]: unknown
}

/** What came on one topic from one origin; numbers are the writer's own, from 1. */
export interface StreamReport {
  readonly topic: string
  readonly origin: string
  /** The first number that came; absent when nothing did. */
  readonly first?: number
  readonly last: number
  readonly count: number
  /** Numbers that came twice, or after a higher one. */
  readonly again: number
  /** Numbers that did not come, as [from, through]. */
  readonly holes: readonly (readonly [number, number])[]
}

export interface Report {
  readonly state: string
  readonly role: EndpointRole
  readonly statistics: EndpointStatistics
  readonly peers: readonly PeerInfo[]
  readonly streams: readonly StreamReport[]
}

export interface DocumentReport {
  readonly text: string
  /** Equal for equal documents. */
  readonly version: string
  readonly state: string
}

export interface Delays {
  readonly count: number
  /** In microseconds, as all of these. */
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** In octets, after collection. `held` is heap and everything outside it that the heap keeps. */
export interface Memory {
  readonly rss: number
  readonly held: number
  readonly arrayBuffers: number
}

export interface Writing {
  readonly topic: string
  readonly perSecond: number
  /** Of each payload; at least 12. */
  readonly bytes?: number
  readonly count?: number
  readonly route?: "nearest" | "ordered"
  /** Asks for the tier `rooted`, so that `WriterReport.rooted` is known. */
  readonly ack?: boolean
}

export interface WriterReport {
  readonly sent: number
  /** Times `send` said that there is no room. */
  readonly refused: number
  /** The highest number known to be rooted; only of writers with `ack`. */
  readonly rooted: number
}

export interface WaitOptions {
  readonly timeoutMs?: number
  /** Only events from that index on. */
  readonly after?: number
  /** Other types that end the wait too. */
  readonly also?: readonly string[]
}

/** Ends what hangs; a busy machine may need long for what is done in no time else. */
const callTimeoutMs = 45_000

export class EndpointProcess {
  readonly #process: ChildProcess
  readonly #name: string
  readonly #calls = new Map<number, { resolve: (answer: never) => void; reject: (error: Error) => void }>()
  readonly #waits = new Set<{ matches: (told: Told) => boolean; done: (told: Told) => void }>()
  readonly #gone: Promise<void>
  readonly events: Told[] = []
  #lastCall = 0
  #complaint = ""
  id = ""
  addresses: readonly string[] = []

  private constructor(opening: Opening) {
    this.#name = `${opening.role} "${opening.options?.name ?? ""}" over ${opening.transport}`
    const { within = [], ...given } = opening
    const command = [
      ...within,
      process.execPath,
      "--expose-gc",
      fileURLToPath(new URL("./endpoint-program.mjs", import.meta.url)),
      JSON.stringify(given),
    ]
    this.#process = spawn(command[0]!, command.slice(1), { stdio: ["pipe", "pipe", "pipe"] })
    this.#process.stdin!.on("error", () => {})
    this.#process.stderr!.on("data", chunk => {
      this.#complaint = (this.#complaint + chunk).slice(-4000)
    })
    createInterface({ input: this.#process.stdout! }).on("line", line => this.#onLine(line))
    this.#gone = new Promise(resolve => {
      this.#process.once("close", (status, signal) => {
        for (const call of this.#calls.values())
          call.reject(new Error(`${this.#name} ended (${status ?? signal}): ${this.#complaint}`))
        this.#calls.clear()
        this.#tell({ event: "exited", status, signal, complaint: this.#complaint })
        resolve()
      })
    })
  }

  /** Resolves when the endpoint is open; rejects, with the endpoint's code in the message, when it does not open. */
  static async open(opening: Opening): Promise<EndpointProcess> {
    const endpoint = new EndpointProcess(opening)
    const told = await endpoint.event("open", told => told, { also: ["failed", "exited"] })
    if (told.event !== "open") {
      endpoint.kill()
      throw new Error(`${endpoint.#name} did not open: ${JSON.stringify(told)}`)
    }
    endpoint.id = told.id as string
    endpoint.addresses = told.addresses as string[]
    return endpoint
  }

  get address(): string {
    return this.addresses[0]!
  }
  get pid(): number {
    return this.#process.pid!
  }

  #onLine(line: string): void {
    const { call, error, ...answer } = JSON.parse(line) as {
      call?: number
      error?: { code: string; message: string }
      event?: string
    }
    if (call === undefined) {
      this.#tell({ ...answer, ...(error && { error }) } as Told)
      return
    }
    const waiter = this.#calls.get(call)
    this.#calls.delete(call)
    if (error === undefined) waiter?.resolve(answer as never)
    else waiter?.reject(new Error(`${this.#name}: ${error.code}: ${error.message}`))
  }

  #tell(told: Told): void {
    this.events.push(told)
    for (const wait of this.#waits) {
      if (!wait.matches(told)) continue
      this.#waits.delete(wait)
      wait.done(told)
    }
  }

  // ---- what it tells ----

  eventsOf(type: string): Told[] {
    return this.events.filter(told => told.event === type)
  }

  /**
   * The first event of that type that suits, from `after` on in `events`. Rejects after `timeoutMs`, saying what was
   * waited for.
   */
  event(
    type: string,
    suits: (told: Told) => unknown = () => true,
    { timeoutMs = callTimeoutMs, after = 0, also = [] }: WaitOptions = {},
  ): Promise<Told> {
    const matches = (told: Told) => (told.event === type && Boolean(suits(told))) || also.includes(told.event)
    const past = this.events.slice(after).find(matches)
    if (past !== undefined) return Promise.resolve(past)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waits.delete(wait)
        const last = this.events.slice(-8).map(told => JSON.stringify(told))
        reject(new Error(`${this.#name}: no "${type}" within ${timeoutMs} ms; last: ${last.join(" ")}`))
      }, timeoutMs)
      const wait = {
        matches,
        done: (told: Told) => {
          clearTimeout(timer)
          resolve(told)
        },
      }
      this.#waits.add(wait)
    })
  }

  // ---- what it does ----

  #call<T>(name: string, what: object = {}, timeoutMs: number = callTimeoutMs): Promise<T> {
    const call = ++this.#lastCall
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#calls.delete(call)
        reject(new Error(`${this.#name}: no answer to ${name} ${JSON.stringify(what)} within ${timeoutMs} ms`))
      }, timeoutMs)
      const settle =
        <V>(finish: (value: V) => void) =>
        (value: V) => {
          clearTimeout(timer)
          finish(value)
        }
      this.#calls.set(call, { resolve: settle(resolve as (answer: never) => void), reject: settle(reject) })
      this.#process.stdin!.write(`${JSON.stringify({ call, do: name, ...what })}\n`)
    })
  }

  /** Records what comes on the topic, and unless not `timed` how long it took; resolves when the host knows of it. */
  async handle(topic: string, { timed = true }: { readonly timed?: boolean } = {}): Promise<void> {
    await this.#call("handle", { topic, timed })
  }
  /** Begins to write numbers from 1. */
  async write(what: Writing): Promise<void> {
    await this.#call("write", what)
  }
  /** Waits until all are sent. */
  written(topic: string): Promise<WriterReport> {
    return this.#call("written", { topic })
  }
  /** Waits until that many more are sent. */
  wroteMore(topic: string, more: number): Promise<WriterReport> {
    return this.#call("reached", { topic, more })
  }
  writing(topic: string): Promise<WriterReport> {
    return this.#call("writing", { topic })
  }
  /** Ends writing. */
  stop(topic: string): Promise<WriterReport> {
    return this.#call("stop", { topic })
  }
  async flushed(): Promise<void> {
    await this.#call("flushed")
  }
  /** Waits until number `n` of that writer has come. */
  async until(
    topic: string,
    from: EndpointProcess,
    n: number,
    timeoutMs: number = callTimeoutMs,
  ): Promise<StreamReport> {
    try {
      return await this.#call("until", { topic, origin: from.id, n }, timeoutMs)
    } catch (error) {
      const { streams, statistics } = await this.report()
      throw new Error(`${(error as Error).message}; ${JSON.stringify({ streams, statistics })}`)
    }
  }
  report(): Promise<Report> {
    return this.#call("report")
  }
  /** What was heard on an ordered topic: the root's number, the origin, the writer's number. */
  async orders(topic: string): Promise<readonly (readonly [number, string, number])[]> {
    const { orders } = await this.#call<{ orders: [number, string, number][] }>("orders", { topic })
    return orders
  }
  delays(): Promise<Delays> {
    return this.#call("delays")
  }
  memory(): Promise<Memory> {
    return this.#call("memory")
  }
  /** What came from one writer on a topic. */
  async stream(topic: string, from: EndpointProcess): Promise<StreamReport> {
    const { streams } = await this.report()
    return (
      streams.find(stream => stream.topic === topic && stream.origin === from.id) ?? {
        topic,
        origin: from.id,
        last: 0,
        count: 0,
        again: 0,
        holes: [],
      }
    )
  }
  // ---- documents ----

  async openDocument(name: string): Promise<void> {
    await this.#call("openDocument", { name })
  }
  async closeDocument(name: string): Promise<void> {
    await this.#call("closeDocument", { name })
  }
  /** Writes at the end of the document. */
  async append(name: string, content: string): Promise<void> {
    await this.#call("append", { name, content })
  }
  /** Resolves when so many hosts vote, as far as is known there. */
  async voters(count: number): Promise<void> {
    await this.#call("voters", { count })
  }
  /** Waits until the endpoint keeps the document though nobody opened it there, and has it as its host does. */
  async kept(name: string): Promise<void> {
    await this.#call("kept", { name })
  }
  /** Begins to put in marks `<tag n>`, n from 1, and to take every fifth's third last out again. */
  async edit(name: string, tag: string, perSecond: number): Promise<void> {
    await this.#call("edit", { name, tag, perSecond })
  }
  /** Ends editing. How many marks were put in. */
  async stopEditing(name: string): Promise<number> {
    return (await this.#call<{ edits: number }>("stopEditing", { name })).edits
  }
  /** Waits until that many marks of the tag are in the document here. */
  async marks(name: string, tag: string, count: number): Promise<void> {
    await this.#call("marks", { name, tag, count })
  }
  async acknowledged(name: string, tier: "received" | "rooted"): Promise<void> {
    await this.#call("acknowledged", { name, tier })
  }
  document(name: string): Promise<DocumentReport> {
    return this.#call("document", { name })
  }
  /** Waits until the document is another than that, or the time is up. */
  async documentOtherThan(name: string, { version, state }: DocumentReport): Promise<void> {
    await this.#call("otherThan", { name, version, state }).catch(() => {})
  }

  async close(): Promise<void> {
    await this.#call("close")
  }

  // ---- what is done to it ----

  pause(): void {
    this.#process.kill("SIGSTOP")
  }
  resume(): void {
    this.#process.kill("SIGCONT")
  }
  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL")
    await this.#gone
  }
}
