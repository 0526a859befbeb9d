/** Some endpoints of a run watch the roster; in the end each must see who is where, and nobody else. */
import type { Roster } from "../../endpoint/api.ts"
import type { Life, World } from "./world.ts"

/** Between two reports of one endpoint. */
export const watchStatusMs = 200
/** The time after which every roster must be right: the freeze of a lost subtree, and what an idle one takes to speak. */
export const watchSettledMs = 9_000

export class RosterWatch {
  readonly #world: World
  readonly #watchers = new Map<Life, Roster>()
  #opened = 0

  constructor(world: World) {
    this.#world = world
  }

  /** Roots see all by themselves; of the others every other one watches. */
  employ(life: Life): void {
    if (life.role === "host" || this.#opened++ % 2 === 0) this.#watchers.set(life, life.endpoint!.roster())
  }

  judge(): void {
    const { living, journal } = this.#world
    const is = living.map(({ name, endpoint }) => `${name} ${endpoint?.id} below ${endpoint?.path.at(-2)}`)
    for (const [life, roster] of this.#watchers) {
      if (!living.includes(life)) continue
      const seen = roster.entries.map(({ name, id, parent }) => `${name} ${id} below ${parent}`)
      for (const each of is) if (!seen.includes(each)) journal.violated("roster", `${life.label} does not see ${each}`)
      for (const each of seen)
        if (!is.includes(each)) journal.violated("roster", `${life.label} sees ${each}, who is not there`)
    }
  }
}
