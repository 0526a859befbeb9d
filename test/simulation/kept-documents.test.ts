/** Voters keep the documents of their tree (DESIGN R2): what nobody has open outlives the root that had it. */
import { afterEach, describe, expect, it } from "vitest"
import * as Y from "yjs"
import { concat, utf8 } from "../../src/core/bytes.ts"
import { DocumentService } from "../../src/document/document-service.ts"
import { text } from "../../src/document/yjs/text.ts"
import { MemoryStorage } from "../../src/storage/memory/index.ts"
import type { Life } from "../../src/testing/simulation/index.ts"
import { VotingWorld } from "./voting-world.ts"

const everyone = ["sim://va", "sim://vb", "sim://vc"]
const ended: (() => void)[] = []
afterEach(() => {
  for (const end of ended.splice(0)) end()
})

async function grow(seed: number, { keepIdleMs = 60_000 } = {}) {
  const tree = new VotingWorld(seed)
  const { world } = tree
  const services = new Map<string, DocumentService>()
  const storages = new Map<string, MemoryStorage>()
  const serve = (life: Life) => {
    const storage = new MemoryStorage()
    storages.set(life.name, storage)
    const service = new DocumentService(life.endpoint!.documentPort, { idleStorage: storage, keepIdleMs })
    services.set(life.name, service)
    ended.push(() => {
      service.abort()
      life.endpoint?.abort()
    })
    return service
  }
  for (const life of await tree.found()) serve(life)
  const join = async (name: string, at: string) =>
    serve(await world.until(world.joinAny(name, [`sim://${at}`, ...everyone])))
  /** Writes into a document and closes it again. */
  const write = async (service: DocumentService, name: string, content: string) => {
    const document = await world.until(service.open(name, text))
    document.insert(document.length, content)
    await world.until(document.acknowledged("rooted"))
    await world.until(document.close())
  }
  const read = async (service: DocumentService, name: string) => {
    const document = await world.until(service.open(name, text))
    const content = document.toString()
    await world.until(document.close())
    return content
  }
  /** What that machine has in storage, whether or not anybody else knows it. */
  const stored = async (name: string, document: string): Promise<string | undefined> => {
    const record = await storages.get(name)!.get(["document", document])
    if (record === undefined) return undefined
    const doc = new Y.Doc()
    Y.applyUpdate(doc, record.subarray(2 + record[1]!))
    return doc.getText("text").toString()
  }
  const store = async (name: string, document: string, content: string) => {
    const doc = new Y.Doc()
    doc.getText("text").insert(0, content)
    const value = concat([new Uint8Array([1, 4]), utf8("text"), Y.encodeStateAsUpdate(doc)])
    await storages.get(name)!.write([{ type: "put", key: ["document", document], value }])
  }
  /** The root is lost for good, with all it had. */
  const loseRoot = async () => {
    const { name } = tree.root!
    services.get(name)!.abort()
    services.delete(name)
    tree.crash(name)
    await tree.until(() => tree.root !== undefined && tree.root.name !== name)
    return name
  }
  return { tree, world, services, serve, join, write, read, stored, store, loseRoot }
}

describe("A document that nobody has open", () => {
  it("is there at the next root, whoever had it", async () => {
    const { tree, world, services, join, write, read, loseRoot } = await grow(1)
    const ada = await join("ada", "va")
    await write(ada, "plan", "buy bread")
    await world.run(200)
    await loseRoot()
    expect(await read(services.get(tree.root!.name)!, "plan")).toBe("buy bread")
    const ben = await join("ben", "vc")
    expect(await read(ben, "plan")).toBe("buy bread")
  })

  it("is in the storage of every voter after a while, and open at none", async () => {
    const { tree, world, services, join, write, read, loseRoot } = await grow(2, { keepIdleMs: 1_000 })
    const ada = await join("ada", "vb")
    for (const name of ["one", "two", "three"]) await write(ada, name, `it is ${name}`)
    await world.run(5_000)
    for (const name of ["va", "vb", "vc"]) expect([name, services.get(name)!.documents.length]).toEqual([name, 0])
    await loseRoot()
    const root = services.get(tree.root!.name)!
    for (const name of ["one", "two", "three"]) expect(await read(root, name)).toBe(`it is ${name}`)
  })

  it("is kept as it was last written, though voters had let go of it", async () => {
    const { world, join, write, stored } = await grow(3, { keepIdleMs: 1_000 })
    const ada = await join("ada", "va")
    for (let n = 1; n <= 3; n++) {
      await write(ada, "log", `${n} `)
      await world.run(3_000)
    }
    await world.run(10_000)
    for (const name of ["vb", "vc"]) expect([name, await stored(name, "log")]).toEqual([name, "1 2 3 "])
  })

  it("comes to a voter that was away", async () => {
    const { tree, world, services, serve, join, write, stored } = await grow(4, { keepIdleMs: 1_000 })
    const ada = await join("ada", "va")
    await write(ada, "early", "before")
    await world.run(3_000)
    // Gone with all it had, and back with nothing.
    services.get("vc")!.abort()
    tree.crash("vc")
    await world.run(1_000)
    await write(ada, "late", "meanwhile")
    await world.run(2_000)
    serve(await world.until(tree.start("vc")))
    await world.run(3_000)
    expect(await stored("vc", "early")).toBe("before")
    expect(await stored("vc", "late")).toBe("meanwhile")
  })

  it("comes to a new root from the voter that has it", async () => {
    const { tree, world, services, store, stored, read, loseRoot } = await grow(6, { keepIdleMs: 1_000 })
    for (const name of ["vb", "vc"]) await store(name, `of ${name}`, `had by ${name}`)
    const lost = await loseRoot()
    await world.run(3_000)
    expect(lost).toBe("va")
    for (const name of ["vb", "vc"]) {
      expect(await read(services.get(tree.root!.name)!, `of ${name}`)).toBe(`had by ${name}`)
      for (const at of ["vb", "vc"]) expect([at, await stored(at, `of ${name}`)]).toEqual([at, `had by ${name}`])
    }
  })

  it("survives root after root, while those that are lost come back with nothing", async () => {
    const { tree, world, services, serve, join, write, read, loseRoot } = await grow(5, { keepIdleMs: 2_000 })
    const ada = await join("ada", "vb")
    let wanted = ""
    for (let n = 1; n <= 6; n++) {
      await write(ada, "log", `${n} `)
      wanted += `${n} `
      await world.run(500)
      const lost = await loseRoot()
      serve(await world.until(tree.start(lost)))
      await world.run(4_000)
      expect(await read(services.get(tree.root!.name)!, "log")).toBe(wanted)
    }
  })
})
