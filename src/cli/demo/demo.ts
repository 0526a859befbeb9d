/**
 * The main job: a host and clients in processes of their own, over both transports and both carriers, write one text
 * together. One of them is killed, one joins late and finishes what the other left, and at the end every replica is
 * compared.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ZincError } from "../../core/index.ts"
import { contentHash } from "../content-hash.ts"
import { Worker } from "../fleet.ts"
import { printable } from "../output.ts"
import type { ReplicaState } from "../replay/replay-message.ts"
import { sameState } from "../replay/replica-state.ts"
import { openTransport } from "../transport-choice.ts"
import { clients, hostName, latecomer, type Player, parts, victim, within } from "./cast.ts"
import type { FromDemoWorker, ToDemoWorker } from "./demo-message.ts"
import { type Actor, Stage } from "./demo-stage.ts"
import { paragraphs, story } from "./story.ts"

export interface DemoOptions {
  /** Where the host listens besides its ipc path. */
  readonly listen: string
  /** Edits a second of each writer. */
  readonly pace: number
  readonly signal: AbortSignal
  /** How long the replicas may take to become equal once the last edit is made, in milliseconds. */
  readonly settleMs: number
  /** Something changed that is shown. */
  readonly changed: (stage: Stage) => void
  /** Something happened that is told. */
  readonly happened: (event: DemoEvent, words: string) => void
  readonly warn: (code: string, message: string) => void
}

export type DemoEvent = Readonly<{ event: string }> & Readonly<Record<string, unknown>>

export interface DemoResult {
  readonly converged: boolean
  /** The text is the whole story, to the letter: also what the killed one had begun was finished. */
  readonly complete: boolean
  readonly replicas: number
  readonly clients: number
  readonly edits: number
  readonly seconds: number
  readonly editsPerSecond: number
  readonly transports: readonly string[]
  readonly carriers: readonly string[]
  readonly killed: readonly string[]
  readonly joinedLate: readonly string[]
  readonly latencyMs: { readonly p50: number | null; readonly p99: number | null }
  readonly length: number
  readonly hash: string
  readonly different: readonly string[]
}

type Process = Worker<ToDemoWorker, FromDemoWorker>

/** Shares of the story, written when the kill and the late join happen. */
const killAt = 0.35
const joinAt = 0.5

export class Demo {
  readonly #options: DemoOptions
  readonly #folder: string
  readonly #processes = new Map<string, Process>()
  readonly #states = new Map<string, ReplicaState>()
  readonly #finished = new Set<string>()
  readonly #stage: Stage
  readonly #interrupted: Promise<never>
  #addresses: { tcp: string; ipc: string } = { tcp: "", ipc: "" }
  #written: () => void = () => {}

