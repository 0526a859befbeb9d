/** Opens endpoints in processes and sees to it that none outlives its test. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { EndpointProcess, type Opening, type TransportName } from "./endpoint-process.ts"

type HostOpening = Extract<Opening, { role: "host" }>
type ClientOpening = Extract<Opening, { role: "client" }>

export class Scene implements AsyncDisposable {
  readonly #endpoints: EndpointProcess[] = []
  readonly #folder = mkdtempSync(join(tmpdir(), "zinc-fault-"))
  #sockets = 0

  async host(
    transport: TransportName,
    options: HostOpening["options"] = {},
    more: Partial<Pick<HostOpening, "address" | "token" | "within">> = {},
  ): Promise<EndpointProcess> {
    return this.#open({ role: "host", transport, address: "tcp://127.0.0.1:0", options, ...more })
  }

  async client(
    transport: TransportName,
    address: string,
    options: ClientOpening["options"] = {},
    more: Partial<Pick<ClientOpening, "within">> = {},
  ): Promise<EndpointProcess> {
    return this.#open({ role: "client", transport, address, options, ...more })
  }

  async #open(opening: Opening): Promise<EndpointProcess> {
    const endpoint = await EndpointProcess.open(opening)
    this.#endpoints.push(endpoint)
    return endpoint
  }

  /** An address to listen on: a free port, or a new path. */
  listen(scheme: "tcp" | "ipc"): string {
    return scheme === "tcp" ? "tcp://127.0.0.1:0" : `ipc://${join(this.#folder, `${++this.#sockets}.sock`)}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#endpoints.map(endpoint => endpoint.kill()))
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** Resolves after that long: how long a fault lasts, never how long to wait for its end. */
export function lasting(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds))
}
