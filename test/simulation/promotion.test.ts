/** Root promotion in endpoints (DESIGN §8): a tree of voters goes on when its root is lost. */
import { describe, expect, it } from "vitest"
import { SeededRandom } from "../../src/core/index.ts"
import type { Message } from "../../src/endpoint/index.ts"
import type { Life } from "../../src/testing/simulation/index.ts"
import { Ear, judge, Voice } from "./voting-load.ts"
import { VotingWorld } from "./voting-world.ts"

interface Heard {
  readonly number: number
  readonly epoch: number
  readonly value: unknown
}

function hear(life: Life, topic: string): { readonly heard: Heard[]; readonly ready: Promise<void> } {
  const heard: Heard[] = []
  life.endpoint!.on("diverged", event => {
    if (event.topic === topic) while (heard.length > 0 && heard.at(-1)!.number >= event.from) heard.pop()
  })
  const { ready } = life.endpoint!.handle(topic, (message: Message) => {
    heard.push({ number: message.order!.number, epoch: message.order!.epoch, value: message.value })
  })
  return { heard, ready }
}

const everyone = ["sim://va", "sim://vb", "sim://vc"]

async function grow(seed = 1) {
  const tree = new VotingWorld(seed)
  const { world } = tree
  const voters = await tree.found()
  const clients: Life[] = []
  for (const [name, at] of [
    ["a1", "va"],
    ["b1", "vb"],
    ["c1", "vc"],
  ] as const) {
    const addresses = [`sim://${at}`, ...everyone]
    clients.push(await world.until(world.joinAny(name, addresses)))
  }
  return { tree, world, voters, clients }
}

