/** Opening and closing documents at awkward moments, over whole endpoints on virtual time. */
import { afterEach, describe, expect, it } from "vitest"
import { equalBytes } from "../../src/core/bytes.ts"
import { type DocumentOptions, DocumentService } from "../../src/document/document-service.ts"
import { type TextDocument, text } from "../../src/document/yjs/text.ts"
import { yjs } from "../../src/document/yjs/yjs.ts"
import { MemoryStorage } from "../../src/storage/memory/index.ts"
import { World } from "../../src/testing/simulation/index.ts"

const ended: (() => void)[] = []
afterEach(() => {
  for (const end of ended.splice(0)) end()
})

async function scene(names: readonly string[], options: DocumentOptions = {}) {
  const world = new World({ seed: 7 })
  const open = async (name: string, role: "host" | "client") => {
    const opening =
      role === "host" ? world.host(name) : world.join(name, "hub", { reconnect: { minMs: 20, maxMs: 100 } })
    const life = await world.until(opening)
    const service = new DocumentService(life.endpoint!.documentPort, { idleStorage: new MemoryStorage(), ...options })
    ended.push(() => {
      service.abort()
      life.endpoint!.abort()
    })
    return service
  }
  const host = await open("hub", "host")
  const clients: DocumentService[] = []
  for (const name of names) clients.push(await open(name, "client"))
  return { world, host, clients }
}

function expectEqual(...documents: TextDocument[]): void {
  for (const document of documents) {
    expect(document.state).toBe("synchronized")
    expect(document.toString() === documents[0]!.toString()).toBe(true)
    expect(equalBytes(document.version(), documents[0]!.version())).toBe(true)
  }
}

describe("Following documents", () => {
  it("goes on when a document is closed and opened again in one tick, many times", async () => {
    const { world, host, clients } = await scene(["a", "b"])
    const mine = await host.open("notes", text)
    let theirs = await world.until(clients[0]!.open("notes", text))
    const other = await world.until(clients[1]!.open("notes", text))
    for (let i = 0; i < 10; i++) {
      theirs.insert(0, `${i} `)
      const closing = theirs.close()
      const opening = clients[0]!.open("notes", text)
      other.insert(other.length, "!")
      await world.until(closing)
      theirs = await world.until(opening)
      await world.run(i * 7)
    }
    await world.run(500)
    expect(mine.length).toBe(30)
    expectEqual(mine, theirs, other)
  })

  it("begins anew when a document is closed and opened again in the middle of its transfer", async () => {
    const { world, host, clients } = await scene(["a"])
    const mine = await host.open("large", text)
    mine.insert(0, "x".repeat(2_000_000))
    world.network.slow("a", 2_000_000)
    for (const ms of [1, 150, 400, 700]) {
      const leaving = new AbortController()
      const first = clients[0]!.open("large", text, { signal: leaving.signal })
      const aborted = expect(first).rejects.toMatchObject({ code: "Aborted" })
      await world.run(ms)
      leaving.abort()
      const second = clients[0]!.open("large", text)
      mine.insert(0, "y")
      await aborted
      const theirs = await world.until(second, 20_000)
      await world.run(500)
      expectEqual(mine, theirs)
      await world.until(theirs.close())
      expect(clients[0]!.documents).toHaveLength(0)
    }
  })

  it("opens and closes across a lost link", async () => {
    const { world, host, clients } = await scene(["a", "b"])
    const mine = await host.open("notes", text)
    const other = await world.until(clients[1]!.open("notes", text))
    world.network.cut("a", "hub")
    const opening = clients[0]!.open("notes", text)
    const theirs = await world.until(opening)
    theirs.insert(0, "after the cut ")
    // Closed in the middle of the exchange that follows another cut: what is pending is handed on first.
    for (const ms of [0, 5, 30, 60]) {
      const again = await world.until(clients[0]!.open("notes", text))
      again.insert(0, `${ms} `)
      world.network.cut("a", "hub")
      await world.run(ms)
      await world.until(again.close())
    }
    await world.until(theirs.close())
    expect(clients[0]!.documents).toHaveLength(0)
    await world.run(3_000)
    expect(mine.toString().split(" ").sort().join(" ")).toBe(
      [..."after the cut 0 5 30 60 ".split(" ")].sort().join(" "),
    )
    expectEqual(mine, other)
  })

  it("tells what type a document is to whoever takes it for another", async () => {
    const { world, host, clients } = await scene(["a", "b"])
    await world.until(clients[0]!.open("notes", text))
    await expect(clients[0]!.open("notes", yjs)).rejects.toMatchObject({
      code: "TypeMismatch",
      message: 'document "notes" is of type "text", not "yjs"; open it as that',
    })
    const wrong = expect(world.until(clients[1]!.open("notes", yjs))).rejects.toMatchObject({
      code: "TypeMismatch",
      message: expect.stringContaining('"text", not "yjs"'),
    })
    await wrong
    const right = await world.until(clients[1]!.open("notes", text))
    expect(right.synchronized).toBe(true)
    expect(host.documents).toHaveLength(1)
  })

  it("opens a thousand documents at once, keeps them equal, and lets them go", async () => {
    const { world, host, clients } = await scene(["a"], { keepIdleMs: 5_000 })
    const names = Array.from({ length: 1_000 }, (_, i) => `document ${i}`)
    const all = await world.until(Promise.all(names.map(name => clients[0]!.open(name, text))), 30_000)
    for (const [i, document] of all.entries()) document.insert(0, `${i}`)
    await world.until(Promise.all(all.map(document => document.acknowledged("rooted"))))
    expect(host.documents).toHaveLength(1_000)
    const held = new Map(host.documents.map(sync => [sync.name, sync.replica.version()]))
    for (const document of all) expect(equalBytes(document.version(), held.get(document.name)!)).toBe(true)
    await world.until(Promise.all(all.map(document => document.close())))
    await world.run(15_000)
    expect(host.documents).toHaveLength(0)
    expect(clients[0]!.documents).toHaveLength(0)
    const again = await world.until(clients[0]!.open("document 77", text))
    expect(again.toString()).toBe("77")
  })
})
