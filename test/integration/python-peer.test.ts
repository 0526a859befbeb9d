/** The Python peer of examples/, which knows the protocol pages only, with hosts of ours on both transports. */
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { createRequire } from "node:module"
import { delimiter, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { afterEach, beforeAll, describe, expect, it } from "vitest"
import type * as Endpoints from "../../src/endpoint/index.ts"
import type * as Native from "../../src/transport/native/index.ts"
import type { Transport } from "../../src/transport/transport.ts"
import type * as Zmtp from "../../src/transport/zmtp/index.ts"
import { LineProcess } from "./line-process.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))
const script = join(root, "examples/python/zinc_peer.py")
const python = findPython()
if (python === undefined)
  console.warn("\n!!! no python3 here can `import zmq`: the Python peer is SKIPPED (install python3-zmq)\n")

interface PeerEvent {
  readonly event: string
  readonly topic?: string
  readonly origin?: string
  readonly sequence?: number
  readonly direct?: boolean
  readonly value?: unknown
  readonly reason?: string
}

function findPython(): string | undefined {
  const onPath = (process.env["PATH"] ?? "").split(delimiter).map(folder => join(folder, "python3"))
  const candidates = [process.env["ZINC_TEST_PYTHON"], ...onPath, "/usr/bin/python3", "/usr/local/bin/python3"]
  return candidates.find(
    path => path !== undefined && existsSync(path) && spawnSync(path, ["-c", "import zmq"]).status === 0,
  )
}

function load<T>(path: string): Promise<T> {
  return import(pathToFileURL(join(root, "dist", path)).href) as Promise<T>
}

const transports: Record<string, () => Promise<Transport>> = {
  zmtp: async () => new (await load<typeof Zmtp>("transport/zmtp/index.js")).ZmtpTransport(),
  native: async () => (await load<typeof Native>("transport/native/index.js")).NativeTransport.open(),
}
const nativeLoads = (() => {
  try {
    createRequire(import.meta.url)("zeromq")
    return true
  } catch {
    console.warn("\n!!! npm `zeromq` does not load: the Python peer with native hosts is SKIPPED\n")
    return false
  }
})()

for (const [name, openTransport] of Object.entries(transports)) {
  describe.skipIf(python === undefined || (name === "native" && !nativeLoads))(`Python peer at a ${name} host`, () => {
    let endpoints: typeof Endpoints
    const open: { kill?(): Promise<void>; close?(): Promise<void> }[] = []

    beforeAll(async () => {
      endpoints = await load("endpoint/index.js")
    })
    afterEach(async () => {
      for (const each of open.splice(0).reverse()) await (each.kill?.() ?? each.close?.())
    })

    async function host(options: Partial<Endpoints.HostOptions> = {}): Promise<Endpoints.MessageEndpoint> {
      const endpoint = await endpoints.MessageEndpoint.host({
        listen: "tcp://127.0.0.1:0",
        name: "hub",
        transport: await openTransport(),
        authenticator: endpoints.tokenAuthenticator("sesame"),
        unguarded: name === "native",
        ...options,
      })
      open.push(endpoint)
      return endpoint
    }

    async function client(hub: Endpoints.MessageEndpoint, token = "sesame"): Promise<Endpoints.MessageEndpoint> {
      const options = { name: "ts", token, transport: await openTransport() }
      const endpoint = await endpoints.MessageEndpoint.join(hub.addresses[0]!, options)
      open.push(endpoint)
      return endpoint
    }

    function peer(hub: Endpoints.MessageEndpoint, ...parameters: string[]): LineProcess {
      const child = new LineProcess(python!, [script, hub.addresses[0]!, ...parameters])
      open.push(child)
      return child
    }

    const event = (child: LineProcess, type: string, accept: (event: PeerEvent) => boolean = () => true) =>
      child.line(type, line => {
        const said = JSON.parse(line) as PeerEvent
        return said.event === type && accept(said) ? said : undefined
      })

    it("is refused with a wrong token", async () => {
      const hub = await host()
      const refused = new Promise<string>(resolve => hub.on("refused", ({ code }) => resolve(code)))
      const child = peer(hub, "--token", "open up")
      expect((await event(child, "refused")).reason).toMatch(/^Unauthorized: /)
      expect(await child.ended()).toBe(3)
      expect(await refused).toBe("Unauthorized")
    })

    it("receives what a TypeScript client sends, in order, on both routes", async () => {
      const hub = await host()
      const me = await client(hub)
      const child = peer(hub, "--token", "sesame", "--listen", "price.*", "--messages", "301")
      await event(child, "joined")
      me.send("weather", "not for it")
      for (let i = 1; i <= 300; i++) me.send("price.eur", { bid: i })
      const last = await event(child, "message", said => said.sequence === 300)
      expect(last).toMatchObject({ topic: "price.eur", origin: me.id, value: { bid: 300 }, direct: false })
      me.send("price.usd", ["grüße", null, 1.5], { route: "ordered" })
      expect(await child.ended()).toBe(0)
      const said = child.lines.map(line => JSON.parse(line) as PeerEvent).filter(each => each.event === "message")
      const numbers = said.filter(each => each.topic === "price.eur").map(each => each.sequence)
      expect(numbers).toEqual(Array.from({ length: 300 }, (_, index) => index + 1))
      expect(said.at(-1)).toMatchObject({ topic: "price.usd", value: ["grüße", null, 1.5] })
      expect(child.said).not.toMatch(/"gap"|weather/)
    })

    it("sends what host and client receive, under its own id", async () => {
      const hub = await host()
      const me = await client(hub)
      const joined = new Promise<string>(resolve => hub.on("joined", ({ peer }) => resolve(peer.id)))
      const atHost = new Promise<Endpoints.Message>(resolve => hub.handle("news", resolve))
      const handling = me.handle("news", message => atClient(message))
      let atClient: (message: Endpoints.Message) => void = () => {}
      const received = new Promise<Endpoints.Message>(resolve => {
        atClient = resolve
      })
      await handling.ready
      const child = peer(hub, "--token", "sesame", "--name", "snake", "--send", "news", '{"hello": "wörld"}')
      const id = await joined
      for (const message of [await atHost, await received]) {
        expect(message.value).toEqual({ hello: "wörld" })
        expect(message).toMatchObject({ topic: "news", origin: id, sequence: 1, route: "nearest", direct: false })
      }
      await event(child, "rooted")
      expect(await child.ended()).toBe(0)
    })

    it("answers requests, and says so when it has no handler", async () => {
      const hub = await host()
      const me = await client(hub)
      const child = peer(hub, "--token", "sesame", "--name", "snake", "--answer", "sum")
      await event(child, "joined")
      expect(await me.request("snake", "sum", [1, 2])).toEqual({ answer: [1, 2], by: "snake" })
      expect(await hub.request("snake", "sum", "from the host")).toEqual({ answer: "from the host", by: "snake" })
      await expect(me.request("snake", "product", [1, 2])).rejects.toMatchObject({ code: "NoHandler" })
    })

    it("takes direct messages, answers heartbeats, and leaves in order", async () => {
      const hub = await host({ heartbeatMs: 50 })
      const child = peer(hub, "--token", "sesame", "--name", "snake", "--listen", "never", "--messages", "1")
      await event(child, "joined")
      const left = new Promise<string>(resolve => hub.on("left", ({ code }) => resolve(code)))
      await expect.poll(() => hub.peers[0]?.roundTripMs, { timeout: 10_000 }).toBeGreaterThan(0)
      await hub.sendTo("snake", "note", "for you alone")
      const note = await event(child, "message")
      expect(note).toMatchObject({ topic: "note", direct: true, value: "for you alone", origin: hub.id })
      expect(await child.ended()).toBe(0)
      expect(await left).toBe("Requested")
    })

    it("hears which topics it may not follow, and what it may not send goes nowhere", async () => {
      const grants = { receive: ["price.*"], send: ["news"] }
      const hub = await host({ authenticator: endpoints.tokenAuthenticator("sesame", grants) })
      const violation = new Promise<string>(resolve => hub.on("violation", ({ error }) => resolve(error.code)))
      const news = new Promise<unknown>(resolve => hub.handle("news", message => resolve(message.value)))
      let secret = 0
      hub.handle("secret", () => {
        secret++
      })
      const sent = ["--send", "secret", "1", "--send", "news", "2"]
      const child = peer(hub, "--token", "sesame", "--listen", "secret", "--listen", "price.*", ...sent)
      expect((await event(child, "notGranted")).topic).toMatch(/secret/)
      expect(await violation).toBe("Unauthorized")
      expect(await news).toBe(2)
      expect(secret).toBe(0)
    })

    it("hears all that the host sent before it closed", async () => {
      const hub = await host()
      const child = peer(hub, "--token", "sesame", "--listen", "last")
      await event(child, "joined")
      for (let i = 1; i <= 2_000; i++) hub.send("last", i)
      await hub.close()
      await event(child, "message", said => said.value === 2_000)
      expect((await event(child, "lost")).reason).toBe("the host left")
    })

    it("notices that the host is gone", async () => {
      const hub = await host({ sessionKeepMs: 600 })
      const child = peer(hub, "--token", "sesame", "--listen", "never")
      await event(child, "joined")
      hub.abort()
      expect((await event(child, "lost")).reason).toMatch(/silent/)
      expect(await child.ended()).toBe(4)
    })
  })
}
