/** More comes at once than a receiver may park (L5): what has no place during a repair is asked for again after it. */
import { expect, it } from "vitest"
import { SeededRandom, SimulatedClock } from "../../src/core/index.ts"
import { MessageEndpoint } from "../../src/endpoint/index.ts"
import { SimulatedNetwork } from "../../src/transport/simulated/index.ts"

it("L5, L6 a burst during the repair after a rejoin loses nothing, also of origins new to the receiver", async () => {
  const clock = new SimulatedClock()
  const random = new SeededRandom(3)
  const network = new SimulatedNetwork({ clock, random: random.fork() })
  const options = (name: string) => ({
    name,
    clock: network.clockOf(name),
    random: random.fork(),
    transport: network.transport(name),
  })
  const run = async <T>(promise: Promise<T>): Promise<T> => {
    let settled = false
    const done = promise.finally(() => {
      settled = true
    })
    for (let ms = 0; ms < 10_000 && !settled; ms++) await clock.run(1)
    return done
  }
  const host = await run(MessageEndpoint.host({ ...options("hub"), listen: "sim://hub" }))
  const reader = await run(MessageEndpoint.join("sim://hub", options("reader")))
  const heard = { known: [] as unknown[], unknown: [] as unknown[] }
  await run(reader.handle("known", message => void heard.known.push(message.value)).ready)
  await run(reader.handle("unknown", message => void heard.unknown.push(message.value)).ready)
  let n = 0
  const send = (topics: readonly string[], count: number) => {
    for (let i = 0; i < count; i++, n++) for (const topic of topics) host.send(topic, n)
  }
  send(["known"], 10)
  await clock.run(100)
  network.cut("reader", "hub")
  const sentBefore = n
  send(["known", "unknown"], 700)
  reader.on("joined", () => send(["known", "unknown"], 900))
  await clock.run(5000)
  expect(reader.statistics).toMatchObject({ gaps: 0, reconnects: 1 })
  expect(heard.known).toEqual(Array.from({ length: n }, (_, i) => i))
  expect(heard.unknown).toEqual(Array.from({ length: n - sentBefore }, (_, i) => i + sentBefore))
  expect(reader.statistics.parked).toBeGreaterThan(256)
})
