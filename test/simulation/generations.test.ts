/** R1: a tree that was founded anew at the addresses of another is another tree, and the two refuse each other. */
import { expect, it } from "vitest"
import type { Message } from "../../src/endpoint/index.ts"
import { MessageEndpoint } from "../../src/endpoint/message-endpoint.ts"
import type { Life } from "../../src/testing/simulation/index.ts"
import { VotingWorld } from "./voting-world.ts"

const names = ["va", "vb", "vc"]
const addresses = names.map(name => `sim://${name}`)

/** Three voters, and a relay and a client that hear the topic `t`. */
async function grow() {
  const tree = new VotingWorld(1)
  const { world } = tree
  const told: { readonly who: string; readonly type: string; readonly code?: string }[] = []
  world.onEvent((life, event) =>
    told.push({ who: life.label, type: event.type, ...("code" in event ? { code: event.code } : {}) }),
  )
  await tree.found()
  const relay = await world.until(world.joinAny("r1", addresses, { listen: "sim://r1" }))
  const client = await world.until(world.joinAny("c1", ["sim://r1", ...addresses]))
  const heard: unknown[] = []
  await world.until(client.endpoint!.handle("t", (message: Message) => heard.push(message.value)).ready)
  return { tree, world, told, relay, client, heard }
}

function host(life: Life): string | undefined {
  return life.endpoint!.peers.find(({ role, state }) => role === "host" && state === "up")?.name
}

it("whoever belongs to one generation waits for it, and hears nothing of the other", async () => {
  const { tree, world, told, relay, client, heard } = await grow()
  const { generation } = tree.root!.rootRecord!
  for (const name of names) tree.crash(name)
  const old = tree.exchangeDisks()
  await tree.found()
  expect(tree.root!.rootRecord!.generation).not.toBe(generation)
  await world.run(5_000)
  expect(told.filter(({ type }) => type === "refused").map(({ code }) => code)).toContain("WrongTree")
  expect([host(relay), host(client)]).toEqual([undefined, "r1"])
  tree.root!.send("t", "of the new generation")

  // Whoever is opened now belongs to none.
  const other = await world.until(world.joinAny("c2", addresses))
  expect(host(other)).toBeDefined()
  for (const name of names) tree.crash(name)
  tree.exchangeDisks(old)
  await world.until(Promise.all(names.map(name => tree.start(name))))
  await tree.until(() => host(relay) !== undefined)
  expect(host(other)).toBeUndefined()
  expect(tree.root!.rootRecord!.generation).toBe(generation)
  tree.root!.send("t", "of the old generation")
  await world.run(1_000)
  expect(heard).toEqual(["of the old generation"])
  expect(told.filter(({ type }) => type === "regenerated")).toEqual([])
})

it("a host without voters at the address of one is no root for those who had voters", async () => {
  const { tree, world, told, relay } = await grow()
  for (const name of names) tree.crash(name)
  await world.until(
    world.open("va", "host", common => MessageEndpoint.host({ ...common, listen: "sim://va", tree: "sim" })),
  )
  await world.run(5_000)
  expect(host(relay)).toBeUndefined()
  expect(told.filter(({ type }) => type === "regenerated")).toEqual([])
})
