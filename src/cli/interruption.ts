/**
 * Ctrl-C as people expect it: the first asks the command to drain and leave, the second ends it now. SIGTERM is a first
 * Ctrl-C with another exit code; SIGHUP (the terminal went away) too.
 */
import { ExitCode } from "./exit-code.ts"

export class Interruption {
  readonly #controller = new AbortController()
  readonly #said: () => void
  #code: ExitCode | undefined
  #endings: (() => void)[] = []

  /** `said` runs at the first signal, to tell the person that a second one ends it. */
  constructor(said: () => void) {
    this.#said = said
  }

  /** Aborts at the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Set once a signal came. */
  get code(): ExitCode | undefined {
    return this.#code
  }

  /** Resolves at the first signal. */
  get requested(): Promise<void> {
    if (this.signal.aborted) return Promise.resolve()
    return new Promise(resolve => this.signal.addEventListener("abort", () => resolve(), { once: true }))
  }

  /** What must still happen, synchronously, when a second signal ends the process: kill children, abort endpoints. */
  atEnd(ending: () => void): () => void {
    this.#endings.push(ending)
    return () => {
      this.#endings = this.#endings.filter(each => each !== ending)
    }
  }

  /** Begins to listen for signals; returns what stops it. */
  listen(): () => void {
    const handlers = new Map<NodeJS.Signals, () => void>([
      ["SIGINT", () => this.interrupt(ExitCode.Interrupted)],
      ["SIGTERM", () => this.interrupt(ExitCode.Terminated)],
      ["SIGHUP", () => this.interrupt(ExitCode.Interrupted)],
    ])
    for (const [name, handler] of handlers) process.on(name, handler)
    return () => {
      for (const [name, handler] of handlers) process.off(name, handler)
    }
  }

  /** A signal came, or the reader of our output went away. */
  interrupt(code: ExitCode): void {
    if (this.#code === undefined) {
      this.#code = code
      this.#said()
      this.#controller.abort(new Error("interrupted"))
      return
    }
    for (const ending of this.#endings) ending()
    process.exit(this.#code)
  }
}
