/**
 * The machines of one run: who is opened where, comes back after a fault, and is there when all has healed. The fault
 * script plays on it.
 */
import type { SeededRandom } from "../../core/random.ts"
import type { HostOptions, JoinOptions } from "../../endpoint/api.ts"
import type { Cast } from "./fault-script.ts"
import type { Topology } from "./topology.ts"
import type { Life, World } from "./world.ts"

export interface ClusterOptions {
  readonly topology: Topology
  /** For everybody who hosts. */
  readonly hosting: Partial<HostOptions>
  /** For everybody who joins. */
  readonly joining: Partial<JoinOptions>
  /** An endpoint is open: the first time, and after every crash or leave. */
  onOpen(life: Life): void
  /** An endpoint is about to be closed; resolves when it may be. */
  onLeave?(life: Life): Promise<void>
}

/** Who could not open tries again after this long. */
const againMs = 300
/** Faults still under way when everything is healed have ended by themselves after this long. */
const lastFaultsMs = 4_500

export class Cluster implements Cast {
  readonly names: readonly string[]
  readonly #world: World
  readonly #o: ClusterOptions
  readonly #opening = new Set<string>()

  constructor(world: World, options: ClusterOptions) {
    this.#world = world
    this.#o = options
    const { root, relays, leaves } = options.topology
    this.names = [root, ...relays, ...leaves]
  }

  /** Opens the root, and everybody else within `spreadMs`. */
  async begin(random: SeededRandom, spreadMs: number): Promise<void> {
    const [root, ...others] = this.names
    this.#open(root!)
    await this.#world.run(1)
    for (const name of others) this.#world.clock.after(random.below(spreadMs), () => this.#open(name))
  }

  /** The host that the machine's endpoint is attached to, or the one it is to join. */
  hostOf(name: string): string {
    return this.#world.hostOf(name) ?? this.#o.topology.parentOf(name)
  }

  reopen(name: string): void {
    // A crash may have come while it was opening: that opening never ends.
    this.#opening.delete(name)
    this.#open(name)
  }

  async leave(name: string): Promise<void> {
    const life = this.#world.life(name)
    if (life !== undefined) {
      life.alive = false
      await this.#o.onLeave?.(life)
    }
    await this.#world.close(name, { timeoutMs: 500 })
  }

  #open(name: string): void {
    const world = this.#world
    if (this.#opening.has(name) || world.life(name) !== undefined) return
    this.#opening.add(name)
    const { topology, hosting, joining } = this.#o
    const opening =
      name === topology.root
        ? world.host(name, hosting)
        : topology.relays.includes(name)
          ? world.relay(name, topology.parentOf(name), { ...hosting, ...joining })
          : world.join(name, topology.parentOf(name), joining)
    opening.then(
      life => {
        this.#opening.delete(name)
        if (life.alive) this.#o.onOpen(life)
      },
      () => {
        this.#opening.delete(name)
        world.clock.after(againMs, () => this.#open(name))
      },
    )
  }

  /** Ends every fault, and brings back whoever is gone. */
  async heal(): Promise<void> {
    const { network } = this.#world
    network.setFaults("all", {})
    network.heal()
    for (const name of this.names) {
      network.slow(name, undefined)
      this.#world.resume(name)
    }
    await this.#world.run(lastFaultsMs)
    network.setFaults("all", {})
    for (const name of this.names) if (this.#world.life(name) === undefined) this.reopen(name)
  }

  /** Runs until everybody is joined, at most that long; a broken promise when somebody is not. */
  async settle(withinMs: number): Promise<void> {
    let passed = 0
    for (; this.whoIsOut() !== "" && passed < withinMs; passed += 100) await this.#world.run(100)
    const out = this.whoIsOut()
    if (out !== "") this.#world.journal.violated("liveness", `not all joined within ${withinMs} ms: ${out}`)
  }

  /** Who is not joined to a living host of the tree; empty when all are. */
  whoIsOut(): string {
    const world = this.#world
    const { root, relays, leaves } = this.#o.topology
    if (world.life(root)?.endpoint === undefined) return root
    return [...relays, ...leaves]
      .filter(name => {
        const endpoint = world.life(name)?.endpoint
        if (endpoint?.state !== "open") return true
        const hostPeer = endpoint.peers.find(peer => peer.role === "host")
        if (hostPeer?.state !== "up") return true
        const host = world.life(hostPeer.name)?.endpoint
        return host?.peers.find(peer => peer.id === endpoint.id)?.state !== "up"
      })
      .join(", ")
  }
}
