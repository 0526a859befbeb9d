/** What the conformance tests of real transports share: addresses of this machine, and somebody who says nothing. */
import { rm } from "node:fs/promises"
import { createServer, type Server } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { TransportUnderTest } from "../../src/testing/index.ts"
import type { Transport } from "../../src/transport/transport.ts"

/** Two transports that meet over tcp. */
export function overTcp(host: Transport, client: Transport = host): TransportUnderTest {
  const servers: Server[] = []
  return {
    host,
    client,
    address: () => "tcp://*:0",
    // The discard port: below 1024, so nothing on a test machine is given it by chance.
    unreachable: "tcp://127.0.0.1:9",
    bad: ["tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:99999", "nothing", "gopher://a:1"],
    mute: async () => {
      const server = createServer(socket => {
        socket.on("error", () => {})
        socket.resume()
      })
      servers.push(server)
      await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve))
      return `tcp://127.0.0.1:${(server.address() as { port: number }).port}`
    },
    close: async () => {
      for (const server of servers) server.close()
    },
  }
}

let paths = 0

/** Two transports that meet at paths of their own. */
export function overIpc(host: Transport, client: Transport = host): TransportUnderTest {
  const base = join(tmpdir(), `zinc-test-${process.pid}-${++paths}`)
  const used: string[] = []
  return {
    host,
    client,
    address: () => {
      used.push(`${base}-${used.length}`)
      return `ipc://${used.at(-1)}`
    },
    unreachable: `ipc://${base}-nobody`,
    bad: ["ipc://", `ipc:///tmp/${"x".repeat(120)}`, "nothing", "gopher://a:1"],
    close: async () => {
      for (const path of used) for (const leg of ["", ".publish", ".push"]) await rm(path + leg, { force: true })
    },
  }
}
