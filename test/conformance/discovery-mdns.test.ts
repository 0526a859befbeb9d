import { createSocket } from "node:dgram"
import multicastDns from "multicast-dns"
import { afterAll, describe, it } from "vitest"
import { MdnsDiscovery } from "../../src/discovery/mdns/index.ts"
import { instanceOf } from "../../src/discovery/mdns/service-record.ts"
import { discoverySuite } from "../../src/testing/suites/discovery-suite.ts"

const network = "127.0.0.1"
const port = await freeUdpPort()
const wire = multicastDns({ port, interface: network, bind: "0.0.0.0" })
await new Promise(resolve => wire.once("ready", resolve))
const multicast = await hearsItself()
afterAll(() => wire.destroy())

describe.skipIf(!multicast)("with multicast", () => {
  discoverySuite({
    runner: { describe, it },
    name: "mdns",
    open: tree => MdnsDiscovery.open({ tree, network, port, waitMs: 300 }),
    // Packets of more at once than a socket's buffer takes get lost, and are only repeated when somebody asks.
    many: 100,
    put: async (_tree, id, bytes) =>
      wire.respond({
        answers: [{ type: "TXT", name: instanceOf(id), ttl: 120, data: [Buffer.from(bytes.subarray(0, 255))] }],
      }),
  })
})

/** Some machines and containers carry no multicast. */
async function hearsItself(): Promise<boolean> {
  const heard = new Promise<boolean>(resolve => {
    const timer = setTimeout(() => resolve(false), 3_000)
    wire.on("query", () => {
      clearTimeout(timer)
      resolve(true)
    })
  })
  wire.query({ questions: [{ name: "probe.local", type: "A" }] })
  const result = await heard
  if (!result) console.log("\n!!! this machine carries no multicast: tests of mDNS are SKIPPED\n")
  return result
}

function freeUdpPort(): Promise<number> {
  return new Promise(resolve => {
    const socket = createSocket("udp4")
    socket.bind(0, () => {
      const { port: free } = socket.address()
      socket.close(() => resolve(free))
    })
  })
}
