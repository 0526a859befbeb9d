// The store of the root record, on a machine of its own: a real ZooKeeper or etcd at its defaults, that can be killed and
// started again on the same data.
import { spawn } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"

export class Store {
  name = "store"
  complaints = []
  #kind
  #program
  #network
  #folder
  #places
  #child

  /** `kind` is "zookeeper" or "etcd"; `program` is what `installServices` found for it. */
  static async at(kind, program, network, folder, freePort) {
    const store = new Store()
    store.#kind = kind
    store.#program = program
    store.#network = network
    store.#folder = join(folder, "store")
    mkdirSync(join(store.#folder, "data"), { recursive: true })
    const isAlone = network.kind === "namespaces"
    store.#places = [
      await network.listenAt("store", isAlone ? 2379 : await freePort()),
      await network.listenAt(isAlone ? "store" : "store.peer", isAlone ? 2380 : await freePort()),
    ].map(({ listen, dial }) => ({ listen: listen.slice("tcp://".length), dial: dial.slice("tcp://".length) }))
    return store
  }

  /** As a coordinator is told of it. */
  get coordinator() {
    return { kind: this.#kind, servers: this.#places[0].dial }
  }

  start() {
    const [command, ...parameters] = this.#kind === "zookeeper" ? this.#zooKeeper() : this.#etcd()
    const whole = [...this.#network.within(this.name), command, ...parameters]
    const child = spawn(whole[0], whole.slice(1), { cwd: this.#folder, stdio: ["ignore", "ignore", "pipe"] })
    let complaint = ""
    child.stderr.on("data", chunk => {
      complaint = (complaint + chunk).slice(-2000)
    })
    child.once("close", (status, signal) => {
      if (this.#child === child) this.complaints.push(`the store ended (${status ?? signal}): ${complaint}`)
    })
    this.#child = child
    // Nobody waits for it: voters that find no store try again, which is what is to be seen.
    this.opened = sleep(0)
  }
  kill() {
    const child = this.#child
    this.#child = undefined
    child?.kill("SIGKILL")
  }
  signal(signal) {
    this.#child?.kill(signal)
  }
  note() {}

  #zooKeeper() {
    const [host, port] = this.#places[0].listen.split(":")
    const settings = [
      `dataDir=${join(this.#folder, "data")}`,
      `clientPort=${port}`,
      `clientPortAddress=${host}`,
      "admin.enableServer=false",
    ]
    writeFileSync(join(this.#folder, "zoo.cfg"), settings.join("\n"))
    const { java, classPath } = this.#program
    return [java, "-Xmx128m", "-cp", classPath, "org.apache.zookeeper.server.quorum.QuorumPeerMain", "zoo.cfg"]
  }
  #etcd() {
    const [client, peer] = this.#places.map(({ listen }) => `http://${listen}`)
    return [
      this.#program,
      ...["--name", "chaos", "--data-dir", join(this.#folder, "data"), "--log-level", "error"],
      ...["--listen-client-urls", client, "--advertise-client-urls", client],
      ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", `chaos=${peer}`],
    ]
  }
}
