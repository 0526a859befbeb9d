/** A tree over real sockets: a root, a relay below a relay, leaves at each; on our engine, on libzmq, and mixed. */
import { createRequire } from "node:module"
import { afterEach, describe, expect, it } from "vitest"
import type { EndpointId } from "../../src/core/id.ts"
import { type HostOptions, type JoinOptions, MessageEndpoint } from "../../src/endpoint/index.ts"
import { NativeTransport } from "../../src/transport/native/index.ts"
import type { Transport } from "../../src/transport/transport.ts"
import { ZmtpTransport } from "../../src/transport/zmtp/index.ts"
import { RawJoiner } from "./harness/raw-joiner.ts"

const nativeLoads = (() => {
  try {
    createRequire(import.meta.url)("zeromq")
    return true
  } catch {
    console.warn("\n!!! npm `zeromq` does not load: relays on native are SKIPPED\n")
    return false
  }
})()

const make = async (name: string): Promise<Transport> =>
  name === "zmtp" ? new ZmtpTransport() : await NativeTransport.open()
const open: MessageEndpoint[] = []

afterEach(async () => {
  await Promise.all(
    open
      .splice(0)
      .reverse()
      .map(endpoint => endpoint.close({ timeoutMs: 500 })),
  )
})

const listen = "tcp://127.0.0.1:0"

async function host(options: Partial<HostOptions>): Promise<MessageEndpoint> {
  const endpoint = await MessageEndpoint.host({ listen, ...options })
  open.push(endpoint)
  return endpoint
}

async function join(above: MessageEndpoint, options: JoinOptions): Promise<MessageEndpoint> {
  const endpoint = await MessageEndpoint.join(above.addresses[0]!, { joinTimeoutMs: 20_000, ...options })
  open.push(endpoint)
  return endpoint
}

/** Resolves when as many values have come as are awaited. */
function hear(endpoint: MessageEndpoint, topic: string, count: number) {
  const values: unknown[] = []
  let done: () => void
  const all = new Promise<void>(resolve => {
    done = resolve
  })
  const { ready } = endpoint.handle(topic, message => {
    values.push(message.value)
    if (values.length === count) done()
  })
  return { values, ready, all }
}

describe.each([
  ["zmtp", "zmtp"],
  ["native", "native"],
  ["zmtp", "native"],
  ["native", "zmtp"],
])("A tree with a root on %s and relays on %s", (ofRoot, ofRelays) => {
  it.skipIf(!nativeLoads && [ofRoot, ofRelays].includes("native"))(
    "brings messages of both routes, requests and acknowledgements from any leaf to any other",
    async () => {
      const root = await host({ name: "root", transport: await make(ofRoot) })
      const farArrived = new Promise<void>(resolve => {
        root.on("arrived", ({ member }) => member.name === "far" && resolve())
      })
      const upper = await join(root, { name: "upper", listen, transport: await make(ofRelays) })
      const lower = await join(upper, { name: "lower", listen, transport: await make(ofRelays) })
      const far = await join(lower, { name: "far", transport: await make(ofRoot) })
      const near = await join(root, { name: "near", transport: await make(ofRelays) })
      expect(far.path).toEqual([root, upper, lower, far].map(({ id }): EndpointId => id))

      for (const route of ["nearest", "ordered"] as const) {
        const topic = `t.${route}`
        const heard = [root, upper, lower, far, near].map(endpoint => hear(endpoint, topic, 400))
        await Promise.all(heard.map(({ ready }) => ready))
        for (const [name, endpoint] of Object.entries({ root, upper, lower, far, near })) {
          for (let n = 0; n < 100; n++) expect(endpoint.send(topic, `${name}${n}`, { route })).toBe(true)
        }
        await Promise.all(heard.map(({ all }) => all))
        for (const { values } of heard) expect(new Set(values).size).toBe(400)
      }

      near.handle("double", message => Number(message.value) * 2)
      far.handle("double", message => Number(message.value) * 2)
      expect(await far.request("near", "double", 21)).toBe(42)
      expect(await near.request(far.id, "double", 4)).toBe(8)
      await far.send("t.nearest", "last", { ack: "rooted" })
      await farArrived
      expect(root.members.map(({ name }) => name).sort()).toEqual(["far", "lower", "near", "upper"])
    },
  )
})

