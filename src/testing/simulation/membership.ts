/** When a tree has healed, its root knows everybody who is in it, and nobody else. */
import type { World } from "./world.ts"

/** Judges what the root has as members against who is alive. */
export function judgeMembers(world: World, root: string): void {
  const { missing, ghosts } = compare(world, root)
  if (missing.length + ghosts.length === 0) return
  const what = `the root lacks ${missing.join(", ") || "nobody"}; it has ${ghosts.join(", ") || "nobody"} who is not there, or has it twice`
  world.journal.violated("members", what)
}

export function knowsAll(world: World, root: string): boolean {
  const { missing, ghosts } = compare(world, root)
  return missing.length + ghosts.length === 0
}

function compare(world: World, root: string): { readonly missing: string[]; readonly ghosts: string[] } {
  const endpoint = world.life(root)?.endpoint
  if (endpoint === undefined) return { missing: [], ghosts: [] }
  const known = endpoint.members.map(({ name }) => name).sort()
  const there = world.living.map(({ name }) => name).filter(name => name !== root)
  return {
    missing: there.filter(name => !known.includes(name)),
    ghosts: known.filter((name, i) => !there.includes(name) || known[i - 1] === name),
  }
}
