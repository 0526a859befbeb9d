/** A ZooKeeper server with its default times. */
import { mkdirSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { join } from "node:path"
import { freePort } from "../../scripts/free-port.mjs"
import { type ServiceLaunch, ServiceProcess, services, shoutSkipped } from "./service-process.ts"

export class ZooKeeperService extends ServiceProcess {
  protected readonly data: string
  readonly #java: string
  readonly #classPath: string

  private constructor(java: string, classPath: string, port: number) {
    super("zookeeper", port)
    this.#java = java
    this.#classPath = classPath
    this.data = join(this.folder, "data")
  }

  /** Not started yet: a run that leaves all its tests out must not leave a server behind. Undefined where there is no ZooKeeper; that is said loudly. */
  static async open(): Promise<ZooKeeperService | undefined> {
    const { zookeeper } = services()
    if (zookeeper === undefined) {
      shoutSkipped("ZooKeeper")
      return undefined
    }
    return new ZooKeeperService(zookeeper.java, zookeeper.classPath, await freePort())
  }

  protected launch(): ServiceLaunch {
    mkdirSync(this.data, { recursive: true })
    const settings = [
      `dataDir=${this.data}`,
      `clientPort=${this.port}`,
      "clientPortAddress=127.0.0.1",
      "admin.enableServer=false",
    ]
    writeFileSync(join(this.folder, "zoo.cfg"), settings.join("\n"))
    const main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
    // A small heap and the quick compiler only: it starts sooner beside others.
    const parameters = ["-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", this.#classPath, main, "zoo.cfg"]
    return { command: this.#java, parameters }
  }

  /** "srvr" is the one question that every server answers without being told to. */
  protected ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port: this.port })
      let text = ""
      socket.setTimeout(2_000, () => socket.destroy(new Error("no answer to srvr")))
      socket.once("connect", () => socket.write("srvr"))
      socket.on("data", chunk => {
        text += chunk.toString()
      })
      socket.once("error", reject)
      socket.once("close", () => (/Mode:/.test(text) ? resolve() : reject(new Error(`srvr answered "${text}"`))))
    })
  }
}