describe.each(["disconnect", "conflate", "dropOldest", "warn"] as const)(
  "A client below a relay that stops reading, under %s",
  policy => {
    it("is dealt with by the relay, and neither its siblings nor the root notice", async () => {
      const slow = { policy, hwm: { messages: 200, bytes: 1024 * 1024 }, maxLagMs: 0 }
      const root = await host({ name: "root", slow, transport: await make("zmtp") })
      const relay = await join(root, { name: "relay", listen, slow, transport: await make("zmtp") })
      const ada = await join(relay, { name: "ada", transport: await make("zmtp") })
      const acted = new Promise<unknown>(resolve => relay.on("slow", event => resolve(event.acted)))
      const harm: string[] = []
      for (const endpoint of [root, ada]) {
        for (const type of ["slow", "tooSlow", "gap"] as const) endpoint.on(type, () => harm.push(type))
        endpoint.on("left", ({ peer }) => harm.push(`left ${peer.name}`))
      }
      const stuck = await RawJoiner.open(relay.addresses[0]!, {}, ["nflood\0"])
      const numbers: unknown[] = []
      let wake = () => {}
      await ada.handle("flood", ({ payload }) => {
        numbers.push(payload.length)
        wake()
      }).ready
      stuck.stall()
      // At the sibling's pace, so that nobody but the one that does not read is behind; until the relay has acted.
      let sent = 0
      let isOver = false
      void acted.then(() => {
        isOver = true
      })
      while (!isOver) {
        const payload = new Uint8Array(32_768)
        for (let i = 0; i < 8; i++, sent++) root.send("flood", payload, { codec: "raw" })
        while (numbers.length < sent - 16)
          await new Promise<void>(resolve => {
            wake = resolve
          })
      }
      expect(await acted).toBe(policy)
      while (numbers.length < sent)
        await new Promise<void>(resolve => {
          wake = resolve
        })
      expect([numbers.length, harm]).toEqual([sent, []])
      stuck.destroy()
    })
  },
)

describe.each(["zmtp", "native"])("The roster of a tree on %s", name => {
  it.skipIf(!nativeLoads && name === "native")(
    "is seen whole by a leaf of another branch, and follows who comes, fares and goes",
    async () => {
      const statusMs = 100
      const root = await host({ name: "root", statusMs, transport: await make(name) })
      const relay = await join(root, { name: "relay", statusMs, listen, transport: await make(name) })
      const ada = await join(relay, { name: "ada", statusMs, transport: await make(name) })
      const ben = await join(root, { name: "ben", statusMs, transport: await make(name) })
      const roster = ben.roster()
      /** Resolves when the roster is as it shall be. */
      const seen = (isSo: () => boolean) =>
        new Promise<void>(resolve => {
          const look = () => isSo() && (stop(), resolve())
          const stop = roster.on("change", look)
          look()
        })
      await roster.ready
      await seen(() => roster.entries.length === 4 && roster.entries.every(({ version }) => version !== ""))
      expect(roster.entries.map(({ name, role, depth }) => [name, role, depth])).toEqual([
        ["root", "root", 0],
        ["relay", "relay", 1],
        ["ada", "client", 2],
        ["ben", "client", 1],
      ])
      expect(roster.get(relay.id)).toMatchObject({ addresses: relay.addresses, parent: root.id })
      expect(roster.get(ada.id)).toMatchObject({ path: [root.id, relay.id, ada.id], state: "up" })
      for (let n = 0; n < 500; n++) ada.send("t", n)
      await seen(() => (roster.get(ada.id)?.rates.messagesOut ?? 0) > 0)
      await seen(() => roster.get(ada.id)?.rates.messagesOut === 0)
      await ada.close()
      await seen(() => roster.get(ada.id) === undefined)
      expect(roster.get(relay.id)?.state).toBe("up")
    },
  )
})

describe("A relay whose host is killed and started again", () => {
  it("keeps its clients, who hear each other meanwhile, and sends on what they sent when it is back", async () => {
    const first = await host({ name: "root", transport: await make("zmtp") })
    const address = first.addresses[0]!
    const relay = await join(first, { name: "relay", listen, transport: await make("zmtp"), reconnect: { maxMs: 200 } })
    const ada = await join(relay, { name: "ada", transport: await make("zmtp") })
    const ben = await join(relay, { name: "ben", transport: await make("zmtp") })
    const heard = hear(ben, "t", 2)
    await heard.ready
    ada.send("t", 1)
    await ada.flushed()
    const lost = new Promise(resolve => relay.on("left", resolve))
    first.abort()
    await lost
    ada.send("t", 2)
    await heard.all
    expect(heard.values).toEqual([1, 2])
    const second = await host({ name: "root", listen: address, transport: await make("zmtp") })
    const atRoot = hear(second, "t", 1)
    await atRoot.all
    expect(atRoot.values).toEqual([2])
    await ada.flushed()
  })
})
