/** Documents at leaves, relays and the root of one tree, on virtual time. */
import { afterEach, describe, expect, it } from "vitest"
import { DocumentService } from "../../src/document/document-service.ts"
import { type YjsDocument, yjs } from "../../src/document/yjs/yjs.ts"
import { type Life, World } from "../../src/testing/simulation/index.ts"

const ended: (() => void)[] = []
afterEach(() => {
  for (const end of ended.splice(0)) end()
})

interface Place {
  readonly life: Life
  readonly service: DocumentService
}

/** hub(r1(r2(deep) low) top) */
async function tree() {
  const world = new World({ seed: 11 })
  const places = new Map<string, Place>()
  const settle = async (opening: Promise<Life>) => {
    const life = await world.until(opening)
    const service = new DocumentService(life.endpoint!.documentPort)
    places.set(life.name, { life, service })
    ended.push(() => {
      service.abort()
      life.endpoint?.abort()
    })
  }
  const hosting = { sessionKeepMs: 2_000, heartbeatMs: 250 }
  const joining = { reconnect: { minMs: 20, maxMs: 200 } }
  const openRelay = (name: string, above: string) => settle(world.relay(name, above, { ...hosting, ...joining }))
  await settle(world.host("hub", hosting))
  await openRelay("r1", "hub")
  await openRelay("r2", "r1")
  for (const [name, host] of [
    ["top", "hub"],
    ["low", "r1"],
    ["deep", "r2"],
  ] as const)
    await settle(world.join(name, host, joining))
  const open = async (name: string): Promise<YjsDocument> => {
    const document = await world.until(places.get(name)!.service.open("minutes", yjs))
    document.awareness.setLocalState({ name })
    return document
  }
  return { world, places, open, openRelay }
}

const present = ({ awareness }: YjsDocument) => [...awareness.getStates().values()].map(({ name }) => name).sort()

describe("A document in a tree", () => {
  it("shows everybody to everybody, wherever they are", async () => {
    const { world, open } = await tree()
    const names = ["deep", "hub", "low", "r2", "top"]
    const documents: YjsDocument[] = []
    for (const name of names) documents.push(await open(name))
    await world.run(500)
    for (const document of documents) expect(present(document)).toEqual(names)
    documents[0]!.awareness.setLocalStateField("at", 7)
    await world.run(300)
    const [deep] = documents
    for (const { awareness } of documents)
      expect(awareness.getStates().get(deep!.doc.clientID)).toEqual({ name: "deep", at: 7 })
  })

  it("shows nobody who has closed it, and a relay that nobody needs it from lets go of it", async () => {
    const { world, places, open } = await tree()
    const [deep, top] = [await open("deep"), await open("top")]
    await world.run(500)
    expect(places.get("r1")!.service.documents).toHaveLength(1)
    await world.until(deep.close())
    await world.run(1_000)
    expect(present(top)).toEqual(["top"])
    for (const relay of ["r1", "r2"]) expect(places.get(relay)!.service.documents).toHaveLength(0)
    const again = await open("deep")
    await world.run(500)
    expect(present(again)).toEqual(["deep", "top"])
    expect(present(top)).toEqual(["deep", "top"])
  })

  it("still shows those below a relay that died, for they hang elsewhere by then", async () => {
    const { world, open, openRelay } = await tree()
    const [deep, low, top] = [await open("deep"), await open("low"), await open("top")]
    await world.run(500)
    world.crash("r2")
    deep.doc.getText("text").insert(0, "offline")
    await world.run(4_000)
    await openRelay("r2", "r1")
    await world.run(3_000)
    for (const document of [deep, low, top]) {
      expect(present(document)).toEqual(["deep", "low", "top"])
      expect(document.doc.getText("text").toString()).toBe("offline")
    }
  })

  it("forgets those that died with the relay above them", async () => {
    const { world, open } = await tree()
    const [, low, top] = [await open("deep"), await open("low"), await open("top")]
    await world.run(500)
    for (const name of ["r2", "deep"]) world.crash(name)
    await world.run(4_000)
    expect(present(top)).toEqual(["low", "top"])
    expect(present(low)).toEqual(["low", "top"])
  })
})
