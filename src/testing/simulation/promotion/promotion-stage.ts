/** Plays a promotion script on a cluster of voters. Everything that a fault began it ends. */
import type { World } from "../world.ts"
import { describePromotionFault, linkFaults, type PromotionFault } from "./promotion-script.ts"
import type { ReignWatch } from "./reign-watch.ts"
import type { VotingCluster } from "./voting-cluster.ts"

/** Something was sent within this long before: a root that is killed now is killed under load. */
const loadMs = 250
/** A first seed without a folder looks for others for three seconds, and its dials take up to 0.8 of one. */
const aloneMs = 1_800

export class PromotionStage {
  /** Roots that reigned, and were killed while others sent. */
  rootKills = 0
  readonly #world: World
  readonly #cluster: VotingCluster
  readonly #reigns: ReignWatch
  readonly #sends: () => number
  /** Until when somebody is on the smaller side of a cut. */
  readonly #apartUntil = new Map<string, number>()
  /** How much had been sent, a moment ago and before. */
  #sent: readonly [number, number] = [0, 0]

  constructor(world: World, cluster: VotingCluster, reigns: ReignWatch, sends: () => number) {
    this.#world = world
    this.#cluster = cluster
    this.#reigns = reigns
    this.#sends = sends
    world.clock.every(loadMs / 2, () => {
      this.#sent = [this.#sends(), this.#sent[0]]
    })
  }

  play(script: readonly PromotionFault[]): void {
    for (const fault of script) this.#world.clock.after(fault.atMs, () => this.#begin(fault))
  }

  #begin(fault: PromotionFault): void {
    const { kind, forMs, draw } = fault
    const { network, clock, journal } = this.#world
    const cluster = this.#cluster
    const voters = [...cluster.machines.keys()]
    const others = cluster.names.filter(name => !cluster.machines.has(name))
    const root = cluster.root?.name
    const voter = voters[draw % voters.length]!
    const other = others[draw % others.length]!
    const anyone = cluster.names[draw % cluster.names.length]!
    const isRoots = kind.endsWith("Root")
    if (isRoots && root === undefined) return
    const name = isRoots ? root! : voter
    journal.note(name, "fault:", () => describePromotionFault(fault))
    const later = (action: () => void) => clock.after(forMs, action)
    const coin = draw >>> 16
    switch (kind) {
      case "killRoot":
        if (this.#sends() > this.#sent[1]) this.rootKills++
        this.#crash(name, coin % 4 === 0, forMs)
        this.#reigns.lost(coin % 4 === 0 ? "a loss of power" : "a kill")
        return
      case "crashVoter":
      case "crashOther":
        this.#crash(kind === "crashVoter" ? voter : other, coin % 2 === 0, forMs)
        return
      case "wipeVoter":
        // Nothing survives the loss of a majority's folders.
        if (2 * (cluster.wiped + 1) >= voters.length || this.#world.life(voter) === undefined) return
        // Alone for longer than a first seed looks for others, it founds another tree (decision 134).
        if ((this.#apartUntil.get(voter) ?? 0) > clock.now() + forMs + aloneMs) return
        cluster.wiped++
        this.#crash(voter, coin % 2 === 0, forMs)
        cluster.machines.get(voter)!.wipe()
        return
      case "pauseRoot":
      case "pauseVoter":
      case "pauseOther": {
        const whom = kind === "pauseOther" ? other : name
        if (this.#world.life(whom) === undefined) return
        this.#world.pause(whom)
        later(() => this.#world.resume(whom))
        return
      }
      case "cutRoot":
        this.#part([name], "both", forMs)
        return
      case "deafRoot":
        this.#part([name], coin % 2 === 0 ? "out" : "in", forMs)
        return
      case "split": {
        // Some of the voters, fewer than half, and some of the others.
        const few = 1 + (coin % Math.floor(voters.length / 2))
        const side = [
          ...voters.filter((_, at) => (at + draw) % voters.length < few),
          ...others.filter((_, at) => ((draw >>> (at % 31)) & 1) === 1),
        ]
        this.#part(side, "both", forMs)
        return
      }
      case "closeRoot":
        if (this.#world.life(name)?.endpoint === undefined) return
        void cluster.leave(name).then(() => later(() => cluster.open(name)))
        return
      case "partition":
      case "oneWay":
        network.partition(voter, anyone, { oneWay: kind === "oneWay" })
        later(() => network.heal(voter, anyone))
        return
      case "disconnect":
        for (const each of cluster.names) if (each !== anyone) network.cut(anyone, each)
        return
      case "slow":
        network.slow(anyone, [20_000, 100_000, 300_000][coin % 3])
        later(() => network.slow(anyone, undefined))
        return
      case "slowDisk": {
        const { disk } = cluster.machines.get(voter)!
        disk.slowMs = [20, 200, 800][coin % 3]!
        later(() => {
          disk.slowMs = 0
        })
        return
      }
      case "drift":
        network.drift(anyone, { rate: 1 + ((coin % 1000) / 500 - 1) * 0.02 })
        return
      case "storeDown":
        cluster.records.reachable = false
        later(() => {
          cluster.records.reachable = true
        })
        return
      case "storeSlow":
        cluster.storeSlowMs = [50, 400, 1200][coin % 3]!
        later(() => {
          cluster.storeSlowMs = 0
        })
        return
      default: {
        const { leg, faults } = linkFaults(fault)
        network.setFaults(leg, faults)
        later(() => network.setFaults(leg, {}))
      }
    }
  }

  #crash(name: string, silent: boolean, forMs: number): void {
    if (this.#world.life(name) === undefined) return
    this.#cluster.crash(name, silent)
    this.#world.clock.after(forMs, () => this.#cluster.open(name))
  }

  /** Nothing passes between those and everybody else; or only one way. */
  #part(side: readonly string[], ways: "both" | "in" | "out", forMs: number): void {
    const { network, clock } = this.#world
    const rest = this.#cluster.names.filter(name => !side.includes(name))
    for (const near of side) this.#apartUntil.set(near, Math.max(this.#apartUntil.get(near) ?? 0, clock.now() + forMs))
    for (const near of side)
      for (const far of rest)
        if (ways === "both") network.partition(near, far)
        else network.partition(ways === "out" ? near : far, ways === "out" ? far : near, { oneWay: true })
    clock.after(forMs, () => {
      for (const near of side) for (const far of rest) network.heal(near, far)
    })
  }
}
