/** A host that spreads its clients over worker threads (T3), on real threads and sockets. It runs from dist/, as a user's would. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { BroadcastChannel } from "node:worker_threads"
import { afterAll, afterEach, describe, expect, it } from "vitest"
import { RecordingLogger } from "../../src/core/logger.ts"
import type * as Front from "../../src/index.ts"
import type * as Transport from "../../src/transport/zmtp/index.ts"
import type * as Zmtp from "../../src/zmtp/index.ts"

const dist = (path: string) => pathToFileURL(join(import.meta.dirname, "../../dist", path)).href
const { Endpoint, text } = (await import(dist("index.js"))) as typeof Front
const { ZmtpTransport } = (await import(dist("transport/zmtp/index.js"))) as typeof Transport
const { curveClient, curveServer, makeKeyPair } = (await import(dist("zmtp/index.js"))) as typeof Zmtp
type Endpoint = Front.Endpoint

const folder = mkdtempSync(join(tmpdir(), "zinc-relays-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const module = (name: string, source: string): string => {
  const path = join(folder, name)
  writeFileSync(path, source)
  return path
}

const open: Endpoint[] = []
const opened = <E extends Endpoint>(endpoint: E): E => {
  open.push(endpoint)
  return endpoint
}
afterEach(async () => {
  await Promise.all(
    open
      .splice(0)
      .reverse()
      .map(each => each.close({ timeoutMs: 500 })),
  )
})

type HostOptions = Parameters<typeof Endpoint.host>[0]
const hosting = async (options: Partial<HostOptions> & Pick<HostOptions, "relays">) =>
  opened(await Endpoint.host({ listen: "tcp://127.0.0.1:0", name: "hub", ...options }))
type JoinOptions = Parameters<typeof Endpoint.join>[1]
const joining = async (host: Endpoint, options: JoinOptions = {}) =>
  opened(await Endpoint.join(host.addresses[0]!, options))
const hostOf = (client: Endpoint) => client.peers.find(({ role }) => role === "host")!.name

/** It follows the topic by now; `all` resolves when that many messages have come. */
async function listener(
  endpoint: Endpoint,
  topic: string,
  count: number,
): Promise<{ readonly all: Promise<unknown[]> }> {
  const heard: unknown[] = []
  let resolve = (_: unknown[]) => {}
  const all = new Promise<unknown[]>(done => {
    resolve = done
  })
  const { ready } = await endpoint.handle(topic, ({ value }) => {
    heard.push(value)
    if (heard.length === count) resolve(heard)
  })
  await ready
  return { all }
}

/** So many clients, and further ones until one is at each relay: which a joiner takes depends on how busy they are. */
async function atBoth(host: Endpoint, count: number) {
  const clients = await Promise.all(Array.from({ length: count }, (_, i) => joining(host, { name: `c${i}` })))
  const at = (name: string) => clients.find(client => hostOf(client) === name)
  for (let i = count; at("hub/1") === undefined || at("hub/2") === undefined; i++) {
    expect(i).toBeLessThan(200)
    clients.push(await joining(host, { name: `c${i}` }))
  }
  for (const client of clients) expect(["hub/1", "hub/2"]).toContain(hostOf(client))
  return { clients, one: at("hub/1")!, other: at("hub/2")! }
}

/** The next event of that type for which the condition holds. */
function event<T extends "joined" | "left">(endpoint: Endpoint, type: T, about: string): Promise<void> {
  return new Promise(resolve => {
    const forget = endpoint.on(type, ({ peer }) => {
      if (peer.name !== about) return
      forget()
      resolve()
    })
  })
}

