import { afterAll, describe, expect, it } from "vitest"
import { DnsDiscovery } from "../../src/discovery/dns/index.ts"
import { discoverySuite } from "../../src/testing/suites/discovery-suite.ts"
import { NameServer } from "../service/name-server.ts"

const a = (name: string, data: string) => ({ type: "A", name, data, ttl: 1 }) as const
const aaaa = (name: string, data: string) => ({ type: "AAAA", name, data, ttl: 1 }) as const
const srv = (name: string, priority: number, port: number, target: string) =>
  ({ type: "SRV", name, ttl: 1, data: { priority, weight: 1, port, target } }) as const

const server = await NameServer.open([
  a("hub.test", "192.0.2.2"),
  a("hub.test", "192.0.2.1"),
  aaaa("hub.test", "2001:db8::1"),
  srv("_zinc._tcp.test", 20, 7702, "backup.test"),
  srv("_zinc._tcp.test", 10, 7701, "first.test"),
  srv("_zinc._tcp.test", 30, 7703, "gone.test"),
  a("first.test", "192.0.2.11"),
  aaaa("first.test", "2001:db8::11"),
  a("backup.test", "192.0.2.12"),
])
const spare = await NameServer.open(server.answers)
afterAll(() => {
  server.close()
  spare.close()
})

const names = ["hub.test:7710", "_zinc._tcp.test", "nowhere.test"]
const hosts = [
  { addresses: ["tcp://192.0.2.1:7710"] },
  { addresses: ["tcp://192.0.2.2:7710"] },
  { addresses: ["tcp://[2001:db8::1]:7710"] },
  { addresses: ["tcp://192.0.2.11:7701", "tcp://[2001:db8::11]:7701"] },
  { addresses: ["tcp://192.0.2.12:7702"] },
]

discoverySuite({
  runner: { describe, it },
  name: "dns",
  open: tree => DnsDiscovery.open({ tree, names, servers: [server.address], refreshMs: 100 }),
  fixed: {
    hosts,
    change: async () => {
      server.answers = [a("hub.test", "192.0.2.99")]
      return [{ addresses: ["tcp://192.0.2.99:7710"] }]
    },
  },
})

describe("DnsDiscovery", () => {
  it("says so when no name server answers, and keeps what it knew for those who watch", async () => {
    const discovery = await DnsDiscovery.open({
      tree: "t",
      names: "hub.test",
      servers: [spare.address],
      refreshMs: 100,
      timeoutMs: 300,
    })
    const told: number[] = []
    discovery.watch(each => told.push(each.length))
    await expect.poll(() => told).toEqual([3])
    spare.speaks = false
    await expect(discovery.find()).rejects.toMatchObject({ code: expect.stringMatching(/Timeout|Unreachable/) })
    expect(told).toEqual([3])
    spare.speaks = true
    await expect.poll(() => discovery.find().catch(() => [])).toHaveLength(3)
    await discovery.close()
  })

  it("resolves names as this machine does", async () => {
    const discovery = await DnsDiscovery.open({ tree: "t", names: "localhost:7711" })
    const found = await discovery.find()
    expect(found.flatMap(each => each.addresses)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^tcp:\/\/(127\.0\.0\.1|\[::1\]):7711$/)]),
    )
    await discovery.close()
  })

  it("refuses what is no name", async () => {
    for (const bad of ["", "a b", "tcp://hub:7700", "hub:99999", "_zinc._tcp.test:7700"])
      await expect(DnsDiscovery.open({ tree: "t", names: bad })).rejects.toMatchObject({ code: "BadAddress" })
  })
})
