import { rm } from "node:fs/promises"
import { createServer, type Server } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, it } from "vitest"
import { transportSuite } from "../../src/testing/suites/transport-suite.ts"
import { NativeTransport } from "../../src/transport/native/index.ts"

const native = await NativeTransport.open()

/** Listens, accepts, and says nothing. */
async function mute(servers: Server[]): Promise<string> {
  const server = createServer(socket => {
    socket.on("error", () => {})
    socket.resume()
  })
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve))
  return `tcp://127.0.0.1:${(server.address() as { port: number }).port}`
}

transportSuite({
  runner: { describe, it },
  name: "native over tcp",
  hostSupports: native.supports,
  open: () => {
    const servers: Server[] = []
    return {
      host: native,
      client: native,
      address: () => "tcp://*:0",
      unreachable: "tcp://127.0.0.1:9",
      bad: ["tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:99999", "nothing", "gopher://a:1"],
      mute: () => mute(servers),
      close: async () => {
        for (const server of servers) server.close()
      },
    }
  },
})

let paths = 0

transportSuite({
  runner: { describe, it },
  name: "native over ipc",
  hostSupports: native.supports,
  open: () => {
    const base = join(tmpdir(), `zinc-native-${process.pid}-${++paths}`)
    const used: string[] = []
    return {
      host: native,
      client: native,
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
  },
})
