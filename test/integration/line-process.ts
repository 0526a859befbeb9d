/** A process that speaks in lines, for tests that drive one: waits for a line, or for the end, and says what it waited for. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"

export interface LineProcessOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  /** Longest wait for anything. Default 45,000. */
  readonly timeoutMs?: number
}

export class LineProcess {
  readonly lines: string[] = []
  readonly #name: string
  readonly #child: ChildProcess
  readonly #timeoutMs: number
  readonly #closed: Promise<number | null>
  #waiting: (() => void)[] = []
  #over = false
  #errors = ""

  constructor(command: string, parameters: readonly string[], options: LineProcessOptions = {}) {
    this.#name = [command, ...parameters].map(part => part.split("/").pop()).join(" ")
    this.#timeoutMs = options.timeoutMs ?? 45_000
    this.#child = spawn(command, parameters, { ...options, stdio: ["pipe", "pipe", "pipe"] })
    this.#child.stdin!.on("error", () => {})
    this.#child.stderr!.on("data", chunk => {
      this.#errors = (this.#errors + chunk).slice(-4_000)
    })
    createInterface({ input: this.#child.stdout! }).on("line", line => {
      this.lines.push(line)
      this.#wake()
    })
    this.#closed = once(this.#child, "close").then(([status]) => {
      this.#over = true
      this.#wake()
      return status as number | null
    })
  }

  /** The first line that `pick` gives something for, from those that came and those to come. */
  line<T>(what: string, pick: (line: string) => T | undefined): Promise<T> {
    let seen = 0
    return this.#within(`say ${what}`, async () => {
      for (;;) {
        while (seen < this.lines.length) {
          const picked = pick(this.lines[seen++]!)
          if (picked !== undefined) return picked
        }
        if (this.#over) throw new Error(`${this.#name} ended and did not say ${what}.\n${this.said}`)
        await new Promise<void>(resolve => this.#waiting.push(resolve))
      }
    })
  }

  /** Its exit status; null when a signal ended it. */
  ended(): Promise<number | null> {
    return this.#within("end", () => this.#closed)
  }

  async #within<T>(what: string, work: () => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const fail = () => reject(new Error(`${this.#name} did not ${what} in time.\n${this.said}`))
      timer = setTimeout(fail, this.#timeoutMs)
    })
    try {
      return await Promise.race([work(), late])
    } finally {
      clearTimeout(timer)
    }
  }

  write(line: string): void {
    this.#child.stdin!.write(`${line}\n`)
  }

  /** Ends its input. */
  endInput(): void {
    this.#child.stdin!.end()
  }

  /** Nothing is left of it afterwards. */
  async kill(): Promise<void> {
    if (!this.#over) this.#child.kill("SIGKILL")
    await this.#closed
  }

  /** All it has written, for the message of a failed test. */
  get said(): string {
    return [...this.lines, this.#errors].join("\n")
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}
