// Finds the real ZooKeeper and etcd that tests run against, or installs Debian's packages where that is allowed and possible
// (root, apt-get). Prints where they are as JSON:
//
//   node scripts/services.mjs        {"zookeeper":{"java":…,"classPath":…},"etcd":"/usr/bin/etcd"}
//
// What is missing stays out. Several at once wait for each other.
import { spawnSync } from "node:child_process"
import { accessSync, constants, existsSync } from "node:fs"
import { delimiter, join } from "node:path"
import { fileURLToPath } from "node:url"

const jar = "/usr/share/java/zookeeper.jar"

/** A folder of ZooKeeper's own distribution can be named in ZOOKEEPER_HOME; programs are looked for on the PATH. */
export function findServices() {
  const java = onPath("java")
  const home = process.env.ZOOKEEPER_HOME
  const classPath =
    home !== undefined && existsSync(join(home, "lib")) ? join(home, "lib", "*") : existsSync(jar) ? jar : undefined
  const etcd = onPath("etcd")
  return {
    ...(java !== undefined && classPath !== undefined ? { zookeeper: { java, classPath } } : {}),
    ...(etcd === undefined ? {} : { etcd }),
  }
}

/** As `findServices`, after installing what is missing. */
export function installServices(log = console.error) {
  const found = findServices()
  const packages = []
  if (found.zookeeper === undefined) packages.push("zookeeper", "default-jre-headless")
  if (found.etcd === undefined) packages.push("etcd-server")
  if (packages.length === 0 || process.getuid?.() !== 0 || onPath("apt-get") === undefined) return found
  log(`installing ${packages.join(", ")} for tests against real servers`)
  const apt = (...words) =>
    spawnSync("apt-get", ["-o", "DPkg::Lock::Timeout=240", "-q", "-y", ...words], {
      stdio: ["ignore", "ignore", "inherit"],
      timeout: 300_000,
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    }).status === 0
  // One by one: where one cannot be had, the other may.
  for (const name of packages) {
    const install = () => apt("install", "--no-install-recommends", name)
    if (!install() && apt("update")) install()
  }
  return findServices()
}

function onPath(name) {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not there.
    }
  }
  return undefined
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(JSON.stringify(installServices()))
