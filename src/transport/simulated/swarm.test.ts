/** Random faults over random traffic: what must hold of the virtual network itself, whatever happens on it. */
import { describe, expect, it } from "vitest"
import { fromUtf8, utf8 } from "../../core/bytes.ts"
import { SeededRandom } from "../../core/random.ts"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import type { DealerSocket, HostSockets, PusherSocket } from "../transport.ts"
import { SimulatedNetwork } from "./simulated-network.ts"

const never = new AbortController().signal
const names = ["a", "b", "c", "d", "e"]

interface Flow {
  /** What the receiver got, in order. */
  readonly received: number[]
  sent: number
}

/** Runs one seed and returns its digest; throws when something does not hold. */
async function swarm(seed: number): Promise<string> {
  const clock = new SimulatedClock()
  const random = new SeededRandom(seed)
  const plan = random.fork()
  const rate = () => (plan.below(2) === 0 ? 0 : plan.float() * 0.01)
  const data = () => ({
    latencyMs: { min: 0.1, max: 1 + plan.below(20), heavyTail: rate() },
    dropRate: rate(),
    duplicateRate: rate(),
    reorderRate: rate(),
    disconnectRate: rate() / 10,
  })
  const faults = { control: { dropRate: rate() / 10 }, publish: data(), push: data() }
  const network = new SimulatedNetwork({ clock, random, faults })
  const flows = new Map<string, Flow>()
  const live = new Map<string, { dealer: DealerSocket; pusher: PusherSocket; flow: string }>()
  let nextFlow = 0

  const openHost = async (name: string) => {
    const transport = network.transport(name)
    const sockets: HostSockets = {
      router: transport.router({
        onBatch: batch => {
          for (let i = 0; i < batch.count; i++) {
            const [flow, number] = batch.message(i).map(fromUtf8)
            flows.get(flow!)!.received.push(Number(number))
          }
        },
      }),
      publisher: transport.publisher({ onSubscribe() {}, onUnsubscribe() {} }),
      puller: transport.puller({ onBatch() {} }),
    }
    await transport.bind(`sim://${name}`, sockets)
  }
  for (const name of names) await openHost(name)

  const connect = (from: string, to: string) => {
    const transport = network.transport(from)
    const flow = `${from}>${to}#${nextFlow++}`
    flows.set(flow, { received: [], sent: 0 })
    const dealer = transport.dealer({ onBatch() {}, onDisconnect: () => live.delete(`${from}>${to}`) })
    const pusher = transport.pusher({})
    const dialled = Promise.all([
      dealer.connect(`sim://${to}`, { signal: never }),
      pusher.connect(`sim://${to}`, { signal: never }),
    ])
    dialled.then(
      () => live.set(`${from}>${to}`, { dealer, pusher, flow }),
      () => {
        dealer.abort()
        pusher.abort()
      },
    )
  }

  const pick = () => names[plan.below(names.length)]!
  const crash = async (name: string) => {
    network.crash(name, { silent: plan.below(3) === 0 })
    for (const key of live.keys()) if (key.startsWith(`${name}>`)) live.delete(key)
    clock.advance(plan.below(50))
    await openHost(name)
  }
  for (let step = 0; step < 300; step++) {
    const [a, b] = [pick(), pick()]
    const dice = plan.below(100)
    if (dice < 20) connect(a, b)
    else if (dice < 23) network.partition(a, b, { oneWay: plan.below(2) === 0 })
    else if (dice < 27) network.heal()
    else if (dice < 29) network.cut(a, b)
    else if (dice < 31) network.pause(a)
    else if (dice < 35) network.resume(a)
    else if (dice < 36) await crash(a)
    else if (dice < 38) network.slow(a, plan.below(2) === 0 ? undefined : 50_000)
    else {
      for (const { dealer, pusher, flow } of live.values()) {
        const state = flows.get(flow)!
        if (dealer.send([utf8(flow), utf8(String(state.sent))])) state.sent++
        pusher.send([new Uint8Array(plan.below(2_000))])
      }
    }
    await clock.run(plan.below(20))
  }
  for (const name of names) network.resume(name)
  network.setFaults("all", {})
  network.heal()
  for (const name of names) network.slow(name, undefined)
  await clock.run(200_000)
  for (const [name, { received, sent }] of flows) {
    // Control is a stream: what arrived is what was sent, from the first on, without a hole.
    expect(received, `seed ${seed}, ${name}`).toEqual(Array.from({ length: received.length }, (_, i) => i))
    expect(received.length).toBeLessThanOrEqual(sent)
  }
  for (const { flow } of live.values()) expect(flows.get(flow)!.received.length).toBe(flows.get(flow)!.sent)
  expect(network.counters.delivered, `seed ${seed} carried next to nothing`).toBeGreaterThan(100)
  return `${network.traceHash} ${JSON.stringify(network.counters)}`
}

describe("SimulatedNetwork under random faults", () => {
  for (let seed = 1; seed <= 30; seed++) {
    it(`keeps a stream whole and repeats itself exactly, seed ${seed}`, async () => {
      expect(await swarm(seed)).toBe(await swarm(seed))
    })
  }
})
