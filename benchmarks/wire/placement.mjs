// Which cores two processes run on. A system that chooses for itself puts processes that take turns sometimes on one core and
// sometimes on two, for a whole run; and a turn costs some 20 µs or 60 µs accordingly, whatever runs there. So where
// that would decide, every contender is given the same cores, by taskset.
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"

/** [{ placed, cores: [of the one that binds, of the one that dials] }]; without names or cores where they cannot be given. */
export function placements() {
  const [first, second] = allowed()
  if (second === undefined) {
    console.error("\n!!! no taskset, or no second core: processes run where the system puts them, and medians jump\n")
    return [{ cores: [] }]
  }
  return [
    { placed: "one core", cores: [first, first] },
    { placed: "two cores", cores: [first, second] },
  ]
}

/** The command as it is to be started on that core; undefined for any. */
export function on(core, [command, first, env]) {
  return core === undefined ? [command, first, env] : ["taskset", ["-c", String(core), command, ...first], env]
}

function allowed() {
  if (spawnSync("taskset", ["--version"]).status !== 0) return []
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? ""
  return list.split(",").flatMap(range => {
    const [from, to = from] = range.split("-").map(Number)
    return Array.from({ length: to - from + 1 }, (_, i) => from + i)
  })
}
