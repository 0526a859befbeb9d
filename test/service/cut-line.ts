/** A line to a server that can be cut: octets stop both ways, connections stay, and new ones are taken and lead nowhere. */
import { connect, createServer, type Server, type Socket } from "node:net"

export class CutLine {
  readonly #server: Server
  readonly #pairs = new Set<readonly [near: Socket, far: Socket]>()
  readonly #stranded = new Set<Socket>()
  readonly #farPort: number
  #whole = true

  private constructor(server: Server, farPort: number) {
    this.#server = server
    this.#farPort = farPort
    server.on("connection", near => this.#take(near))
  }

  static async open(farPort: number): Promise<CutLine> {
    const server = createServer()
    const line = new CutLine(server, farPort)
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject)
      server.listen(0, "127.0.0.1", resolve)
    })
    return line
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as { port: number }).port}`
  }

  cut(): void {
    this.#whole = false
    for (const pair of this.#pairs) for (const socket of pair) socket.unpipe().pause()
  }

  heal(): void {
    this.#whole = true
    for (const [near, far] of this.#pairs) this.#join(near, far)
    for (const near of this.#stranded) this.#bridge(near)
    this.#stranded.clear()
  }

  async close(): Promise<void> {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy()
    for (const socket of this.#stranded) socket.destroy()
    await new Promise<void>(resolve => this.#server.close(() => resolve()))
  }

  #take(near: Socket): void {
    near.on("error", () => near.destroy())
    if (this.#whole) {
      this.#bridge(near)
      return
    }
    this.#stranded.add(near)
    near.once("close", () => {
      this.#stranded.delete(near)
    })
  }

  #bridge(near: Socket): void {
    const far = connect({ host: "127.0.0.1", port: this.#farPort })
    const pair = [near, far] as const
    this.#pairs.add(pair)
    const end = () => {
      this.#pairs.delete(pair)
      near.destroy()
      far.destroy()
    }
    for (const socket of pair) {
      socket.on("error", end)
      socket.on("close", end)
    }
    this.#join(near, far)
  }

  #join(near: Socket, far: Socket): void {
    near.pipe(far)
    far.pipe(near)
  }
}
