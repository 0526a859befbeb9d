/** Announcing, finding, watching. */
import assert from "node:assert/strict"
import { utf8 } from "../../../core/bytes.ts"
import { newEndpointId } from "../../../core/id.ts"
import { SeededRandom, systemRandom } from "../../../core/random.ts"
import { encodeHostRecord } from "../../../discovery/host-record.ts"
import { hasCode } from "../coordinator/scene.ts"
import type { DiscoverySuiteOptions } from "./options.ts"
import { type HostSceneTest, inOrder, patienceMs } from "./scene.ts"

export function announcementTests(test: HostSceneTest, options: DiscoverySuiteOptions): void {
  test("finds nobody where nobody is, and tells a watcher so", async scene => {
    const discovery = await scene.open()
    assert.deepEqual(await discovery.find(), [])
    await scene.sights(discovery).see()
  })

  test("finds what was announced, all of what it said", async scene => {
    const [one, other] = [await scene.open(), await scene.open()]
    const full = scene.host("hüb", {
      generation: "00000000-0000-4000-8000-00000000000d",
      epoch: 0xffff_ffff,
      depth: 0,
      free: 12,
    })
    const plain = scene.host("plain")
    await one.announce(full)
    await one.announce(plain)
    await scene.finds(other, [full, plain])
    await scene.finds(one, [full, plain])
    assert.deepEqual(await other.find(), inOrder([full, plain]), "not in the order of ids")
  })

  test("tells a watcher who comes, changes and goes", async scene => {
    const [one, other] = [await scene.open(), await scene.open()]
    const sights = scene.sights(other)
    await sights.see()
    const hub = scene.host("hub")
    const announcement = await one.announce(hub)
    await sights.see(hub)
    const second = scene.host("second")
    const others = await one.announce(second)
    await sights.see(hub, second)
    const fuller = { ...hub, free: 3 }
    announcement.update(fuller)
    await sights.see(fuller, second)
    await others.withdraw()
    await sights.see(fuller)
    await announcement.withdraw()
    await announcement.withdraw()
    await sights.see()
    const late = scene.sights(one)
    await late.see()
  })

  test("ends announcements with the discovery that made them", async scene => {
    const [one, other] = [await scene.open(), await scene.open()]
    const [hub, second] = [scene.host("hub"), scene.host("second")]
    await one.announce(hub)
    await other.announce(second)
    const sights = scene.sights(other)
    await sights.see(hub, second)
    await one.close()
    await sights.see(second)
  })

  test("takes a second announcement of an id for news of the same host", async scene => {
    const discovery = await scene.open()
    const hub = scene.host("hub")
    await discovery.announce(hub)
    await discovery.announce({ ...hub, name: "renamed" })
    await scene.sights(discovery).see({ ...hub, name: "renamed" })
  })

  test("keeps trees apart", async scene => {
    const mine = await scene.open()
    const others = await scene.open(`${scene.tree}x`)
    const [here, there] = [scene.host("here"), scene.host("there")]
    await mine.announce(here)
    await others.announce(there)
    const sights = scene.sights(mine)
    await sights.see(here)
    await scene.finds(mine, [here])
    await scene.finds(others, [there])
    assert.ok(sights.all.flat().every(host => host.id === here.id))
  })

  const many = options.many ?? 1_000
  test(`finds ${many} hosts`, async scene => {
    const [one, other] = [await scene.open(), await scene.open()]
    const sights = scene.sights(other)
    const hosts = Array.from({ length: many }, (_, i) => scene.host(`host ${i}`))
    await Promise.all(hosts.map(host => announcedSurely(one, host)))
    await scene.until(`a watcher to see ${many} hosts`, () => sights.last?.length === many)
    assert.deepEqual(inOrder(sights.last!), inOrder(hosts))
    await scene.finds(other, hosts)
  })

  test("refuses to announce what is out of bounds", async scene => {
    const discovery = await scene.open()
    for (const changes of [
      { id: "x" },
      { name: "" },
      { name: "x".repeat(65) },
      { addresses: [] },
      { addresses: new Array(9).fill("tcp://a:1") },
      { addresses: ["not an address"] },
      { addresses: [`tcp://${"a".repeat(300)}:1`] },
      { epoch: -1 },
      { free: 1.5 },
    ]) {
      await assert.rejects(discovery.announce(scene.host("hub", changes)), hasCode("BadOption"))
    }
  })

  const { put } = options
  if (put !== undefined) {
    test("skips and counts what is no record, and finds the others", async scene => {
      const discovery = await scene.open()
      const hub = scene.host("hub")
      await discovery.announce(hub)
      const sights = scene.sights(discovery)
      await sights.see(hub)
      const own = newEndpointId(systemRandom)
      const garbage: Uint8Array[] = [
        new SeededRandom(1).bytes(200),
        utf8("hello"),
        utf8("[]"),
        utf8("null"),
        utf8(`${"[".repeat(2_000)}`),
        utf8("x".repeat(9_000)),
        encodeHostRecord("another tree", scene.host("lost")),
        encodeHostRecord(scene.tree, scene.host("under a wrong id")),
        utf8(JSON.stringify({ zinc: 2, tree: scene.tree, id: own, name: "later", addresses: ["tcp://a:1"] })),
      ]
      for (const [i, bytes] of garbage.entries()) {
        const id = newEndpointId(new SeededRandom(i))
        await put(scene.tree, id, bytes)
      }
      await scene.until("all garbage to be counted", () => discovery.statistics.refused >= garbage.length)
      const last = scene.host("last")
      await discovery.announce(last)
      await sights.see(hub, last)
      await scene.finds(discovery, [hub, last])
    })
  }
}

/** Announcing a thousand at once may take longer than one call may. */
async function announcedSurely(
  discovery: Awaited<ReturnType<DiscoverySuiteOptions["open"]>>,
  host: Parameters<typeof discovery.announce>[0],
): Promise<void> {
  const endAt = performance.now() + patienceMs
  for (;;) {
    try {
      await discovery.announce(host)
      return
    } catch (error) {
      hasCode("Timeout", "Unreachable")(error)
      if (performance.now() > endAt) throw error
    }
  }
}
