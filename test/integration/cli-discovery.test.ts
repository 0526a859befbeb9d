/** Hosts that announce themselves, and clients that were told no address, as processes. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { EtcdService } from "../service/etcd-service.ts"
import { ZooKeeperService } from "../service/zookeeper-service.ts"
import { Cli, endAll, errorOf, jsonLines, zinc } from "./cli-process.ts"

const etcd = await EtcdService.open()
const zookeeper = await ZooKeeperService.open()
beforeAll(async () => {
  await Promise.all([etcd?.start(), zookeeper?.start()])
})
afterEach(endAll)
afterAll(async () => {
  await etcd?.[Symbol.asyncDispose]()
  await zookeeper?.[Symbol.asyncDispose]()
})

async function announced(place: string, ...words: string[]): Promise<Cli> {
  const host = new Cli(["host", "tcp://127.0.0.1:0", "--announce", place, "--json", ...words])
  await host.event({ event: "announced" })
  return host
}

async function finds(place: string, host: string, ...words: string[]): Promise<void> {
  const joined = await zinc(["join", "--discover", place, "--json", "--join-timeout", "15s", ...words])
  expect(joined.stderr).toBe("")
  expect(jsonLines(joined.stdout)).toContainEqual(expect.objectContaining({ event: "joined", host }))
}

describe.skipIf(etcd === undefined || zookeeper === undefined)("zinc host --announce and zinc join --discover", () => {
  const stores = () => [`zk://${zookeeper!.address}`, `etcd://${etcd!.address}`]

  it("meet in ZooKeeper and in etcd, and keep trees apart", async () => {
    for (const place of stores()) {
      await announced(place, "--name", "hub", "--tree", "one")
      await announced(place, "--name", "other", "--tree", "two")
      await finds(place, "hub", "--tree", "one")
      await finds(place, "other", "--tree", "two")
    }
  })

  it("lets other commands find hosts the same way", async () => {
    const [place] = stores()
    const host = await announced(place!, "--name", "hub", "--tree", "sending")
    const sent = await zinc(["send", place!, "chat", "hello", "--tree", "sending", "--json"])
    expect(JSON.parse(sent.stdout)).toEqual({ sent: 1, topic: "chat", ack: "rooted" })
    host.kill("SIGTERM")
    await host.ended
  })

  it("withdraws a host that leaves, and says that nobody was found", async () => {
    for (const place of stores()) {
      const host = await announced(place, "--tree", "gone")
      host.kill("SIGTERM")
      expect((await host.ended).code).toBe(143)
      const nobody = await zinc(["join", "--discover", place, "--tree", "gone", "--join-timeout", "1s", "--json"])
      expect(nobody.code).toBe(1)
      expect(errorOf(nobody).message).toMatch(/no host of the tree "gone" was found/)
    }
  })
})

describe("zinc join --discover", () => {
  it("says what is wrong with the source", async () => {
    const away = await zinc(["join", "--discover", "etcd://127.0.0.1:1", "--join-timeout", "300ms", "--json"])
    expect(away.code).toBe(1)
    expect(errorOf(away)).toMatchObject({ code: "Unreachable", message: expect.stringContaining("was not reached") })
  })

  it("finds hosts behind a name", async () => {
    const host = new Cli(["host", "tcp://127.0.0.1:0", "--name", "hub", "--json"])
    const { addresses } = (await host.event({ event: "listening" })) as { addresses: string[] }
    await finds(`dns:localhost:${addresses[0]!.split(":").at(-1)}`, "hub")
  })

  it("takes an address or a place, not both and not neither", async () => {
    for (const words of [[], ["tcp://127.0.0.1:1", "--discover", "mdns:"], ["--discover", "tcp://127.0.0.1:1"]])
      expect((await zinc(["join", ...words])).code).toBe(2)
  })
})
