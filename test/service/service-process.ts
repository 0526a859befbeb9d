/** A real server of a test's own: on a free port, with its own data folder, that can be killed, paused, cut off and wiped. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export interface ServiceLaunch {
  readonly command: string
  readonly parameters: readonly string[]
}

export abstract class ServiceProcess {
  readonly port: number
  /** Removed with the service. */
  readonly folder: string
  readonly #name: string
  #child: ChildProcess | undefined
  #said = ""

  protected constructor(name: string, port: number) {
    this.#name = name
    this.port = port
    this.folder = mkdtempSync(join(tmpdir(), `zinc-${name}-`))
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  protected abstract launch(): ServiceLaunch
  /** Resolves when the server takes requests; rejects to be asked again. */
  protected abstract ready(): Promise<void>
  /** Where it keeps what shall survive. */
  protected abstract readonly data: string

  /** Starts it, or starts it again with the data it had. Resolves when it takes requests. */
  async start(): Promise<void> {
    const { command, parameters } = this.launch()
    this.#said = ""
    const child = spawn(command, parameters, { cwd: this.folder, stdio: ["ignore", "pipe", "pipe"] })
    this.#child = child
    const hear = (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString()).slice(-4_000)
    }
    child.stdout!.on("data", hear)
    child.stderr!.on("data", hear)
    process.on("exit", this.#atExit)
    const endAt = performance.now() + 60_000
    for (;;) {
      try {
        await this.ready()
        return
      } catch (error) {
        if (child.exitCode !== null || child.signalCode !== null || performance.now() > endAt)
          throw new Error(`${this.#name} did not start: ${(error as Error).message}\n${this.#said}`)
        await new Promise(resolve => setTimeout(resolve, 50))
      }
    }
  }

  /** kill -9. Resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise(resolve => child.once("exit", resolve))
    child.kill("SIGKILL")
    await gone
    process.off("exit", this.#atExit)
  }

  /** SIGSTOP: connections stay, nothing answers. */
  pause(): void {
    this.#child!.kill("SIGSTOP")
  }
  resume(): void {
    this.#child!.kill("SIGCONT")
  }

  /** Killed, and all data gone; `start` begins from nothing. */
  async wipe(): Promise<void> {
    await this.kill()
    rmSync(this.data, { recursive: true, force: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }

  readonly #atExit = () => {
    this.#child?.kill("SIGKILL")
  }
}

interface FoundServices {
  readonly zookeeper?: { readonly java: string; readonly classPath: string }
  readonly etcd?: string
}

let found: FoundServices | undefined

/** What is installed here, after installing it where that is possible. What is missing is said loudly. */
export function services(): FoundServices {
  if (found !== undefined) return found
  const script = fileURLToPath(new URL("../../scripts/services.mjs", import.meta.url))
  found = JSON.parse(
    execFileSync(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] }).toString(),
  ) as FoundServices
  return found
}

export function shoutSkipped(what: string): void {
  console.log(`\n!!! ${what} is not installed here and could not be: tests against it are SKIPPED\n`)
}
