/** Between a relay and its host: passes everything on, until what the host publishes is held back; the rest goes on. */

import { once } from "node:events"
import { connect, createServer, type Server, type Socket } from "node:net"

/** In the READY of who subscribes. */
const subscriber = Buffer.from("Socket-Type\0\0\0\x03SUB")

export class HeldSubscription implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** The host's side of connections that subscribe. */
  readonly #published: Socket[] = []
  #address = ""

  private constructor(host: string) {
    const { hostname, port } = new URL(host.replace("tcp:", "http:"))
    this.#server = createServer(near => {
      const far = connect(Number(port), hostname)
      let said = Buffer.alloc(0)
      near.on("data", chunk => {
        if (said.length > 4096) return
        said = Buffer.concat([said, chunk])
        if (said.includes(subscriber) && !this.#published.includes(far)) this.#published.push(far)
      })
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from)
        from.pipe(to)
        from.on("error", () => to.destroy())
        from.on("close", () => to.destroy())
      }
    })
  }

  static async open(host: string): Promise<HeldSubscription> {
    const link = new HeldSubscription(host)
    link.#server.listen(0, "127.0.0.1")
    await once(link.#server, "listening")
    const { port } = link.#server.address() as { port: number }
    link.#address = `tcp://127.0.0.1:${port}`
    return link
  }

  /** To be dialled instead of the host. */
  get address(): string {
    return this.#address
  }

  /** From now on nothing that was published comes through on the connections there are. Throws when nobody has subscribed. */
  hold(): void {
    if (this.#published.length === 0) throw new Error("nobody has subscribed through this link")
    for (const far of this.#published) {
      far.unpipe()
      far.pause()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise(resolve => this.#server.close(resolve))
  }
}
