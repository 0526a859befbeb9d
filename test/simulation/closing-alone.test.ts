/** A root that closes when nobody takes its reign (R7): the time that it was given holds. */
import { expect, it } from "vitest"
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
  }
})
