/** The machines of a tree with voters: who lives where, comes back after a fault, and is there when all has healed. */
import { EntryKind } from "../../../cluster/election/index.ts"
import { GovernedEndpoint, type GovernedOptions } from "../../../cluster/index.ts"
import { MemoryRecords } from "../../../coordination/memory/index.ts"
import type { SeededRandom } from "../../../core/random.ts"
import type { HostOptions, JoinOptions } from "../../../endpoint/api.ts"
import { MessageEndpoint } from "../../../endpoint/message-endpoint.ts"
import type { LoggedMessage } from "../ledger.ts"
import type { Life, World } from "../world.ts"
import { SimulatedCoordinator } from "./simulated-coordinator.ts"
import { VoteMachine } from "./vote-disk-folder.ts"

export interface VotingClusterOptions {
  readonly voters: readonly string[]
  readonly relays: readonly string[]
  readonly clients: readonly string[]
  /** With a store of the record beside the voters. */
  readonly external: boolean
  readonly direct: boolean
  readonly commit: "root" | "majority"
  readonly syncMs: { readonly min: number; readonly max: number }
  readonly hosting: Partial<HostOptions>
  readonly joining: Partial<JoinOptions>
  readonly random: SeededRandom
  onOpen(life: Life): void
  onLeave?(life: Life): Promise<void>
}

const treeName = "sim"
/** Who could not open tries again after this long. */
const againMs = 300

export class VotingCluster {
  readonly names: readonly string[]
  readonly records: MemoryRecords = new MemoryRecords()
  /** Milliseconds more for each way to the store, at most. */
  storeSlowMs = 0
  readonly machines: Map<string, VoteMachine> = new Map()
  readonly #world: World
  readonly #o: VotingClusterOptions
  readonly #opening = new Map<string, Promise<Life>>()
  /** Voters whose folder was lost: no more than a minority may be. */
  wiped = 0

  constructor(world: World, options: VotingClusterOptions) {
    this.#world = world
    this.#o = options
    const { voters, relays, clients, syncMs } = options
    this.names = [...voters, ...relays, ...clients]
    for (const name of voters) {
      const { clock, network } = world
      const random = options.random.fork()
      this.machines.set(name, new VoteMachine({ clock, random, node: network.node(name), syncMs }))
    }
  }

  /** Voters begin at once; the others when the tree has all its voters. Resolves then. */
  async begin(withinMs: number): Promise<void> {
    const { voters, relays, clients } = this.#o
    for (const name of voters) this.open(name)
    for (let passed = 0; passed < withinMs; passed += 20) {
      await this.#world.run(20)
      if (this.root?.endpoint.rootRecord?.voters.length === voters.length) break
    }
    if (this.root?.endpoint.rootRecord?.voters.length !== voters.length)
      this.#world.journal.violated("liveness", `${voters.length} voters were no tree within ${withinMs} ms`)
    for (const name of [...relays, ...clients]) this.open(name)
  }

  /** Whoever calls itself root; of several the one of the highest epoch. */
  get root(): { readonly name: string; readonly life: Life; readonly endpoint: GovernedEndpoint } | undefined {
    let root: { name: string; life: Life; endpoint: GovernedEndpoint } | undefined
    for (const life of this.#world.living) {
      const { name, endpoint } = life
      if (!(endpoint instanceof GovernedEndpoint) || endpoint.role !== "host") continue
      if (root === undefined || epochOf(endpoint) > epochOf(root.endpoint)) root = { name, life, endpoint }
    }
    return root
  }

  /** What the root's log holds of ordered topics. */
  *log(): Iterable<LoggedMessage> {
    const { root } = this
    const entries = root === undefined ? [] : (this.machines.get(root.name)?.disk.memory().entries ?? [])
    // The first letter of a stream says of which kind its topic is.
    for (const { kind, stream, origin, sequence, epoch, order } of entries)
      if (kind === EntryKind.Message) yield { topic: stream.slice(1), origin, sequence, epoch, order }
  }

  /** As by `kill -9`; `silent`: its machine lost power. */
  crash(name: string, silent: boolean): void {
    this.#opening.delete(name)
    this.#world.crash(name, { silent })
    this.machines.get(name)?.crash()
  }

