/**
 * Processes of our own that a command drives: each runs one worker file and talks in messages. A process that was
 * started here never outlives us: it is killed at the end, and ends by itself when we are gone.
 */
import { type ChildProcess, fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { deferred, ZincError } from "../core/index.ts"

/** How long a join may take where many processes start at once on one machine, in milliseconds. */
export const crowdedJoinMs = 30_000

/** What a worker says when it cannot go on. */
export interface WorkerFailure {
  readonly type: "failed"
  readonly code: string
  readonly message: string
}

export interface WorkerExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export class Worker<In extends { type: string }, Out extends { type: string }> {
  readonly name: string
  readonly #child: ChildProcess
  readonly #listeners = new Set<(message: Out) => void>()
  /** Resolves when the process is gone. */
  readonly exited: Promise<WorkerExit>
  /** Rejects when the worker fails or ends unasked; never resolves. */
  readonly failed: Promise<never>
  #ending = false

  constructor(name: string, file: URL) {
    this.name = name
    this.#child = fork(fileURLToPath(file), [], {
      serialization: "advanced",
      execArgv: [],
      // Standard output is for results, which are the command's to print.
      stdio: ["ignore", 2, 2, "ipc"],
    })
    const exited = deferred<WorkerExit>()
    const failed = deferred<never>()
    this.exited = exited.promise
    this.failed = failed.promise
    this.failed.catch(() => {})
    this.#child.on("exit", (code, signal) => {
      exited.resolve({ code, signal })
      if (!this.#ending)
        failed.reject(new ZincError("Internal", `the process of ${name} ended unasked (${signal ?? `status ${code}`})`))
    })
    this.#child.on("error", error =>
      failed.reject(new ZincError("Internal", `the process of ${name} cannot be started: ${error.message}`)),
    )
    this.#child.on("message", message => {
      const said = message as Out | WorkerFailure
      if (said.type === "failed" && "code" in said) {
        const { code, message: text } = said as WorkerFailure
        failed.reject(new ZincError(code as ZincError["code"], `${name}: ${text}`))
      } else for (const listener of this.#listeners) listener(said as Out)
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  send(message: In): void {
    // A process that has just ended is told nothing; `failed` says so.
    if (this.#child.connected) this.#child.send(message, () => {})
  }

  on(listener: (message: Out) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The next message of a type. Rejects when the worker fails first. */
  next<T extends Out["type"]>(type: T): Promise<Extract<Out, { type: T }>> {
    return Promise.race([
      new Promise<Extract<Out, { type: T }>>(resolve => {
        const stop = this.on(message => {
          if (message.type !== type) return
          stop()
          resolve(message as Extract<Out, { type: T }>)
        })
      }),
      this.failed,
    ])
  }

  /** Ends it at once, without a chance to say goodbye. */
  kill(): Promise<WorkerExit> {
    this.#ending = true
    this.#child.kill("SIGKILL")
    return this.exited
  }

  /** Tells it to close, and ends it if it has not within `timeoutMs`. */
  async close(message: In, timeoutMs: number): Promise<void> {
    this.#ending = true
    this.send(message)
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), timeoutMs)
    await this.exited
    clearTimeout(timer)
  }
}

/** The worker's end of it. `hear` runs for each message, one after the other. */
export function serveCommand<In, Out extends { type: string }>(
  hear: (message: In, say: (message: Out) => void) => Promise<void> | void,
): void {
  const say = (message: Out | WorkerFailure) => {
    if (process.connected) process.send!(message, undefined, {}, () => {})
  }
  const fail = (error: unknown) => {
    const code = ZincError.is(error) ? error.code : "Internal"
    say({ type: "failed", code, message: error instanceof Error ? error.message : String(error) })
  }
  // Ctrl-C reaches every process of the terminal; when to end is the command's to say.
  process.on("SIGINT", () => {})
  process.on("SIGHUP", () => {})
  process.on("disconnect", () => process.exit(0))
  process.on("uncaughtException", fail)
  process.on("unhandledRejection", fail)
  let work = Promise.resolve()
  process.on("message", message => {
    work = work.then(() => hear(message as In, say)).catch(fail)
  })
}
