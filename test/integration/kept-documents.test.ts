/** A document that everyone has closed, and a root that is killed for good: the next one has it (DESIGN R2). */
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

async function open(role: "host" | "client", address: string | readonly string[], options: object) {
  const process = await EndpointProcess.open({ role, transport: "zmtp", address, options })
  opened.push(process)
  return process
}

const folderOf = (index: number) => join(data, `v${index}`)

describe("A tree of three voters", () => {
  it("has at its next root what a client wrote and closed before the root and its disk were lost", async () => {
    data = await mkdtemp(join(tmpdir(), "zinc-kept-"))
    const seeds = (await freePorts(3)).map(port => `tcp://127.0.0.1:${port}`)
    const voters = await Promise.all(
      seeds.map((address, index) =>
        open("host", address, { name: `v${index}`, tree: "crew", data: folderOf(index), seeds, direct: true }),
      ),
    )
    const writer = await open("client", seeds, { name: "writer", joinTimeoutMs: 20_000 })
    await writer.openDocument("plan")
    await writer.append("plan", "buy bread")
    await writer.acknowledged("plan", "rooted")
    await writer.closeDocument("plan")

    for (const each of voters) await each.kept("plan")
    // They come to vote one after the other, and two of two would miss the one that is killed.
    for (const each of voters) await each.voters(3)
    await writer.kill()

    // On a busy machine the founder may have been replaced already.
    const before = voters.map(({ events }) => events.length)
    const roles = await Promise.all(voters.map(async process => (await process.report()).role))
    const root = Math.max(0, roles.indexOf("host"))
    const survivors = voters.filter((_, index) => index !== root)
    const since = before.filter((_, index) => index !== root)
    await voters[root]!.kill()
    await rm(folderOf(root), { recursive: true })
    const next = await Promise.any(
      survivors.map(async (process, index) => {
        await process.event("role", told => told.to === "host", { after: since[index]! })
        return process
      }),
    )

    const reader = await open("client", next.address, { name: "reader", joinTimeoutMs: 20_000 })
    await reader.openDocument("plan")
    expect((await reader.document("plan")).text).toBe("buy bread")
  })
})
