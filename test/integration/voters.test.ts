/** Three voters and their clients as processes: the root is killed under load, another takes its place (DESIGN §8). */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { freePorts } from "../../scripts/free-port.mjs"
import { EndpointProcess } from "./harness/endpoint-process.ts"

const opened: EndpointProcess[] = []
let data = ""

afterEach(async () => {
  await Promise.all(opened.splice(0).map(process => process.kill()))
  await rm(data, { recursive: true, force: true })
})

async function voter(seeds: readonly string[], index: number): Promise<EndpointProcess> {
  const process = await EndpointProcess.open({
    role: "host",
    transport: "zmtp",
    address: seeds[index]!,
    options: { name: `v${index}`, tree: "crew", data: join(data, `v${index}`), seeds, direct: true },
  })
  opened.push(process)
  return process
}

async function client(addresses: readonly string[], name: string): Promise<EndpointProcess> {
  const process = await EndpointProcess.open({
    role: "client",
    transport: "zmtp",
    address: addresses,
    options: { name, joinTimeoutMs: 20_000 },
  })
  opened.push(process)
  return process
}

describe("A tree of three voters", () => {
  it("goes on when its root is killed: same order for all, no hole, nothing twice; who was killed comes back", async () => {
    data = await mkdtemp(join(tmpdir(), "zinc-voters-"))
    const seeds = (await freePorts(3)).map(port => `tcp://127.0.0.1:${port}`)
    const voters = await Promise.all([0, 1, 2].map(index => voter(seeds, index)))

    const around = (first: number) => [...seeds.slice(first), ...seeds.slice(0, first)]
    const clients = await Promise.all([0, 0, 1, 2].map((at, index) => client(around(at), `c${index}`)))
    for (const each of clients) await each.handle("t")
    for (const each of clients) await each.write({ topic: "t", perSecond: 50, route: "ordered", ack: true })
    for (const each of clients) await each.wroteMore("t", 30)

    // On a busy machine the founder may have been replaced already.
    const roles = await Promise.all(voters.map(async process => (await process.report()).role))
    const root = Math.max(0, roles.indexOf("host"))
    const survivors = voters.filter((_, index) => index !== root)
    const since = survivors.map(({ events }) => events.length)
    await voters[root]!.kill()
    await Promise.any(
      survivors.map((process, index) => process.event("role", told => told.to === "host", { after: since[index]! })),
    )
    for (const each of clients) await each.wroteMore("t", 50)

    const back = await voter(seeds, root)
    expect((await back.report()).state).toBe("open")
    for (const each of clients) await each.wroteMore("t", 20)

    for (const each of clients) await each.stop("t")
    await Promise.all(clients.map(each => each.flushed()))
    const sent = await Promise.all(clients.map(each => each.writing("t")))
    for (const [from, { rooted: last }] of sent.entries())
      for (const to of clients) if (to !== clients[from]) await to.until("t", clients[from]!, last)

    const order = new Map<number, string>()
    for (const each of clients) {
      const heard = await each.orders("t")
      expect(each.eventsOf("gap")).toEqual([])
      const numbers = heard.map(([number]) => number)
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
      expect(new Set(heard.map(([, origin, n]) => `${origin} ${n}`)).size).toBe(heard.length)
      for (const [number, origin, n] of heard) {
        expect([number, order.get(number) ?? `${origin} ${n}`]).toEqual([number, `${origin} ${n}`])
        order.set(number, `${origin} ${n}`)
      }
    }
    const all = sent.reduce((sum, { sent: last, refused }) => sum + last - refused, 0)
    expect(order.size).toBe(all)
    expect(Math.max(...order.keys())).toBe(all)
  })
})
