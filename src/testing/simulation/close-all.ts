/** The end of a run. */
import type { SeededRandom } from "../../core/random.ts"
import type { World } from "./world.ts"

/** Closing works in every order, in bounded time, and leaves nothing behind. */
export async function closeAll(world: World, random: SeededRandom): Promise<void> {
  const left = world.living.map(life => life.name)
  let open = left.length
  // A few at a time, whatever their number: the whole takes some two seconds.
  const pauses = Math.min(1, 12 / left.length)
  while (left.length > 0) {
    const name = left.splice(random.below(left.length), 1)[0]!
    const { endpoint } = world.life(name)!
    const closing = random.below(5) === 0 ? Promise.resolve(endpoint?.abort()) : world.close(name)
    void closing.then(() => {
      open--
      if (endpoint !== undefined && endpoint.state !== "closed")
        world.journal.violated("closing", `${name} closed and is ${endpoint.state}`)
    })
    await world.run(random.below(3) * 100 * pauses)
  }
  await world.run(8000)
  if (open > 0) world.journal.violated("closing", `${open} endpoints did not close`)
  if (world.network.connections > 0)
    world.journal.violated("closing", `${world.network.connections} connections are left`)
}
