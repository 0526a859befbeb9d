/** A tree that grows by itself over real sockets: everyone asks the root, and each is sent to where there is room. */
import { createRequire } from "node:module"
import { afterEach, describe, expect, it } from "vitest"
import { MessageEndpoint } from "../../src/endpoint/index.ts"
import { NativeTransport } from "../../src/transport/native/index.ts"
import type { Transport } from "../../src/transport/transport.ts"
import { ZmtpTransport } from "../../src/transport/zmtp/index.ts"

const nativeLoads = (() => {
  try {
    createRequire(import.meta.url)("zeromq")
    return true
  } catch {
    console.warn("\n!!! npm `zeromq` does not load: growth on native is SKIPPED\n")
    return false
  }
})()

const transports: Record<string, () => Promise<Transport>> = {
  zmtp: async () => new ZmtpTransport(),
  native: () => NativeTransport.open(),
}
const open: MessageEndpoint[] = []

afterEach(async () => {
  await Promise.all(
    open
      .splice(0)
      .reverse()
      .map(endpoint => endpoint.close({ timeoutMs: 500 })),
  )
})

describe.each(Object.keys(transports))("A tree that grows on %s", name => {
  it.skipIf(name === "native" && !nativeLoads)(
    "has twenty relays below a root of four, three links deep at most, and brings a message to all",
    async () => {
      const transport = transports[name]!
      const root = await MessageEndpoint.host({
        listen: "tcp://127.0.0.1:0",
        name: "root",
        maxClients: 4,
        transport: await transport(),
      })
      open.push(root)
      const sentOn: string[] = []
      root.on("redirected", event => sentOn.push(event.name))
      const relays = await Promise.all(
        Array.from({ length: 20 }, async (_, i) => {
          const relay = await MessageEndpoint.join(root.addresses[0]!, {
            listen: "tcp://127.0.0.1:0",
            name: `r${i}`,
            maxClients: 4,
            joinTimeoutMs: 30_000,
            transport: await transport(),
          })
          open.push(relay)
          return relay
        }),
      )
      for (const relay of relays) {
        expect(relay.path[0]).toBe(root.id)
        expect(relay.path.length - 1).toBeLessThanOrEqual(3)
        expect(relay.peers.filter(({ role }) => role === "client").length).toBeLessThanOrEqual(4)
      }
      expect(root.peers.length).toBe(4)
      expect(sentOn.length).toBeGreaterThanOrEqual(16)

      const heard = relays.map(relay => {
        let tell: (value: unknown) => void
        const first = new Promise<unknown>(resolve => {
          tell = resolve
        })
        const { ready } = relay.handle("news", message => tell(message.value))
        return { ready, first }
      })
      await Promise.all(heard.map(({ ready }) => ready))
      root.send("news", "grown")
      expect(new Set(await Promise.all(heard.map(({ first }) => first)))).toEqual(new Set(["grown"]))
    },
    60_000,
  )
})
