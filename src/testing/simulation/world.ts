/**
 * A whole cluster in one process on virtual time: named machines, the endpoints that live on them, and everything one
 * can do to them. Given a seed, every run is the same run.
 */
import type { Clock } from "../../core/clock.ts"
import { messageOf } from "../../core/errors.ts"
import { SeededRandom } from "../../core/random.ts"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import type { EndpointEvent, HostOptions, JoinOptions } from "../../endpoint/api.ts"
import { MessageEndpoint } from "../../endpoint/message-endpoint.ts"
import type { EndpointRules } from "../../endpoint/rules.ts"
import { SimulatedNetwork } from "../../transport/simulated/simulated-network.ts"
import { Journal } from "./journal.ts"

/** One opening of an endpoint on a machine: it has an id of its own, and ends by closing or by the machine's crash. */
export class Life {
  /** "c2.1": the machine's name and which life of it this is. */
  readonly label: string
  readonly name: string
  readonly role: "host" | "relay" | "client"
  readonly clock: Clock
  readonly openedAt: number
  endpoint: MessageEndpoint | undefined
  /** Not crashed and not asked to close. */
  alive = true

  constructor(name: string, number: number, role: "host" | "relay" | "client", clock: Clock, openedAt: number) {
    this.label = `${name}.${number}`
    this.name = name
    this.role = role
    this.clock = clock
    this.openedAt = openedAt
  }
}

/** What every endpoint of the world is opened with. */
export type CommonOptions = Required<Pick<JoinOptions, "name" | "clock" | "random" | "transport" | "statusMs">>

export interface WorldOptions {
  readonly seed: number
  /** Journal entries kept for reading. Default 400. */
  readonly kept?: number
  /** Of every endpoint, unless it is opened otherwise. Default 0: what old seeds show stays what it was. */
  readonly statusMs?: number
  /** A rule that no endpoint keeps. Default none. */
  readonly without?: keyof EndpointRules
}

/** What may be under way in one direction of a connection: little, so that a slow line has caught up a few seconds later. */
const windowBytes = 16 * 1024

export class World {
  readonly seed: number
  readonly clock: SimulatedClock
  readonly random: SeededRandom
  readonly network: SimulatedNetwork
  readonly journal: Journal
  readonly #rules: Partial<EndpointRules> | undefined
  /** Every life there was, in order. */
  readonly lives: Life[] = []
  readonly #current = new Map<string, Life>()
  readonly #counts = new Map<string, number>()
  readonly #listeners: ((life: Life, event: EndpointEvent) => void)[] = []

  readonly #statusMs: number

  constructor(options: WorldOptions) {
    this.seed = options.seed
    this.#statusMs = options.statusMs ?? 0
    this.clock = new SimulatedClock()
    this.random = new SeededRandom(options.seed)
    this.network = new SimulatedNetwork({ clock: this.clock, random: this.random.fork(), windowBytes })
    this.journal = new Journal(this.clock, options.kept)
    this.#rules = options.without === undefined ? undefined : { [options.without]: false }
  }

