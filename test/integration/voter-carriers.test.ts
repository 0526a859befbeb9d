/** Voters over everything that hosts listen at: the root is killed, and another takes its place (DESIGN §8). */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { freePorts } from "../../scripts/free-port.mjs"
import { toZ85 } from "../../src/core/z85.ts"
import { makeKeyPair } from "../../src/zmtp/index.ts"
import { EndpointProcess, type Opening } from "./harness/endpoint-process.ts"

const opened: EndpointProcess[] = []
let folder = ""

afterEach(async () => {
  await Promise.all(opened.splice(0).map(process => process.kill()))
  await rm(folder, { recursive: true, force: true })
})

async function open(opening: Opening): Promise<EndpointProcess> {
  const process = await EndpointProcess.open(opening)
  opened.push(process)
  return process
}

const carriers = ["ipc", "ws", "CURVE"] as const

async function seedsOver(carrier: (typeof carriers)[number]): Promise<string[]> {
  if (carrier === "ipc") return [0, 1, 2].map(index => `ipc://${join(folder, `s${index}`)}`)
  const scheme = carrier === "ws" ? "ws" : "tcp"
  return (await freePorts(3)).map(port => `${scheme}://127.0.0.1:${port}`)
}

describe.each(carriers)("Three voters over %s", carrier => {
  it("have another root when theirs is killed, and go on with the order", async () => {
    folder = await mkdtemp(join(tmpdir(), "zinc-voters-"))
    const hosts = makeKeyPair()
    const secured = (secretKey: Uint8Array) =>
      carrier === "CURVE" ? { curve: { secretKey: toZ85(secretKey), serverKey: toZ85(hosts.publicKey) } } : {}
    const seeds = await seedsOver(carrier)
    const voters = await Promise.all(
      seeds.map((address, index) =>
        open({
          role: "host",
          transport: "zmtp",
          address,
          options: { name: `v${index}`, tree: "crew", data: join(folder, `v${index}`), seeds, direct: true },
          ...secured(hosts.secretKey),
        }),
      ),
    )
    const clients = await Promise.all(
      [1, 2].map(at =>
        open({
          role: "client",
          transport: "zmtp",
          address: [...seeds.slice(at), ...seeds.slice(0, at)],
          options: { name: `c${at}`, joinTimeoutMs: 20_000 },
          ...secured(makeKeyPair().secretKey),
        }),
      ),
    )
    for (const each of clients) await each.handle("t")
    for (const each of clients) await each.write({ topic: "t", perSecond: 50, route: "ordered", ack: true })
    for (const each of clients) await each.wroteMore("t", 10)

    // On a busy machine the founder may have been replaced already.
    const roles = await Promise.all(voters.map(async process => (await process.report()).role))
    const root = Math.max(0, roles.indexOf("host"))
    const survivors = voters.filter((_, index) => index !== root)
    const since = survivors.map(({ events }) => events.length)
    await voters[root]!.kill()
    await Promise.any(
      survivors.map((process, index) => process.event("role", told => told.to === "host", { after: since[index]! })),
    )
    for (const each of clients) await each.wroteMore("t", 20)

    for (const each of clients) await each.stop("t")
    await Promise.all(clients.map(each => each.flushed()))
    const [one, other] = clients as [EndpointProcess, EndpointProcess]
    const sent = await Promise.all(clients.map(each => each.writing("t")))
    await other.until("t", one, sent[0]!.rooted)
    await one.until("t", other, sent[1]!.rooted)
    for (const each of clients) expect(each.eventsOf("gap")).toEqual([])
    const numbers = (await Promise.all(clients.map(each => each.orders("t")))).flat().map(([number]) => number)
    const all = sent.reduce((sum, { sent: last, refused }) => sum + last - refused, 0)
    expect([...new Set(numbers)].sort((a, b) => a - b)).toEqual(Array.from({ length: all }, (_, i) => i + 1))
  })
})
