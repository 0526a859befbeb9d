/** Root promotion in endpoints (DESIGN §8): a tree of voters goes on when its root is lost. */
import { describe, expect, it } from "vitest"
import type { Message } from "../../src/endpoint/index.ts"
import type { Life } from "../../src/testing/simulation/index.ts"
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
})
