/** Voters keep the documents of their tree (DESIGN R2): what nobody has open outlives the root that had it. */
import { afterEach, describe, expect, it } from "vitest"
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
  const serve = (life: Life) => {
    const service = new DocumentService(life.endpoint!.documentPort, { idleStorage: new MemoryStorage(), keepIdleMs })
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
  /** The root is lost for good, with all it had. */
  const loseRoot = async () => {
    const { name } = tree.root!
    services.get(name)!.abort()
    services.delete(name)
    tree.crash(name)
    await tree.until(() => tree.root !== undefined && tree.root.name !== name)
    return name
  }
  return { tree, world, services, serve, join, write, read, loseRoot }
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
    const { tree, world, services, join, write, read, loseRoot } = await grow(3, { keepIdleMs: 1_000 })
    const ada = await join("ada", "va")
    for (let n = 1; n <= 4; n++) {
      await write(ada, "log", `${n} `)
      await world.run(4_000)
    }
    await world.run(10_000)
    await loseRoot()
    expect(await read(services.get(tree.root!.name)!, "log")).toBe("1 2 3 4 ")
  })

  it("comes to a voter that was away, and from one that knows more than the new root", async () => {
    const { tree, world, services, serve, join, write, read, loseRoot } = await grow(4, { keepIdleMs: 1_000 })
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
    await world.run(5_000)
    const lost = await loseRoot()
    for (const name of ["va", "vb", "vc"].filter(each => each !== lost)) {
      expect([name, await read(services.get(name)!, "early")]).toEqual([name, "before"])
      expect([name, await read(services.get(name)!, "late")]).toEqual([name, "meanwhile"])
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