  async leave(name: string): Promise<void> {
    const life = this.#world.life(name)
    if (life === undefined) return
    life.alive = false
    await this.#o.onLeave?.(life)
    await this.#world.close(name, { timeoutMs: 500 })
  }

  open(name: string): void {
    const world = this.#world
    if (this.#opening.has(name) || world.life(name) !== undefined) return
    const opening = this.#start(name)
    this.#opening.set(name, opening)
    // Not that of a life before the last crash.
    const ended = () => this.#opening.get(name) === opening && this.#opening.delete(name)
    opening.then(
      life => {
        if (ended() && life.alive) this.#o.onOpen(life)
      },
      () => {
        if (!ended()) return
        world.clock.after(againMs, () => this.open(name))
      },
    )
  }

  #start(name: string): Promise<Life> {
    const { voters, relays, hosting, joining, external, direct, commit } = this.#o
    const world = this.#world
    const seeds = voters.map(voter => `sim://${voter}`)
    const machine = this.machines.get(name)
    if (machine === undefined) {
      // Each begins with another of the voters, as by a list of its own.
      const first = this.names.indexOf(name) % seeds.length
      const addresses = [...seeds.slice(first), ...seeds.slice(0, first)]
      const isRelay = relays.includes(name)
      return world.open(name, isRelay ? "relay" : "client", common =>
        MessageEndpoint.join(addresses, {
          ...common,
          ...joining,
          ...(isRelay ? { ...hosting, listen: `sim://${name}` } : {}),
        }),
      )
    }
    return world.open(name, "relay", common => {
      const options: HostOptions & GovernedOptions = {
        ...common,
        ...hosting,
        ...joining,
        listen: `sim://${name}`,
        tree: treeName,
        seeds,
        voters: voters.length,
        direct,
        commit,
      }
      if (!external) return GovernedEndpoint.govern(options, machine.open())
      const coordinator = new SimulatedCoordinator({
        tree: treeName,
        records: this.records,
        clock: common.clock,
        random: this.#o.random.fork(),
        slowMs: () => this.storeSlowMs,
      })
      return GovernedEndpoint.govern({ ...options, coordinator }, machine.open())
    })
  }

  /** Ends every fault, and brings back whoever is gone. */
  async heal(lastFaultsMs: number): Promise<void> {
    const { network } = this.#world
    const ends = () => {
      network.setFaults("all", {})
      network.heal()
      this.records.reachable = true
      this.storeSlowMs = 0
      for (const machine of this.machines.values()) machine.disk.slowMs = 0
      for (const name of this.names) {
        network.slow(name, undefined)
        this.#world.resume(name)
      }
    }
    ends()
    await this.#world.run(lastFaultsMs)
    ends()
    for (const name of this.names) if (this.#world.life(name) === undefined) this.open(name)
  }

  /** Runs until there is one root with everybody below it, at most that long; a broken promise when it is not so. */
  async settle(withinMs: number): Promise<void> {
    let passed = 0
    for (; this.whatIsWrong() !== "" && passed < withinMs; passed += 50) await this.#world.run(50)
    const wrong = this.whatIsWrong()
    if (wrong !== "") this.#world.journal.violated("liveness", `not one tree within ${withinMs} ms: ${wrong}`)
  }

  /** What is not as it shall be in the end: one root, and everybody below it. Empty when all is well. */
  whatIsWrong(): string {
    const world = this.#world
    const open = this.names.filter(name => world.life(name)?.endpoint?.state === "open")
    if (open.length < this.names.length)
      return `not open: ${this.names.filter(name => !open.includes(name)).join(", ")}`
    const roots = open.filter(name => world.life(name)!.endpoint!.role === "host")
    if (roots.length !== 1) return `roots: ${roots.join(", ") || "none"}`
    const root = world.life(roots[0]!)!.endpoint!
    const out = open.filter(name => {
      const endpoint = world.life(name)!.endpoint!
      if (endpoint === root) return false
      const above = endpoint.peers.find(peer => peer.role === "host")
      return above?.state !== "up" || endpoint.path[0] !== root.id
    })
    return out.length > 0 ? `not below ${root.name}: ${out.join(", ")}` : ""
  }
}

function epochOf(endpoint: GovernedEndpoint): number {
  return endpoint.rootRecord?.epoch ?? 0
}
