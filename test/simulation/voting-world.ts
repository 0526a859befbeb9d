/** Endpoints that vote, in a simulated world: everything as in production but network, clock and disk. */
import { GovernedEndpoint, type GovernedOptions } from "../../src/cluster/index.ts"
import { MemoryVoteDisk, MemoryVoteFolder } from "../../src/cluster/vote-folder/memory/index.ts"
import type { Random } from "../../src/core/index.ts"
import type { HostOptions } from "../../src/endpoint/index.ts"
import { type Life, World } from "../../src/testing/simulation/index.ts"

export interface VotingWorldOptions extends GovernedOptions, Partial<Pick<HostOptions, "statusMs" | "heartbeatMs">> {
  readonly names?: readonly string[]
}

export class VotingWorld {
  readonly world: World
  readonly names: readonly string[]
  readonly #options: VotingWorldOptions
  #disks: Map<string, MemoryVoteDisk> = new Map()

  constructor(seed = 1, { names = ["va", "vb", "vc"], statusMs = 0, ...options }: VotingWorldOptions = {}) {
    this.world = new World({ seed, statusMs })
    this.names = names
    this.#options = options
  }

  get addresses(): string[] {
    return this.names.map(name => `sim://${name}`)
  }

  /** Resolves when it is part of the tree. */
  start(name: string): Promise<Life> {
    const disk = this.#disk(name)
    // As the lock of a folder whose process is gone.
    disk.locked = false
    return this.world.open(name, "relay", common =>
      GovernedEndpoint.govern(
        {
          ...common,
          listen: `sim://${name}`,
          tree: "sim",
          seeds: this.addresses,
          direct: true,
          ...this.#options,
        },
        new MemoryVoteFolder(disk, common.clock),
      ),
    )
  }

  /** The voters' folders are these from now on; without any, new ones. Returns those of before. */
  exchangeDisks(disks: Map<string, MemoryVoteDisk> = new Map()): Map<string, MemoryVoteDisk> {
    const before = this.#disks
    this.#disks = disks
    return before
  }

  #disk(name: string): MemoryVoteDisk {
    const disk = this.#disks.get(name) ?? new MemoryVoteDisk(this.world.random.fork() as Random)
    this.#disks.set(name, disk)
    return disk
  }

  /** All voters, the first of which is the root. */
  async found(): Promise<Life[]> {
    const lives = await this.world.until(Promise.all(this.names.map(name => this.start(name))))
    await this.until(() => this.root?.rootRecord?.voters.length === this.names.length)
    await this.world.run(500)
    return lives
  }

  /** As by `kill -9`. */
  crash(name: string): void {
    this.world.crash(name)
  }

  /** Between that machine and the others nothing passes. */
  cutOff(name: string, others: readonly string[]): void {
    for (const other of others) if (other !== name) this.world.network.partition(name, other)
  }

  get voters(): GovernedEndpoint[] {
    return this.world.living.flatMap(({ endpoint }) => (endpoint instanceof GovernedEndpoint ? [endpoint] : []))
  }
  /** The machines whose endpoints call themselves root. */
  get roots(): string[] {
    return this.voters.filter(endpoint => endpoint.role === "host").map(({ name }) => name)
  }
  /** The only one of these. */
  get root(): GovernedEndpoint | undefined {
    const roots = this.voters.filter(endpoint => endpoint.role === "host")
    return roots.length === 1 ? roots[0] : undefined
  }

  /** Virtual milliseconds until that holds. */
  async until(holds: () => boolean, limitMs = 10_000): Promise<number> {
    for (let ms = 0; ms < limitMs; ms++) {
      if (holds()) return ms
      await this.world.run(1)
    }
    throw new Error(`not within ${limitMs} virtual ms\n${this.world.journal.tail(60).join("\n")}`)
  }
}
