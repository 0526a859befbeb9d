// Finds a python3 that has zmq, for tests against libzmq.
import { spawnSync } from "node:child_process"
import { accessSync, constants, readdirSync } from "node:fs"
import { delimiter, join } from "node:path"

/** The first interpreter that imports zmq; the first one on the PATH often does not. */
export function findPython() {
  const candidates = new Set()
  if (process.env.ZINC_TEST_PYTHON) candidates.add(process.env.ZINC_TEST_PYTHON)
  for (const folder of [...(process.env.PATH ?? "").split(delimiter), "/usr/bin", "/usr/local/bin"]) {
    let names = []
    try {
      names = readdirSync(folder).filter(name => /^python3(\.\d+)?$/.test(name))
    } catch {
      // A folder on the PATH need not exist.
    }
    for (const name of names.sort()) candidates.add(join(folder, name))
  }
  for (const candidate of candidates) {
    const probe = spawnSync(candidate, ["-c", "import zmq; print(zmq.zmq_version())"], { timeout: 20_000 })
    if (probe.status === 0) return candidate
  }
  return undefined
}

/** Asks the system for it, where we may. Whether that worked. */
export function installPython() {
  if (process.getuid?.() !== 0 || !onPath("apt-get")) return false
  console.log("no python3 here imports zmq; installing python3-zmq")
  const options = {
    stdio: ["ignore", "ignore", "inherit"],
    timeout: 240_000,
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  }
  const install = () => spawnSync("apt-get", ["install", "-y", "-q", "python3-zmq"], options).status === 0
  return install() || (spawnSync("apt-get", ["update", "-q"], options).status === 0 && install())
}

function onPath(name) {
  return (process.env.PATH ?? "").split(delimiter).some(folder => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
