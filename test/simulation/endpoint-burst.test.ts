/** More comes at once than a receiver may park (L5): what has no place during a repair is asked for again after it. */
import { expect, it } from "vitest"
import { SeededRandom, SimulatedClock } from "../../src/core/index.ts"
import { MessageEndpoint } from "../../src/endpoint/index.ts"
import { SimulatedNetwork } from "../../src/transport/simulated/index.ts"

async function cluster(seed: number, replay?: { readonly messages: number }) {
  const clock = new SimulatedClock()
  const random = new SeededRandom(seed)
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
  const host = await run(
    MessageEndpoint.host({ ...options("hub"), listen: "sim://hub", ...(replay === undefined ? {} : { replay }) }),
  )
  const reader = await run(MessageEndpoint.join("sim://hub", options("reader")))
  const heard = { known: [] as number[], unknown: [] as number[] }
  for (const topic of ["known", "unknown"] as const) {
    await run(reader.handle(topic, message => void heard[topic].push(message.value as number)).ready)
  }
  let n = 0
  return {
    clock,
    network,
    host,
    reader,
    heard,
    /** Sends the numbers that follow on each of the topics. How many have been sent. */
    send(topics: readonly string[], count: number): number {
      for (let i = 0; i < count; i++, n++) for (const topic of topics) host.send(topic, n)
      return n
    },
  }
}

const upTo = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => i + from)

it("L5, L6 a burst during the repair after a rejoin loses nothing, also of origins new to the receiver", async () => {
  const { clock, network, reader, heard, send } = await cluster(3)
  const before = send(["known"], 10)
  await clock.run(100)
  network.cut("reader", "hub")
  send(["known", "unknown"], 700)
  let sent = 0
  reader.on("joined", () => {
    sent = send(["known", "unknown"], 900)
  })
  await clock.run(5000)
  expect(reader.statistics).toMatchObject({ gaps: 0, reconnects: 1 })
  expect(heard.known).toEqual(upTo(0, sent))
  expect(heard.unknown).toEqual(upTo(before, sent))
  expect(reader.statistics.parked).toBeGreaterThan(256)
})

it("L5, L6 a burst behind a hole that nobody can repair is heard, once the hole has been told", async () => {
  const { clock, network, reader, heard, send } = await cluster(4, { messages: 600 })
  send(["known"], 10)
  await clock.run(100)
  network.cut("reader", "hub")
  send(["known"], 2000)
  let sent = 0
  reader.on("joined", () => {
    sent = send(["known"], 500)
  })
  const gaps: { from: number; through: number }[] = []
  reader.on("gap", gap => gaps.push(gap))
  await clock.run(5000)
  // Its own numbers are from 0, those of gap events from 1. The ring keeps 600, some of them marks and baselines.
  expect(gaps).toHaveLength(1)
  const { from, through } = gaps[0]!
  expect(from).toBe(11)
  expect(through).toBeGreaterThan(sent - 600)
  expect(through).toBeLessThan(sent - 500)
  expect(heard.known).toEqual([...upTo(0, 10), ...upTo(through, sent)])
  expect(reader.statistics.repaired).toBeLessThan(2000)
})

it("L5, L6 whatever the sizes of ring, backlog and bursts, each number is heard or told of, once", async () => {
  for (let seed = 1; seed <= 24; seed++) {
    const random = new SeededRandom(seed)
    const pick = (...sizes: number[]) => sizes[random.below(sizes.length)]!
    const { clock, network, reader, heard, send } = await cluster(seed, { messages: pick(100, 300, 600, 5000) })
    send(["known"], 10)
    await clock.run(100)
    network.cut("reader", "hub")
    send(["known", "unknown"], pick(0, 100, 400, 2000))
    const bursts = [pick(0, 300, 900), pick(0, 300, 900), pick(1, 300)]
    let sent = 0
    reader.on("joined", () => {
      sent = send(["known", "unknown"], bursts[0]!)
    })
    const told = { known: new Set<number>(), unknown: new Set<number>() }
    reader.on("gap", gap => {
      const topic = gap.topic as keyof typeof told
      for (let n = gap.from; n <= gap.through; n++) told[topic].add(topic === "known" ? n - 1 : n + 9)
    })
    for (const burst of bursts.slice(1)) {
      await clock.run(random.below(8))
      if (reader.statistics.reconnects > 0) sent = send(["known", "unknown"], burst)
    }
    await clock.run(5000)
    sent = send(["known", "unknown"], 1)
    await clock.run(1000)
    const settings = `seed ${seed}`
    for (const topic of ["known", "unknown"] as const) {
      const numbers = heard[topic]
      for (let i = 1; i < numbers.length; i++) expect(numbers[i]! > numbers[i - 1]!, settings).toBe(true)
      const all = new Set([...numbers, ...told[topic]])
      const missing = upTo(topic === "known" ? 0 : 10, sent).filter(n => !all.has(n))
      expect(missing.length, `${settings}: ${topic} lacks ${missing[0]} to ${missing.at(-1)}`).toBe(0)
      expect(numbers.filter(n => told[topic].has(n)).length, `${settings}: ${topic} heard and told`).toBe(0)
    }
    expect(reader.statistics.repaired, settings).toBeLessThan(20_000)
  }
})