describe("A tree with three voters", () => {
  it("has one root; the others are relays below it", async () => {
    const { voters } = await grow()
    expect(voters.map(life => life.endpoint!.role)).toEqual(["host", "relay", "relay"])
    for (const life of voters.slice(1)) expect(life.endpoint!.path[0]).toBe(voters[0]!.endpoint!.id)
  })

  it("numbers ordered messages of everyone in one order", async () => {
    const { world, voters, clients } = await grow()
    const all = [...voters, ...clients]
    const ears = all.map(life => hear(life, "t"))
    await world.until(Promise.all(ears.map(({ ready }) => ready)))
    for (let n = 1; n <= 5; n++)
      for (const life of all) expect(life.endpoint!.send("t", `${life.name} ${n}`, { route: "ordered" })).toBe(true)
    await world.run(300)
    const order = new Map<number, unknown>()
    for (const [index, { heard }] of ears.entries()) {
      expect(heard).toHaveLength(5 * (all.length - 1))
      for (const { number, value } of heard) {
        expect(order.get(number) ?? value).toBe(value)
        order.set(number, value)
        expect(String(value).startsWith(`${all[index]!.name} `)).toBe(false)
      }
    }
    expect([...order.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1))
  })

  it("goes on without its root: same numbers, nothing lost that was acknowledged, clients come over", async () => {
    const { tree, world, voters, clients } = await grow()
    const survivors = [...voters.slice(1), ...clients]
    const ears = survivors.map(life => hear(life, "t"))
    await world.until(Promise.all(ears.map(({ ready }) => ready)))
    const acked: string[] = []
    let sent = 0
    const send = () => {
      for (const life of clients) {
        const value = `${life.name} ${++sent}`
        life.endpoint!.send("t", value, { route: "ordered", ack: "rooted" }).then(
          () => acked.push(value),
          () => {},
        )
      }
    }
    for (let i = 0; i < 50; i++) {
      send()
      await world.run(5)
    }
    const before = acked.length
    tree.crash("va")
    for (let i = 0; i < 200; i++) {
      send()
      await world.run(5)
    }
    await world.run(3000)
    expect(before).toBeGreaterThan(50)
    expect(acked).toHaveLength(sent)
    expect(
      voters
        .slice(1)
        .map(life => life.endpoint!.role)
        .sort(),
    ).toEqual(["host", "relay"])
    const order = new Map<number, unknown>()
    for (const [index, { heard }] of ears.entries()) {
      const { name } = survivors[index]!
      expect([name, heard.map(each => each.number)]).toEqual([name, [...new Set(heard.map(each => each.number))]])
      for (const { number, value } of heard) {
        expect([number, order.get(number) ?? value]).toEqual([number, value])
        order.set(number, value)
      }
      const values = new Set(heard.map(each => each.value))
      expect([name, acked.filter(value => !value.startsWith(`${name} `) && !values.has(value))]).toEqual([name, []])
    }
    expect([...order.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: sent }, (_, i) => i + 1))
  })

  it("lets a root that was stopped come back below the new one, and nothing of its old reign counts", async () => {
    const { tree, world, voters, clients } = await grow(2)
    const ears = clients.map(life => new Ear(life, "t"))
    const voices = clients.map(life => new Voice(life, "t"))
    await world.until(Promise.all(ears.map(({ ready }) => ready)))
    await load(tree, voices, 300)
    world.pause("va")
    await load(tree, voices, 4000)
    expect(tree.root?.name).not.toBe("va")
    world.resume("va")
    await load(tree, voices, 3000)
    await world.run(4000)
    expect(voters[0]!.endpoint!.role).toBe("relay")
    expect(tree.roots).toHaveLength(1)
    expect(judge(ears, voices, { whole: true })).toEqual([])
    expect(voices.map(({ acked }) => acked.size)).toEqual(voices.map(({ sent }) => sent))
  })

  it("takes no ordered messages in a minority, and says so; nearest ones go on; healed, all is one again", async () => {
    const { tree, world, voters, clients } = await grow(3)
    const [atMinority, ...atMajority] = clients as [Life, ...Life[]]
    const ears = clients.map(life => new Ear(life, "t"))
    const near: unknown[] = []
    await world.until(voters[0]!.endpoint!.handle("near", ({ value }) => near.push(value)).ready)
    await world.until(Promise.all(ears.map(({ ready }) => ready)))
    const minority = ["va", atMinority.name]
    for (const one of minority)
      for (const other of ["vb", "vc", ...atMajority.map(({ name }) => name)]) world.network.partition(one, other)
    const told: unknown[] = []
    world.onEvent((life, event) => {
      if (event.type === "readOnly") told.push([life.name, event.isReadOnly])
    })
    await world.run(5000)
    expect(told.sort()).toEqual(minority.map(name => [name, true]).sort())

    const refused = () => atMinority.endpoint!.send("t", "refused", { route: "ordered" })
    expect(refused).toThrow(expect.objectContaining({ code: "NoAuthority", retryable: true }))
    expect(atMinority.endpoint!.send("near", 1)).toBe(true)
    const voices = atMajority.map(life => new Voice(life, "t"))
    await load(tree, voices, 1000)
    expect(near).toEqual([1])

    told.length = 0
    world.network.heal()
    await world.run(5000)
    expect(told.sort()).toEqual(minority.map(name => [name, false]).sort())
    voices.push(new Voice(atMinority, "t"))
    await load(tree, voices, 1000)
    await world.run(3000)
    expect(tree.roots).toHaveLength(1)
    expect(judge(ears, voices, { whole: true })).toEqual([])
    expect(voices.map(({ acked }) => acked.size)).toEqual(voices.map(({ sent }) => sent))
  })

  it("tells those below a relay that finds no voter with a root that ordered topics take nothing", async () => {
    const { tree, world } = await grow(4)
    const relay = await world.until(world.relay("r1", "va"))
    const leaf = await world.until(world.join("s1", "r1"))
    const told: unknown[] = []
    const paths: (readonly string[])[] = []
    leaf.endpoint!.on("readOnly", ({ isReadOnly }) => told.push(isReadOnly))
    leaf.endpoint!.on("path", ({ path }) => paths.push(path))
    tree.crash("va")
    tree.crash("vb")
    await world.run(6000)
    expect(told).toEqual([true])
    expect(() => leaf.endpoint!.send("t", 1, { route: "ordered" })).toThrow(
      expect.objectContaining({ code: "NoAuthority" }),
    )
    await world.until(tree.start("vb"))
    await world.run(8000)
    expect(told).toEqual([true, false])
    expect(relay.endpoint!.path[0]).toBe(tree.root!.id)
    const sent = leaf.endpoint!.send("t", 2, { route: "ordered", ack: "replicated" })
    await world.until(sent)
    // A path is told when it is another, and not when only the top of it has changed its mind.
    for (const [at, path] of paths.entries()) if (at > 0) expect(path).not.toEqual(paths[at - 1])
  })

  it.each([11, 12, 13])("keeps every promise through root after root lost, seed %i", async seed => {
    const random = new SeededRandom(seed)
    const commit = seed === 13 ? "majority" : "root"
    const tree = new VotingWorld(seed, { commit })
    const { world } = tree
    await tree.found()
    const clients: Life[] = []
    for (const name of ["c1", "c2", "c3"]) {
      const addresses = tree.addresses
      for (let turn = random.below(3); turn > 0; turn--) addresses.push(addresses.shift()!)
      clients.push(await world.until(world.joinAny(name, addresses)))
    }
    const ears = clients.map(life => new Ear(life, "t"))
    const voices = clients.map(life => new Voice(life, "t"))
    await world.until(Promise.all(ears.map(({ ready }) => ready)))
    for (let fault = 0; fault < 3; fault++) {
      await load(tree, voices, 500)
      const name = tree.root!.name
      const kind = random.below(3)
      if (kind === 0) tree.crash(name)
      else if (kind === 1) world.pause(name)
      else tree.cutOff(name, [...tree.names, ...clients.map(life => life.name)])
      await load(tree, voices, 2500 + random.below(1000))
      if (kind === 0) void tree.start(name).catch(() => {})
      else if (kind === 1) world.resume(name)
      else world.network.heal()
      await load(tree, voices, 1000)
      await tree.until(() => tree.root !== undefined)
    }
    await world.run(8000)
    expect(judge(ears, voices, { whole: true })).toEqual([])
    expect(voices.map(({ acked }) => acked.size)).toEqual(voices.map(({ sent }) => sent))
    expect(ears.flatMap(({ gaps }) => gaps)).toEqual([])
    if (commit === "majority") expect(ears.map(({ voided }) => voided)).toEqual([0, 0, 0])
  })
})

/** Everyone sends every ten milliseconds for so long. */
async function load(tree: VotingWorld, voices: readonly Voice[], ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10) {
    for (const voice of voices) voice.send()
    await tree.world.run(10)
  }
}
