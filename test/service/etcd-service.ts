/** An etcd server with its default times. */
import { join } from "node:path"
import { freePort } from "../../scripts/free-port.mjs"
import { type ServiceLaunch, ServiceProcess, services, shoutSkipped } from "./service-process.ts"

export class EtcdService extends ServiceProcess {
  protected readonly data: string
  readonly #etcd: string
  readonly #peerPort: number

  private constructor(etcd: string, port: number, peerPort: number) {
    super("etcd", port)
    this.#etcd = etcd
    this.#peerPort = peerPort
    this.data = join(this.folder, "data")
  }

  /** Not started yet: a run that leaves all its tests out must not leave a server behind. Undefined where there is no etcd; that is said loudly. */
  static async open(): Promise<EtcdService | undefined> {
    const { etcd } = services()
    if (etcd === undefined) {
      shoutSkipped("etcd")
      return undefined
    }
    return new EtcdService(etcd, await freePort(), await freePort())
  }

  protected launch(): ServiceLaunch {
    const client = `http://${this.address}`
    const peer = `http://127.0.0.1:${this.#peerPort}`
    const parameters = [
      ["--name", "test"],
      ["--data-dir", this.data],
      ["--listen-client-urls", client],
      ["--advertise-client-urls", client],
      ["--listen-peer-urls", peer],
      ["--initial-advertise-peer-urls", peer],
      ["--initial-cluster", `test=${peer}`],
      ["--log-level", "warn"],
    ].flat()
    return { command: this.#etcd, parameters }
  }

  protected async ready(): Promise<void> {
    await this.ask("/v3/kv/range", { key: "YQ==" })
  }

  /** Straight to the server, past everything of ours. */
  async ask(path: string, body: unknown): Promise<Record<string, unknown>> {
    const response = await fetch(`http://${this.address}${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(5_000),
    })
    const answer = (await response.json()) as Record<string, unknown>
    if (!response.ok) throw new Error(JSON.stringify(answer))
    return answer
  }
}
