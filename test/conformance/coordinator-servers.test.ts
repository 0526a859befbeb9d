/** Several servers of which some are away, and stores that ask who we are. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { freePort } from "../../scripts/free-port.mjs"
import { EtcdCoordinator } from "../../src/coordination/etcd/index.ts"
import type { RootRecord } from "../../src/coordination/index.ts"
import { ZooKeeperCoordinator } from "../../src/coordination/zookeeper/index.ts"
import { EtcdDiscovery } from "../../src/discovery/etcd/index.ts"
import { ZooKeeperDiscovery } from "../../src/discovery/zookeeper/index.ts"
import { CutLine } from "../service/cut-line.ts"
import { EtcdService } from "../service/etcd-service.ts"
import { ZooKeeperService } from "../service/zookeeper-service.ts"

const etcd = await EtcdService.open()
const zookeeper = await ZooKeeperService.open()
const times = { silenceMs: 400, timeoutMs: 8_000 }
const id = "00000000-0000-4000-8000-000000000001"
const opened: AsyncDisposable[] = []
const owned = <T extends AsyncDisposable>(each: T): T => {
  opened.push(each)
  return each
}
beforeAll(async () => {
  await Promise.all([etcd?.start(), zookeeper?.start()])
})
afterAll(async () => {
  for (const each of opened) await each[Symbol.asyncDispose]()
  await etcd?.[Symbol.asyncDispose]()
  await zookeeper?.[Symbol.asyncDispose]()
})

function record(tree: string): RootRecord {
  return { tree, generation: id, revision: 1, epoch: 1, root: { voterId: id, addresses: ["tcp://a:1"] }, voters: [] }
}

/** A server that is not there, one that takes connections and says nothing, and the real one. */
async function servers(port: number): Promise<string[]> {
  const mute = await CutLine.open(port)
  mute.cut()
  opened.push({ [Symbol.asyncDispose]: () => mute.close() })
  return [`127.0.0.1:${await freePort()}`, mute.address, `127.0.0.1:${port}`]
}

describe.skipIf(zookeeper === undefined)("ZooKeeperCoordinator", () => {
  it("finds the one server of several that answers", async () => {
    const list = await servers(zookeeper!.port)
    const tree = "several"
    for (let i = 0; i < 4; i++) {
      const coordinator = owned(await ZooKeeperCoordinator.open({ tree, servers: list, ...times }))
      expect(await coordinator.read()).toBe(undefined)
    }
  })

  it("keeps a record for those who know the password", async () => {
    const open = (credentials?: string) =>
      ZooKeeperCoordinator.open({
        tree: "guarded",
        root: "/guarded",
        servers: zookeeper!.address,
        ...times,
        ...(credentials === undefined ? {} : { credentials }),
      }).then(owned)
    const [member, stranger, imposter] = [await open("zinc:secret"), await open(), await open("zinc:guess")]
    const held = await member.compareAndSet(undefined, record("guarded"))
    expect(await (await open("zinc:secret")).read()).toEqual(held)
    for (const other of [stranger, imposter]) {
      await expect(other.read()).rejects.toMatchObject({ code: "Unauthorized" })
      await expect(other.compareAndSet(held, { ...record("guarded"), epoch: 2 })).rejects.toMatchObject({
        code: "Unauthorized",
      })
    }
    const host = { id, name: "hub", addresses: ["tcp://a:1"] }
    const discovery = owned(
      await ZooKeeperDiscovery.open({ tree: "guarded", root: "/guarded", servers: zookeeper!.address, ...times }),
    )
    await expect(discovery.announce(host)).rejects.toMatchObject({ code: "Unauthorized" })
    expect(await member.read()).toEqual(held)
  })
})

describe.skipIf(etcd === undefined)("EtcdCoordinator", () => {
  it("finds the one server of several that answers", async () => {
    const list = await servers(etcd!.port)
    for (let i = 0; i < 4; i++) {
      const coordinator = owned(await EtcdCoordinator.open({ tree: "several", servers: list, ...times }))
      expect(await coordinator.read()).toBe(undefined)
    }
  })

  // The last one of this server: from here on it asks everybody.
  it("keeps a record for those who know the password", async () => {
    await etcd!.ask("/v3/auth/user/add", { name: "root", password: "secret" })
    await etcd!.ask("/v3/auth/user/add", { name: "guest", password: "guest" })
    await etcd!.ask("/v3/auth/role/add", { name: "root" })
    await etcd!.ask("/v3/auth/user/grant", { user: "root", role: "root" })
    await etcd!.ask("/v3/auth/enable", {})
    const open = (credentials?: string) =>
      EtcdCoordinator.open({
        tree: "guarded",
        servers: etcd!.address,
        ...times,
        ...(credentials === undefined ? {} : { credentials }),
      }).then(owned)
    const member = await open("root:secret")
    const held = await member.compareAndSet(undefined, record("guarded"))
    expect(await member.read()).toEqual(held)
    for (const other of [await open(), await open("root:guess"), await open("guest:guest")]) {
      await expect(other.read()).rejects.toMatchObject({ code: "Unauthorized" })
      await expect(other.compareAndSet(held, { ...record("guarded"), epoch: 2 })).rejects.toMatchObject({
        code: "Unauthorized",
      })
    }
    const host = { id, name: "hub", addresses: ["tcp://a:1"] }
    const [mine, theirs] = [
      owned(
        await EtcdDiscovery.open({ tree: "guarded", servers: etcd!.address, credentials: "root:secret", ...times }),
      ),
      owned(await EtcdDiscovery.open({ tree: "guarded", servers: etcd!.address, ...times })),
    ]
    await mine.announce(host)
    expect(await mine.find()).toEqual([host])
    await expect(theirs.find()).rejects.toMatchObject({ code: "Unauthorized" })
    await expect(theirs.announce(host)).rejects.toMatchObject({ code: "Unauthorized" })
  })
})
