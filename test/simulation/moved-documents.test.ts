/** A client that its host sends below a relay takes its documents along (decision 141): they count there, and no more here. */
import { afterEach, describe, expect, it } from "vitest"
import { DocumentService } from "../../src/document/document-service.ts"
import { type YjsDocument, yjs } from "../../src/document/yjs/yjs.ts"
import { type Life, World } from "../../src/testing/simulation/index.ts"

const ended: (() => void)[] = []
afterEach(() => {
  for (const end of ended.splice(0)) end()
})

const names = ["p", "q", "s", "t"] as const

/** A root that wants two clients and has four, each with the same document open. At `strict` each may have one only. */
async function crowd(seed: number, strict: "root" | "relay") {
  const world = new World({ seed })
  const services = new Map<string, DocumentService>()
  const settle = async (opening: Promise<Life>) => {
    const life = await world.until(opening)
    const service = new DocumentService(
      life.endpoint!.documentPort,
      life.name === strict ? { maxDocumentsPerClient: 1 } : {},
    )
    services.set(life.name, service)
    ended.push(() => {
      service.abort()
      life.endpoint?.abort()
    })
    return life
  }
  const root = await settle(world.host("root", { fanOut: 2 }))
  const lives: Life[] = []
  const documents: YjsDocument[] = []
  for (const name of names) {
    lives.push(await settle(world.join(name, "root", { reconnect: { minMs: 20, maxMs: 200 } })))
    documents.push(await world.until(services.get(name)!.open("minutes", yjs)))
  }
  const openRelay = () => settle(world.relay("relay", "root", { fanOut: 8 }))
  return { world, root, lives, documents, services, openRelay }
}

const textOf = ({ doc }: YjsDocument) => doc.getText("text").toString()

describe("A client that moves to a relay", () => {
  it.each([1, 2, 3])("has its documents open there and loses no edit of the meantime: seed %i", async seed => {
    const { world, root, lives, documents, services, openRelay } = await crowd(seed, "relay")
    const moved = new Set<string>()
    for (const { name, endpoint } of lives) endpoint!.on("moved", () => void moved.add(name))
    let edits = 0
    const editing = world.clock.every(20, () => {
      const each = documents[edits % documents.length]!
      each.doc.getText("text").insert(textOf(each).length, `<${++edits}>`)
    })
    const relay = await openRelay()
    const size = () => root.endpoint!.peers.filter(({ role }) => role === "client").length
    for (let ms = 0; ms < 30_000 && size() > 2; ms += 100) await world.run(100)
    editing.cancel()
    await world.run(3_000)
    expect([size(), moved.size]).toEqual([2, 3])

    const [all] = documents.map(textOf)
    for (let n = 1; n <= edits; n++) expect(all).toContain(`<${n}>`)
    for (const document of documents) expect(textOf(document)).toBe(all)

    // It counts at the relay: there is no room for a second one, until the first is closed.
    const [mover] = [...moved]
    expect(lives.find(({ name }) => name === mover)!.endpoint!.path).toContain(relay.endpoint!.id)
    const own = services.get(mover!)!
    const second = own.open("second", yjs).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(await world.until(second)).toMatchObject({
      code: "Full",
      message: expect.stringMatching(/^the host refuses document "second": you have 1 documents open here/),
    })
    const at = lives.findIndex(({ name }) => name === mover)
    await world.until(documents[at]!.close())
    await world.run(1_000)
    expect((await world.until(own.open("second", yjs))).synchronized).toBe(true)
  })

  it.each([1, 2, 3])("has nothing open any more at the host it left: seed %i", async seed => {
    const { world, root, lives, documents, services, openRelay } = await crowd(seed, "root")
    const relay = await openRelay()
    const below = () => lives.filter(({ endpoint }) => endpoint!.path.includes(relay.endpoint!.id))
    for (let ms = 0; ms < 30_000 && below().length < 3; ms += 100) await world.run(100)
    const [mover] = below()
    const at = lives.indexOf(mover!)
    await world.until(documents[at]!.close())
    await world.run(1_000)
    // Back at the root, where it had one document before it moved: that one does not count any more.
    await world.until(world.close("relay"))
    for (let ms = 0; ms < 10_000 && mover!.endpoint!.path.length !== 2; ms += 100) await world.run(100)
    expect(mover!.endpoint!.path[0]).toBe(root.endpoint!.id)
    expect((await world.until(services.get(mover!.name)!.open("second", yjs))).synchronized).toBe(true)
  })
})
