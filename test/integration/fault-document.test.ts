/** Documents through the death of hosts and clients: what any living replica had, everyone has in the end. */
import { describe, expect, it } from "vitest"
import { hasNative } from "./harness/carriage.ts"
import type { EndpointProcess, TransportName } from "./harness/endpoint-process.ts"
import { Scene } from "./harness/scene.ts"

const name = "notes"
const reconnect = { minMs: 20, maxMs: 200 }

const transports: readonly { readonly transport: TransportName }[] = [
  { transport: "zmtp" },
  ...(hasNative ? [{ transport: "native" as const }] : []),
]

const convergenceMs = 45_000

/** All come to hold the same document. Returns its text. */
async function expectConverged(all: readonly EndpointProcess[]): Promise<string> {
  const until = performance.now() + convergenceMs
  for (;;) {
    const reports = await Promise.all(all.map(each => each.document(name)))
    const { text, version } = reports[0]!
    if (reports.every(one => one.version === version && one.state === "synchronized")) {
      for (const report of reports) expect(report.text).toBe(text)
      return text
    }
    if (performance.now() > until) {
      const seen = reports.map(({ text, version, state }) => ({ state, version, length: text.length }))
      throw new Error(`not the same within ${convergenceMs} ms: ${JSON.stringify(seen)}`)
    }
    await Promise.race(all.map((each, i) => each.documentOtherThan(name, reports[i]!)))
  }
}

/** Every mark of that writer is there once, but for those it took out, which are gone. */
function expectMarks(text: string, tag: string, edits: number): void {
  const found = [...text.matchAll(new RegExp(`<${tag} (\\d+)>`, "g"))].map(match => Number(match[1]))
  const kept = Array.from({ length: edits }, (_, i) => i + 1).filter(n => n % 5 !== 3 || n + 2 > edits)
  expect(found.sort((a, b) => a - b)).toEqual(kept)
}

describe.concurrent.each(transports)("over $transport", ({ transport }) => {
  it("no edit is lost that a living writer or replica had when the host and a writer are killed", async () => {
    await using scene = new Scene()
    const host = await scene.host(transport, { name: "hub" })
    const join = (who: string) => scene.client(transport, host.address, { name: who, reconnect })
    const [writer, mortal, reader] = await Promise.all([join("writer"), join("mortal"), join("reader")] as const)
    for (const each of [host, writer, mortal, reader]) await each.openDocument(name)
    await writer.edit(name, "w", 100)
    await mortal.edit(name, "m", 100)
    await Promise.all([reader.marks(name, "w", 50), reader.marks(name, "m", 50)])

    // A pause before the kill leaves edits under way that nobody will ever acknowledge.
    host.pause()
    const mark = await writer.document(name)
    await writer.marks(name, "w", mark.text.split("<w ").length + 20)
    await Promise.all([host.kill(), mortal.kill()])
    const survived = (await reader.document(name)).text
    const successor = await scene.host(transport, { name: "hub" }, { address: host.address })
    await Promise.all([writer.event("regenerated"), reader.event("regenerated")])
    const now = await writer.document(name)
    await writer.marks(name, "w", now.text.split("<w ").length + 50)
    const edits = await writer.stopEditing(name)
    await writer.acknowledged(name, "rooted")
    await successor.openDocument(name)
    const text = await expectConverged([writer, reader, successor])
    expectMarks(text, "w", edits)
    // Of the dead writer everything stays that the reader had.
    for (const [dead] of survived.matchAll(/<m \d+>/g)) expect(text).toContain(dead)
  })

  it("a client killed and started again has the whole document, and its old edits stay", async () => {
    await using scene = new Scene()
    const host = await scene.host(transport, { name: "hub" })
    const join = (who: string) => scene.client(transport, host.address, { name: who, reconnect })
    const [writer, victim] = await Promise.all([join("writer"), join("victim")] as const)
    for (const each of [host, writer, victim]) await each.openDocument(name)
    await writer.edit(name, "w", 100)
    await victim.edit(name, "v", 100)
    await writer.marks(name, "v", 50)
    await victim.kill()
    const survived = (await writer.document(name)).text
    const again = await join("victim")
    await again.openDocument(name)
    await again.edit(name, "x", 100)
    await writer.marks(name, "x", 50)
    const [w, x] = [await writer.stopEditing(name), await again.stopEditing(name)]
    await Promise.all([writer.acknowledged(name, "rooted"), again.acknowledged(name, "rooted")])
    const text = await expectConverged([host, writer, again])
    expectMarks(text, "w", w)
    expectMarks(text, "x", x)
    for (const [dead] of survived.matchAll(/<v \d+>/g)) expect(text).toContain(dead)
  })

  it("a client stopped for longer than the host keeps its session, or any frame, compares and is equal again", async () => {
    await using scene = new Scene()
    const host = await scene.host(transport, { name: "hub", sessionKeepMs: 1500, replay: { messages: 50 } })
    const join = (who: string) => scene.client(transport, host.address, { name: who, reconnect })
    const [writer, sleeper] = await Promise.all([join("writer"), join("sleeper")] as const)
    for (const each of [host, writer, sleeper]) await each.openDocument(name)
    await writer.edit(name, "w", 200)
    await sleeper.edit(name, "s", 100)
    await writer.marks(name, "s", 50)
    sleeper.pause()
    await host.event("left", told => (told.peer as { id: string }).id === sleeper.id)
    const now = await writer.document(name)
    await writer.marks(name, "w", now.text.split("<w ").length + 100)
    const past = sleeper.events.length
    sleeper.resume()
    await sleeper.event("joined", undefined, { after: past })
    const [w, s] = [await writer.stopEditing(name), await sleeper.stopEditing(name)]
    await Promise.all([writer.acknowledged(name, "rooted"), sleeper.acknowledged(name, "rooted")])
    const text = await expectConverged([host, writer, sleeper])
    expectMarks(text, "w", w)
    expectMarks(text, "s", s)
  })
})
