/** A file in src that no door leads to is dead, however well its own test keeps it company. */
import { expect, it } from "vitest"
import { isGenerated, production, reachedFrom, textOf } from "./source.ts"

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly default: string }>>
  readonly bin: Readonly<Record<string, string>>
}

function doors(): string[] {
  const manifest = JSON.parse(textOf("package.json")) as Manifest
  const targets = [
    ...Object.values(manifest.exports).map(entry => (typeof entry === "string" ? entry : entry.default)),
    ...Object.values(manifest.bin),
  ]
  // The build puts it into the door for pages.
  targets.push("./dist/browser/no-worker-pool.js")
  return targets.map(target => target.replace("./dist/", "src/").replace(/\.js$/, ".ts"))
}

it("every file in src is a door or is reached from one", () => {
  const files = new Map(production.map(file => [file.path, file]))
  const alive = new Set<string>()
  const open = doors().filter(path => files.has(path))
  while (open.length > 0) {
    const path = open.pop()!
    if (alive.has(path)) continue
    alive.add(path)
    const file = files.get(path)
    if (file !== undefined) open.push(...reachedFrom(file))
  }
  expect(production.map(file => file.path).filter(path => !alive.has(path) && !isGenerated(path))).toEqual([])
})
