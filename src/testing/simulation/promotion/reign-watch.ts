/** Who reigned when: one root per epoch, epochs rise, and how long the tree was without one. */
import { GovernedEndpoint } from "../../../cluster/index.ts"
import type { SimulatedTime } from "../kind.ts"
import type { Life, World } from "../world.ts"

export class ReignWatch {
  /** Reigns that began after the first. */
  promotions = 0
  readonly times: SimulatedTime[] = []
  readonly #world: World
  readonly #reigns = new Map<number, Life>()
  readonly #last = new Map<string, number>()
  #lostAt: { readonly how: string; readonly at: number } | undefined

  constructor(world: World) {
    this.#world = world
    world.onEvent((life, event) => {
      if (event.type === "role" && event.to === "host") this.#reigned(life, event.epoch)
    })
  }

  /** It may have become root before anybody could hear it. */
  opened(life: Life): void {
    const { endpoint } = life
    if (endpoint instanceof GovernedEndpoint && endpoint.role === "host")
      this.#reigned(life, endpoint.rootRecord?.epoch ?? 0)
  }

  /** The root is taken away; the next reign ends that. */
  lost(how: string): void {
    this.#lostAt = { how, at: this.#world.clock.now() }
  }

  get highest(): number {
    return Math.max(0, ...this.#reigns.keys())
  }

  #reigned(life: Life, epoch: number): void {
    const { journal, clock } = this.#world
    const known = this.#reigns.get(epoch)
    if (known === life) return
    if (known !== undefined)
      journal.violated("one root per epoch", `${life.label} reigns in epoch ${epoch}, in which ${known.label} reigned`)
    const before = this.#last.get(life.name) ?? 0
    if (epoch <= before)
      journal.violated(
        "epochs rise",
        `${life.label} reigns in epoch ${epoch}; that machine reigned in ${before} before`,
      )
    this.#reigns.set(epoch, life)
    this.#last.set(life.name, epoch)
    if (this.#reigns.size > 1) this.promotions++
    if (this.#lostAt === undefined) return
    this.times.push({ what: `a new root after ${this.#lostAt.how}`, ms: clock.now() - this.#lostAt.at })
    this.#lostAt = undefined
  }
}
