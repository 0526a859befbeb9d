/** Runs the real command from dist/ and waits for what it says. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { root } from "../tidy/source.ts"

export const main: string = join(root, "dist/cli/main.js")

export interface CliEnd {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CliOptions {
  readonly environment?: Readonly<Record<string, string>>
  readonly folder?: string
  /** Written to its standard input, which is then closed; without it standard input is closed at once. */
  readonly input?: string
  /** Keep standard input open; write with `type`. */
  readonly open?: boolean
}

/** Everything a line is waited for. Ends what hangs; no measure of speed. */
const waitMs = 45_000

const running = new Set<Cli>()

/** Ends what a test left running. */
export function endAll(): void {
  for (const each of running) each.kill("SIGKILL")
}

export class Cli {
  readonly #child: ChildProcess
  readonly #words: string
  readonly #watchers = new Set<() => void>()
  #stdout = ""
  #stderr = ""
  /** Resolves when the process is gone and all it wrote has come. */
  readonly ended: Promise<CliEnd>

  constructor(words: readonly string[], options: CliOptions = {}) {
    if (!existsSync(main)) throw new Error("dist/cli/main.js is missing: run npm run build first")
    this.#words = words.join(" ")
    const { ZINC_TOKEN: _, FORCE_COLOR: __, ...environment } = process.env
    this.#child = spawn(process.execPath, [main, ...words], {
      cwd: options.folder ?? root,
      env: { ...environment, ...options.environment },
      stdio: ["pipe", "pipe", "pipe"],
    })
    running.add(this)
    this.#child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text
      this.#changed()
    })
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text
      this.#changed()
    })
    this.#child.stdin!.on("error", () => {})
    if (options.input !== undefined) this.#child.stdin!.end(options.input)
    else if (options.open !== true) this.#child.stdin!.end()
    this.ended = new Promise(resolve => {
      this.#child.on("close", code => {
        running.delete(this)
        resolve({ code, stdout: this.#stdout, stderr: this.#stderr })
        this.#changed()
      })
    })
  }

  get stdout(): string {
    return this.#stdout
  }
  get stderr(): string {
    return this.#stderr
  }

  /** Processes it started. */
  children(): number[] {
    const { stdout } = spawnSync("ps", ["-o", "pid=", "--ppid", String(this.#child.pid)], { encoding: "utf8" })
    return stdout
      .split("\n")
      .map(Number)
      .filter(pid => pid > 0)
  }

  static isAlive(pid: number): boolean {
    const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" })
    // What nobody has waited for yet is listed as a zombie.
    return stdout.trim() !== "" && !stdout.startsWith("Z")
  }

  type(text: string): void {
    this.#child.stdin!.write(text)
  }

  /** Closes our end of its standard output, as `head -1` does. */
  stopReading(): void {
    this.#child.stdout!.destroy()
  }

  /** Closes our end of its standard error. */
  stopReadingNotes(): void {
    this.#child.stderr!.destroy()
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** The first object on standard output that has all of these fields. */
  async event(fields: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
    const wanted = Object.entries(fields)
    return this.#wait(`an object with ${JSON.stringify(fields)}`, () =>
      this.objects().find(object => wanted.every(([key, value]) => object[key] === value)),
    )
  }

  /** A match in standard output or standard error. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#wait(String(pattern), () => pattern.exec(this.#stdout) ?? pattern.exec(this.#stderr) ?? undefined)
  }

  /** All whole lines of standard output that are JSON objects. */
  objects(): Record<string, unknown>[] {
    return jsonLines(this.#stdout)
  }

  #wait<T>(what: string, look: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const finish = (end: () => void) => {
        clearTimeout(timer)
        this.#watchers.delete(watcher)
        end()
      }
      const tell = (why: string) =>
        new Error(`zinc ${this.#words}: ${why} ${what}\nstdout: ${this.#stdout}\nstderr: ${this.#stderr}`)
      const timer = setTimeout(() => finish(() => reject(tell(`waited ${waitMs} ms for`))), waitMs)
      const watcher = () => {
        const found = look()
        if (found !== undefined) finish(() => resolve(found))
        else if (!running.has(this)) finish(() => reject(tell("ended without")))
      }
      this.#watchers.add(watcher)
      watcher()
    })
  }

  #changed(): void {
    for (const watcher of [...this.#watchers]) watcher()
  }
}

/** Runs it to its end. */
export function zinc(words: readonly string[], options?: CliOptions): Promise<CliEnd> {
  return new Cli(words, options).ended
}

export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter(line => line.startsWith("{"))
    .map(line => JSON.parse(line) as Record<string, unknown>)
}

/** The one error object on standard error under --json. */
export function errorOf(end: CliEnd): { code: string; message: string } {
  const objects = jsonLines(end.stderr)
  if (objects.length !== 1) throw new Error(`expected one error, got: ${end.stderr}`)
  return objects[0]!.error as { code: string; message: string }
}

/** Resolves when the condition holds; looks at it every few milliseconds. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + waitMs
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited ${waitMs} ms until ${what}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

/** A `zinc host` on a port the system picks. */
export async function openHost(...words: string[]): Promise<{ host: Cli; address: string }> {
  const host = new Cli(["host", "tcp://127.0.0.1:0", "--name", "hub", "--json", ...words])
  const { addresses } = await host.event({ event: "listening" })
  return { host, address: (addresses as string[])[0]! }
}
