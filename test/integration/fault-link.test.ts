/** A network that goes and comes back, without a word to either side. */
import { afterAll, describe, expect, it } from "vitest"
import { hasNative } from "./harness/carriage.ts"
import type { EndpointProcess, TransportName } from "./harness/endpoint-process.ts"
import { lasting, Scene } from "./harness/scene.ts"
import { SeverableLink } from "./harness/severable-link.ts"

const link = SeverableLink.open()
afterAll(() => link?.[Symbol.dispose]())

const transports: readonly { readonly transport: TransportName }[] = [
  { transport: "zmtp" },
  ...(hasNative ? [{ transport: "native" as const }] : []),
]

async function far(scene: Scene, transport: TransportName, sessionKeepMs: number) {
  const address = `tcp://${link!.address}:0`
  const host = await scene.host(transport, { name: "hub", sessionKeepMs }, { address })
  const client = await scene.client(
    transport,
    host.address,
    { name: "far", joinTimeoutMs: 1000, reconnect: { minMs: 50, maxMs: 500 } },
    { within: link!.within },
  )
  await Promise.all([host.handle("up"), client.handle("down")])
  await host.write({ topic: "down", perSecond: 500 })
  await client.write({ topic: "up", perSecond: 500 })
  await Promise.all([host.until("up", client, 200), client.until("down", host, 200)])
  return { host, client }
}

/** Everything sent on both sides arrives, once and in order, though some of it was sent into the void. */
async function expectAll(host: EndpointProcess, client: EndpointProcess): Promise<void> {
  await Promise.all([host.wroteMore("down", 100), client.wroteMore("up", 100)])
  const [down, up] = [await host.stop("down"), await client.stop("up")]
  expect(await client.until("down", host, down.sent)).toMatchObject({ count: down.sent, again: 0, holes: [] })
  expect(await host.until("up", client, up.sent)).toMatchObject({ count: up.sent, again: 0, holes: [] })
  expect(client.eventsOf("gap")).toEqual([])
}

describe.skipIf(link === undefined).each(transports)("over $transport", ({ transport }) => {
  it("a session survives a link that is cut for a moment", async () => {
    await using scene = new Scene()
    const { host, client } = await far(scene, transport, 10_000)
    link!.cut()
    await lasting(1500)
    link!.heal()
    await expectAll(host, client)
    expect([...host.eventsOf("left"), ...client.eventsOf("left")]).toEqual([])
    expect((await client.report()).statistics).toMatchObject({ joins: 1, reconnects: 0 })
  })

  it("after a long cut the client joins again by itself, and what was sent meanwhile is repaired", async () => {
    await using scene = new Scene()
    const { host, client } = await far(scene, transport, 2500)
    link!.cut()
    await Promise.all([host.event("left"), client.event("left")])
    const before = client.events.length
    link!.heal()
    const back = await client.event("joined", undefined, { after: before })
    expect(back.resumed).toBe(false)
    await expectAll(host, client)
    expect((await client.report()).statistics).toMatchObject({ joins: 1, reconnects: 1 })
  })
})
