// Real ZooKeeper and etcd servers for benches.
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "../../scripts/free-port.mjs"

/** At its defaults, on a free port, with a folder of its own. What `installServices` found is given. */
export async function startZooKeeper({ java, classPath }) {
  const folder = mkdtempSync(join(tmpdir(), "zinc-bench-zookeeper-"))
  const port = await freePort()
  mkdirSync(join(folder, "data"))
  const settings = [
    `dataDir=${join(folder, "data")}`,
    `clientPort=${port}`,
    "clientPortAddress=127.0.0.1",
    "admin.enableServer=false",
  ]
  writeFileSync(join(folder, "zoo.cfg"), settings.join("\n"))
  const main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
  return started(java, ["-Xmx128m", "-cp", classPath, main, "zoo.cfg"], folder, port)
}

export async function startEtcd(etcd) {
  const folder = mkdtempSync(join(tmpdir(), "zinc-bench-etcd-"))
  const port = await freePort()
  const [client, peer] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${await freePort()}`]
  const parameters = [
    ["--name", "bench", "--data-dir", join(folder, "data"), "--log-level", "warn"],
    ["--listen-client-urls", client, "--advertise-client-urls", client],
    ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", `bench=${peer}`],
  ].flat()
  return started(etcd, parameters, folder, port)
}

async function started(command, parameters, folder, port) {
  const child = spawn(command, parameters, { cwd: folder, stdio: "ignore" })
  const kill = () => child.kill("SIGKILL")
  process.on("exit", kill)
  while (!(await dialled(port))) {
    if (child.exitCode !== null) throw new Error(`${command} ended at once`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  return {
    address: `127.0.0.1:${port}`,
    pause: () => child.kill("SIGSTOP"),
    resume: () => child.kill("SIGCONT"),
    async end() {
      const gone = new Promise(resolve => child.once("exit", resolve))
      kill()
      await gone
      process.off("exit", kill)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function dialled(port) {
  return new Promise(resolve => {
    const socket = connect({ host: "127.0.0.1", port })
    socket.once("connect", () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => resolve(false))
  })
}