  /** The life on that machine now, if there is one. */
  life(name: string): Life | undefined {
    return this.#current.get(name)
  }
  /** The host that the machine's endpoint is attached to, or was last. */
  hostOf(name: string): string | undefined {
    return this.#current.get(name)?.endpoint?.peers.find(peer => peer.role === "host")?.name
  }
  get living(): Life[] {
    return [...this.#current.values()]
  }

  /** Hears every event of every endpoint, from its opening on. */
  onEvent(listener: (life: Life, event: EndpointEvent) => void): void {
    this.#listeners.push(listener)
  }

  /** Opens a host on the machine at `sim://name`. Resolves when it is open; a crash leaves it pending. */
  host(name: string, options: Partial<HostOptions> = {}): Promise<Life> {
    const life = this.#begin(name, "host")
    return this.#open(life, MessageEndpoint.host({ ...this.#common(life), listen: `sim://${name}`, ...options }))
  }

  /** Opens an endpoint on the machine that joins the host on another. */
  join(name: string, hostName: string, options: Partial<JoinOptions> = {}): Promise<Life> {
    const life = this.#begin(name, "client")
    return this.#open(life, MessageEndpoint.join(`sim://${hostName}`, { ...this.#common(life), ...options }))
  }

  /** As `join`, with the addresses to be tried one after the other. */
  joinAny(name: string, addresses: readonly string[], options: Partial<JoinOptions> = {}): Promise<Life> {
    const life = this.#begin(name, "client")
    return this.#open(life, MessageEndpoint.join(addresses, { ...this.#common(life), ...options }))
  }

  /** Opens a relay on the machine: it joins the host on another, and hosts at `sim://name`. */
  relay(name: string, hostName: string, options: Partial<JoinOptions> = {}): Promise<Life> {
    const life = this.#begin(name, "relay")
    const all = { ...this.#common(life), listen: `sim://${name}`, ...options }
    return this.#open(life, MessageEndpoint.join(`sim://${hostName}`, all))
  }

  /** Opens an endpoint on the machine in a way of the caller's own. */
  open(name: string, role: Life["role"], open: (common: CommonOptions) => Promise<MessageEndpoint>): Promise<Life> {
    const life = this.#begin(name, role)
    return this.#open(life, open(this.#common(life)))
  }

  #begin(name: string, role: "host" | "relay" | "client"): Life {
    const number = (this.#counts.get(name) ?? 0) + 1
    this.#counts.set(name, number)
    const life = new Life(name, number, role, this.network.clockOf(name), this.clock.now())
    this.#current.set(name, life)
    this.lives.push(life)
    this.journal.note(life.label, "opens")
    return life
  }

  #common(life: Life): CommonOptions {
    return {
      name: life.name,
      statusMs: this.#statusMs,
      clock: life.clock,
      random: this.random.fork(),
      transport: this.network.transport(life.name),
      ...(this.#rules === undefined ? {} : { rules: this.#rules }),
    }
  }

  async #open(life: Life, opening: Promise<MessageEndpoint>): Promise<Life> {
    let endpoint: MessageEndpoint
    try {
      endpoint = await opening
    } catch (thrown) {
      this.journal.note(life.label, "could not open:", messageOf(thrown))
      life.alive = false
      if (this.#current.get(life.name) === life) this.#current.delete(life.name)
      throw thrown
    }
    life.endpoint = endpoint
    this.journal.note(life.label, "is open")
    endpoint.on("*", event => {
      this.journal.note(life.label, event.type, () => describe(event))
      for (const listener of this.#listeners) listener(life, event)
    })
    return life
  }

  /** The process on that machine ends as by `kill -9`. */
  crash(name: string, options: { readonly silent?: boolean } = {}): void {
    const life = this.#current.get(name)
    if (life !== undefined) {
      life.alive = false
      this.#current.delete(name)
    }
    this.journal.note(name, "crashes", options.silent ? "silently" : "")
    this.network.crash(name, options)
  }

  /** Closes the endpoint on that machine. Resolves when it is closed. */
  close(name: string, options?: { readonly timeoutMs?: number }): Promise<void> {
    const life = this.#current.get(name)
    if (life === undefined) return Promise.resolve()
    life.alive = false
    this.#current.delete(name)
    this.journal.note(life.label, "closes")
    return (life.endpoint?.close(options) ?? Promise.resolve()).then(() => this.journal.note(life.label, "is closed"))
  }

  pause(name: string): void {
    this.journal.note(name, "is paused")
    this.network.pause(name)
  }
  resume(name: string): void {
    this.journal.note(name, "resumes")
    this.network.resume(name)
  }

  /** Lets virtual time pass. */
  run(ms: number): Promise<void> {
    return this.clock.run(ms)
  }

  /** Runs virtual time until the promise settles; throws when it has not within `limitMs`. */
  async until<T>(promise: Promise<T>, limitMs = 10_000): Promise<T> {
    let settled = false
    const done = () => {
      settled = true
    }
    promise.then(done, done)
    await this.clock.settle()
    for (let i = 0; i < limitMs && !settled; i++) await this.clock.run(1)
    if (!settled) throw new Error(`not settled within ${limitMs} virtual ms`)
    return promise
  }

  /** A digest of everything that happened. */
  get hash(): string {
    return `${this.network.traceHash}${this.journal.hash}`
  }
}

/** An event in a line. */
function describe(event: EndpointEvent): string {
  switch (event.type) {
    case "joined":
      return `${event.peer.name}${event.resumed ? " (resumed)" : ""}`
    case "left":
      return `${event.peer.name}: ${event.reason} [${event.code}]`
    case "gap":
      return `${event.topic} ${event.origin?.slice(0, 8) ?? "?"} ${event.from}-${event.through} ${event.reason}`
    case "refused":
      return `${event.name}: ${event.reason} [${event.code}]`
    case "diverged":
      return `${event.topic} ${event.from}-${event.through}, reign ${event.epoch}`
    case "role":
      return `${event.to}, reign ${event.epoch}: ${event.reason}`
    case "violation":
      return `${event.from}: ${event.error.message}`
    case "handlerFailed":
      return `${event.topic}: ${messageOf(event.error)}`
    default:
      return ""
  }
}
