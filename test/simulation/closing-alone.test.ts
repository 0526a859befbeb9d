/** A root that closes when nobody takes its reign (R7): the time that it was given holds. */
import { expect, it } from "vitest"
import { World } from "../../src/testing/simulation/index.ts"
import { VotingWorld } from "./voting-world.ts"

it("closes in its time, whenever the voters are lost that shall take its reign, and with something not rooted", async () => {
  for (let afterMs = 0; afterMs <= 10; afterMs++) {
    const tree = new VotingWorld(1)
    const { world } = tree
    const [root] = await tree.found()
    const { endpoint } = root!
    const began = world.clock.now()
    const closing = world.close("va")
    await world.run(afterMs)
    tree.crash("vb")
    tree.crash("vc")
    endpoint!.send("t", "never rooted", { route: "ordered" })
    await world.until(closing, 20_000)
    expect(endpoint!.state).toBe("closed")
    expect(world.clock.now() - began).toBeLessThan(7_000)
    expect(await endpoint!.closed).toEqual({ requested: true, unacknowledged: 1 })
  }
})

it.each([0, 20, 200, 400, 800])(
  "closes all voters, %i ms after each other, and none waits for those that have gone",
  async apartMs => {
    const tree = new VotingWorld(2)
    const { world } = tree
    await tree.found()
    const began = world.clock.now()
    const closings: Promise<void>[] = []
    for (const name of ["vc", "vb", "va"]) {
      closings.push(world.close(name))
      await world.run(apartMs)
    }
    await world.until(Promise.all(closings), 20_000)
    expect(world.clock.now() - began - 2 * apartMs).toBeLessThan(2000)
  },
)

it("tells how many messages had not reached the root when it closed without a host", async () => {
  const world = new World({ seed: 3 })
  await world.until(world.host("hub"))
  const { endpoint } = await world.until(world.join("ada", "hub"))
  expect(endpoint!.send("t", 1)).toBe(true)
  await world.until(endpoint!.flushed())
  world.crash("hub")
  await world.run(100)
  for (let n = 2; n <= 4; n++) expect(endpoint!.send("t", n)).toBe(true)
  await world.until(world.close("ada"), 20_000)
  expect(await endpoint!.closed).toEqual({ requested: true, unacknowledged: 3 })
})