describe("A host with relays of its own", { timeout: 60_000 }, () => {
  it("spreads its clients over them, who hear, ask and find each other wherever they are", async () => {
    const host = await hosting({ relays: { threads: 2 } })
    expect(host.peers.map(({ name }) => name).sort()).toEqual(["hub/1", "hub/2"])
    const { clients, one, other } = await atBoth(host, 30)
    const nearest = await Promise.all(clients.filter(each => each !== one).map(each => listener(each, "news", 2)))
    host.send("news", "of the host")
    one.send("news", "of a client")
    for (const { all } of nearest) expect(await all).toHaveLength(2)

    const others = clients.filter(each => each !== one && each !== other)
    const orders = await Promise.all(others.map(each => listener(each, "orders", 40)))
    for (let i = 0; i < 20; i++)
      for (const each of [one, other]) each.send("orders", `${each.name} ${i}`, { route: "ordered" })
    const [first, ...rest] = await Promise.all(orders.map(({ all }) => all))
    for (const heard of rest) expect(heard).toEqual(first)

    await (await other.handle("square", ({ value }) => (value as number) ** 2)).ready
    expect(await one.request(other.name, "square", 7)).toBe(49)
  })

  it("serves documents through them", async () => {
    const host = await hosting({ relays: { threads: 2 } })
    const { one, other } = await atBoth(host, 2)
    const notes = await one.document("notes", text)
    const there = await other.document("notes", text)
    const changed = new Promise<void>(resolve => there.on("change", () => there.toString() === "hello" && resolve()))
    notes.insert(0, "hello")
    await changed
  })

  it("judges their joiners by its own authenticator, and knows its relays", async () => {
    const asked: string[] = []
    const host = await hosting({
      relays: { threads: 1 },
      authenticator: {
        authenticate({ name, token }) {
          asked.push(name)
          return Buffer.from(token).toString() === "secret"
            ? { allow: true, grants: { send: ["open"] } }
            : { allow: false, reason: "the secret is wrong" }
        },
      },
    })
    expect(asked).toEqual([])
    const ada = await joining(host, { name: "ada", token: "secret" })
    expect(hostOf(ada)).toBe("hub/1")
    await expect(joining(host, { name: "eve", token: "guess" })).rejects.toThrow("the secret is wrong")
    await expect(ada.send("closed", 1, { ack: "received" })).rejects.toMatchObject({ code: "Unauthorized" })
    expect(new Set(asked)).toEqual(new Set(["ada", "eve"]))
  })

  it("replaces one whose thread ends, and its clients go on", async () => {
    const logger = new RecordingLogger()
    const deadly = module(
      "deadly.mjs",
      `import { BroadcastChannel, workerData } from "node:worker_threads"
       export default name => {
         const channel = new BroadcastChannel(name)
         channel.onmessage = ({ data }) => data === workerData.name && process.exit(3)
         channel.unref()
         return {}
       }`,
    )
    const host = await hosting({ logger, relays: { threads: 2, module: deadly, data: folder } })
    const clients = await Promise.all(Array.from({ length: 8 }, (_, i) => joining(host, { name: `c${i}` })))
    const victim = hostOf(clients[0]!)
    const gone = event(host, "left", victim)
    const back = event(host, "joined", victim)
    const channel = new BroadcastChannel(folder)
    channel.postMessage(victim)
    await gone
    await back
    channel.close()
    expect(logger.records.some(({ message }) => message.startsWith("a relay of this host has ended"))).toBe(true)
    // Everyone hears what is sent from now on, wherever it is by then.
    const heard = await Promise.all(clients.map(each => listener(each, "after", 1)))
    host.send("after", "all is well")
    await Promise.all(heard.map(({ all }) => all))
  })

  it("closes with them, and their clients are told", async () => {
    const host = await hosting({ relays: { threads: 2 } })
    const clients = await Promise.all(Array.from({ length: 6 }, () => joining(host)))
    const told = clients.map(each => event(each, "left", hostOf(each)))
    await host.close()
    await Promise.all(told)
    await host.close()
  })

  it("is secured in its threads as a module says", async () => {
    const hub = makeKeyPair()
    const secured = module(
      "secured.mjs",
      `import { ZmtpTransport } from ${JSON.stringify(dist("transport/zmtp/index.js"))}
       import { curveClient, curveServer } from ${JSON.stringify(dist("zmtp/index.js"))}
       export default ({ secretKey, serverKey }) => ({
         transport: new ZmtpTransport({ security: { listen: curveServer({ secretKey }), dial: curveClient({ serverKey }) } }),
       })`,
    )
    const host = await hosting({
      transport: new ZmtpTransport({ security: { listen: curveServer({ secretKey: hub.secretKey }) } }),
      relays: { threads: 1, module: secured, data: { secretKey: hub.secretKey, serverKey: hub.publicKey } },
    })
    const dial = curveClient({ serverKey: hub.publicKey })
    const ada = await joining(host, { transport: new ZmtpTransport({ security: { dial } }) })
    expect(hostOf(ada)).toBe("hub/1")
  })

  it("says why a relay cannot join, and leaves nothing open", async () => {
    const broken = module("broken.mjs", "export default () => { throw new Error('no such luck') }")
    const opening = hosting({ relays: { threads: 2, module: broken } })
    await expect(opening).rejects.toThrow("no such luck")
  })

  it("may be a relay itself, and a voter", async () => {
    const root = await hosting({ name: "root", relays: { threads: 1 }, data: join(folder, "votes") })
    const relay = opened(
      await Endpoint.join(root.addresses[0]!, { name: "far", listen: "tcp://127.0.0.1:0", relays: { threads: 1 } }),
    )
    const client = opened(await Endpoint.join(relay.addresses[0]!, { name: "leaf" }))
    expect(hostOf(client)).toBe("far/1")
    const heard = await listener(client, "news", 1)
    root.send("news", 1, { route: "ordered" })
    expect(await heard.all).toEqual([1])
  })
})
