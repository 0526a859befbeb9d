/**
 * Replays a trace through real endpoints: the host in this process, every client in a process of its own. Sequential
 * traces are written by the first client, concurrent ones by one client per author; the others follow. It is over when
 * every replica, the host's too, is in one state.
 */
import { ZincError } from "../../core/index.ts"
import { Endpoint, type TextDocument, text } from "../../index.ts"
import { Worker } from "../fleet.ts"
import { openTransport, type TransportName } from "../transport-choice.ts"
import type { FromReplayClient, ReplicaState, ToReplayClient } from "./replay-message.ts"
import { reportState, sameState } from "./replica-state.ts"
import type { Trace } from "./trace.ts"

export interface ReplayOptions {
  readonly path: string
  readonly trace: Trace
  /** At least one per author. */
  readonly clients: number
  readonly transport: TransportName
  /** Where the host listens. */
  readonly listen: string
  /** After the last edit: how long replicas may take to become equal, in milliseconds. */
  readonly settleMs: number
  readonly signal: AbortSignal
  /** Edits written so far, by all authors together. */
  readonly progress: (edits: number) => void
}

export interface ReplayResult {
  readonly converged: boolean
  /** The text is the trace's `endContent`. */
  readonly matches: boolean
  readonly edits: number
  /** From the first edit until the last replica was equal. */
  readonly seconds: number
  readonly editsPerSecond: number
  readonly clients: number
  readonly transport: TransportName
  /** Replicas that differ from the host's, when not converged. */
  readonly different: readonly string[]
}

type Client = Worker<ToReplayClient, FromReplayClient>

const documentName = "replay"

export async function replay(options: ReplayOptions): Promise<ReplayResult> {
  const { trace, transport, signal } = options
  const writers = trace.kind === "sequential" ? 1 : trace.authors
  const clients: Client[] = []
  const host = await Endpoint.host({
    listen: options.listen,
    transport: await openTransport(transport),
    name: "host",
    signal,
  })
  try {
    const document = await host.document(documentName, text)
    const interrupted = new Promise<never>((_, reject) => {
      const stop = () => reject(new ZincError("Aborted", "the replay was interrupted"))
      signal.addEventListener("abort", stop, { once: true })
    })
    interrupted.catch(() => {})
    const until = <T>(work: Promise<T>): Promise<T> =>
      Promise.race([work, interrupted, ...clients.map(each => each.failed)])

    for (let number = 1; number <= options.clients; number++)
      clients.push(new Worker(`client ${number}`, new URL("../replay/replay-client.js", import.meta.url)))
    await until(Promise.all(clients.map(client => joined(client, host.addresses[0]!, transport))))
    const authors = clients.slice(0, writers)
    await until(
      Promise.all(
        authors.map((client, author) => {
          client.send({ type: "prepare", path: options.path, author })
          return client.next("prepared")
        }),
      ),
    )

    const begun = performance.now()
    const edits = await until(write(authors, options.progress))
    const states = new States(clients, document)
    const converged = await until(states.equal(options.settleMs))
    const seconds = ((converged ? states.equalAt : performance.now()) - begun) / 1_000
    states.stop()
    return {
      converged,
      matches: document.toString() === trace.endContent,
      edits,
      seconds: Math.round(seconds * 1_000) / 1_000,
      editsPerSecond: Math.round(edits / seconds),
      clients: clients.length,
      transport,
      different: states.different,
    }
  } finally {
    await Promise.all(clients.map(each => (signal.aborted ? each.kill() : each.close({ type: "close" }, 5_000))))
    await host.close({ timeoutMs: 1_000 })
  }
}

function joined(client: Client, address: string, transport: TransportName): Promise<unknown> {
  client.send({ type: "join", address, transport, name: client.name, document: documentName })
  return client.next("joined")
}

async function write(authors: readonly Client[], progress: (edits: number) => void): Promise<number> {
  const done = new Map<Client, number>()
  const sum = () => [...done.values()].reduce((total, each) => total + each, 0)
  await Promise.all(
    authors.map(author => {
      const stop = author.on(message => {
        if (message.type !== "progress" && message.type !== "written") return
        done.set(author, message.edits)
        progress(sum())
      })
      const written = author.next("written")
      author.send({ type: "write" })
      return written.finally(stop)
    }),
  )
  return sum()
}

/** The latest state of every replica. */
class States {
  readonly #latest = new Map<string, ReplicaState>()
  readonly #names: readonly string[]
  readonly #stops: (() => void)[] = []
  #check: () => void = () => {}
  equalAt = 0

  constructor(clients: readonly Client[], document: TextDocument) {
    this.#names = clients.map(each => each.name)
    for (const client of clients) {
      this.#stops.push(
        client.on(message => {
          if (message.type !== "state") return
          this.#latest.set(client.name, message.state)
          this.#check()
        }),
      )
      client.send({ type: "compare" })
    }
    this.#stops.push(
      reportState(document, state => {
        this.#latest.set("host", state)
        this.#check()
      }),
    )
  }

  /** Names of those that differ from the host. */
  get different(): string[] {
    const host = this.#latest.get("host")
    return this.#names.filter(name => !sameState(this.#latest.get(name), host))
  }

  /** True once all are equal; false after `timeoutMs`. Every author has written, so equal means final. */
  equal(timeoutMs: number): Promise<boolean> {
    return new Promise(resolve => {
      const timer = setTimeout(() => resolve(false), timeoutMs)
      this.#check = () => {
        if (this.#latest.size <= this.#names.length || this.different.length > 0) return
        this.equalAt = performance.now()
        clearTimeout(timer)
        resolve(true)
      }
      this.#check()
    })
  }

  stop(): void {
    this.#check = () => {}
    for (const stop of this.#stops) stop()
  }
}