  constructor(options: DemoOptions) {
    this.#options = options
    this.#folder = mkdtempSync(join(tmpdir(), "zinc-demo-"))
    this.#stage = new Stage(story.length)
    this.#interrupted = new Promise((_, reject) => {
      const stop = () => reject(new ZincError("Aborted", "the demo was interrupted"))
      if (options.signal.aborted) stop()
      options.signal.addEventListener("abort", stop, { once: true })
    })
    this.#interrupted.catch(() => {})
  }

  get stage(): Stage {
    return this.#stage
  }

  /** Where others can join while it runs. */
  get address(): string {
    return this.#addresses.tcp
  }

  async run(): Promise<DemoResult> {
    const abilities = { native: await this.#nativeLoads(), ipc: process.platform !== "win32" }
    const cast = (player: Player) => within(abilities, player)
    await this.#openHost(abilities.ipc)
    const players = clients.map(cast)
    await this.#until(Promise.all(players.map(player => this.#openClient(player))))

    const begun = performance.now()
    const dealt = parts(paragraphs.length, players.length)
    for (const [index, player] of players.entries()) this.#letWrite(player.name, dealt[index]!)
    await this.#until(this.#share(killAt))
    await this.#kill(victim)
    await this.#until(this.#share(joinAt))
    const late = cast(latecomer)
    await this.#until(this.#openClient(late))
    const inherited = dealt[players.findIndex(each => each.name === victim)]!
    this.#tell({ event: "late", name: late.name }, `+ ${late.name} joined late and finishes what ${victim} left`)
    this.#letWrite(late.name, inherited)
    await this.#until(this.#everyoneFinished())

    const converged = await this.#until(this.#equal(this.#options.settleMs))
    const seconds = (performance.now() - begun) / 1_000
    return this.#result(converged, seconds, [...players, late])
  }

  /** Ends every process and takes the folder away. */
  async close(): Promise<void> {
    const host = this.#processes.get(hostName)
    const others = [...this.#processes.values()].filter(each => each !== host)
    await Promise.all(others.map(each => each.close({ type: "close" }, 3_000)))
    await host?.close({ type: "close" }, 3_000)
    this.#cleanUp()
  }

  /** Now, for a second Ctrl-C. */
  abort(): void {
    for (const each of this.#processes.values()) void each.kill()
    this.#cleanUp()
  }

  #cleanUp(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #nativeLoads(): Promise<boolean> {
    try {
      await openTransport("native")
      return true
    } catch (error) {
      this.#options.warn(
        "MissingPackage",
        `${error instanceof Error ? error.message : String(error)}. THE NATIVE TRANSPORT IS LEFT OUT: everyone uses zmtp`,
      )
      return false
    }
  }

  async #openHost(ipc: boolean): Promise<void> {
    const host = this.#start({ name: hostName, transport: "zmtp", carrier: "tcp" }, "host")
    const hosting = host.next("hosting")
    host.send({
      type: "host",
      name: hostName,
      listen: [this.#options.listen, ...(ipc ? [`ipc://${join(this.#folder, "halden.sock")}`] : [])],
    })
    const { addresses } = await this.#until(hosting)
    this.#addresses = {
      tcp: addresses.find(each => each.startsWith("tcp:"))!,
      ipc: addresses.find(each => each.startsWith("ipc:")) ?? "",
    }
    this.#stage.find(hostName)!.state = "hosting"
    this.#tell({ event: "hosting", addresses }, `${hostName} hosts at ${addresses.join(" and ")}`)
  }

  async #openClient(player: Player): Promise<void> {
    const client = this.#start(player, "client")
    const joined = client.next("joined")
    client.send({
      type: "join",
      name: player.name,
      transport: player.transport,
      address: this.#addresses[player.carrier],
    })
    await joined
    this.#stage.find(player.name)!.state = "waiting"
    const { name, transport, carrier } = player
    this.#tell({ event: "joined", name, transport, carrier }, `+ ${name} joined over ${transport}, ${carrier}`)
  }

  #start(player: Player, role: "host" | "client"): Process {
    const worker: Process = new Worker(player.name, new URL("../demo/demo-worker.js", import.meta.url))
    const actor = this.#stage.add(player, role, "starting")
    this.#processes.set(player.name, worker)
    worker.on(message => this.#hear(actor, message))
    return worker
  }

  #hear(actor: Actor, message: FromDemoWorker): void {
    if (message.type === "pulse") this.#stage.pulse(actor, message.pulse, performance.now())
    else if (message.type === "finished") {
      actor.edits = message.edits
      actor.state = "done"
      this.#finished.add(actor.name)
    } else if (message.type === "state") this.#states.set(actor.name, message.state)
    else if (message.type === "peer") this.#hearOfPeer(message)
    this.#written()
    this.#options.changed(this.#stage)
  }

  /** Of the cast only the end of the one that was killed is news from the host; of visitors all. */
  #hearOfPeer({ name, change, reason }: Extract<FromDemoWorker, { type: "peer" }>): void {
    const actor = this.#stage.find(name)
    if (actor?.state === "killed" && change === "left")
      this.#tell({ event: "left", name, reason }, `${hostName} noticed: ${reason}`)
    if (actor !== undefined) return
    const words = { joined: `+ ${name} joined`, back: `+ ${name} is back`, left: `- ${name} left: ${reason}` }[change]
    this.#tell({ event: change, name }, printable(words))
  }

  #letWrite(name: string, mine: readonly number[]): void {
    this.#stage.find(name)!.state = "writing"
    this.#processes.get(name)!.send({ type: "write", paragraphs: mine, editsPerSecond: this.#options.pace })
  }

  async #kill(name: string): Promise<void> {
    const worker = this.#processes.get(name)!
    const { pid } = worker
    this.#stage.find(name)!.state = "killed"
    this.#processes.delete(name)
    await worker.kill()
    this.#tell({ event: "killed", name, pid }, `✗ ${name} was killed (SIGKILL to process ${pid})`)
  }

  /** Resolves when that share of the story is written. */
  #share(share: number): Promise<void> {
    return this.#when(() => (this.#stage.find(hostName)?.length ?? 0) >= story.length * share)
  }

  #everyoneFinished(): Promise<void> {
    return this.#when(() => [...this.#processes.keys()].every(name => name === hostName || this.#finished.has(name)))
  }

  #when(met: () => boolean): Promise<void> {
    return new Promise(resolve => {
      this.#written = () => {
        if (!met()) return
        this.#written = () => {}
        resolve()
      }
      this.#written()
    })
  }

  #until<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#interrupted, ...[...this.#processes.values()].map(each => each.failed)])
  }

  /** True once every replica is in one state; every author has written, so equal means final. */
  async #equal(timeoutMs: number): Promise<boolean> {
    for (const worker of this.#processes.values()) worker.send({ type: "compare" })
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<false>(resolve => {
      timer = setTimeout(() => resolve(false), timeoutMs)
    })
    const equal = this.#when(() => this.#states.size === this.#processes.size && this.#different().length === 0)
    const converged = await Promise.race([equal.then(() => true), late])
    clearTimeout(timer)
    return converged
  }

  #different(): string[] {
    const host = this.#states.get(hostName)
    return [...this.#processes.keys()].filter(name => !sameState(this.#states.get(name), host))
  }

  #result(converged: boolean, seconds: number, players: readonly Player[]): DemoResult {
    const host = this.#states.get(hostName)
    const edits = this.#stage.edits
    for (const actor of this.#stage.actors) if (actor.state === "writing") actor.state = "done"
    return {
      converged,
      complete: host?.hash === contentHash(story),
      replicas: this.#states.size,
      clients: players.length,
      edits,
      seconds: Math.round(seconds * 1_000) / 1_000,
      editsPerSecond: Math.round(edits / seconds),
      transports: [...new Set(players.map(each => each.transport))].sort(),
      carriers: [...new Set(players.map(each => each.carrier))].sort(),
      killed: [victim],
      joinedLate: [latecomer.name],
      latencyMs: { p50: rounded(this.#stage.latency(0.5)), p99: rounded(this.#stage.latency(0.99)) },
      length: host?.length ?? 0,
      hash: host?.hash ?? "",
      different: this.#different(),
    }
  }

  #tell(event: DemoEvent, words: string): void {
    this.#stage.log.push(words)
    this.#options.happened(event, words)
    this.#options.changed(this.#stage)
  }
}

function rounded(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms * 1_000) / 1_000
}
