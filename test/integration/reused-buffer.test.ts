/** Octets given to send are the caller's again when it returns, on transports that keep long frames by reference too. */
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
    console.warn("\n!!! npm `zeromq` does not load: reused buffers on native are SKIPPED\n")
    return false
  }
})()

const zmtp = new ZmtpTransport()
const subjects: readonly { name: string; address: string; open: () => Promise<Transport>; runs: boolean }[] = [
  { name: "zmtp over tcp", address: "tcp://127.0.0.1:0", open: async () => new ZmtpTransport(), runs: true },
  { name: "zmtp in memory", address: "inproc://reused", open: async () => zmtp, runs: true },
  { name: "native", address: "tcp://127.0.0.1:0", open: () => NativeTransport.open(), runs: nativeLoads },
]

for (const { name, address, open, runs } of subjects) {
  describe.skipIf(!runs)(`A buffer that is used again after send, ${name}`, () => {
    const opened: MessageEndpoint[] = []
    afterEach(async () => {
      for (const endpoint of opened.splice(0).reverse()) await endpoint.close()
    })

    it("arrives as it was when it was sent, from client and host", async () => {
      const host = await MessageEndpoint.host({ listen: address, transport: await open() })
      opened.push(host)
      const join = async () => {
        const client = await MessageEndpoint.join(host.addresses[0]!, { transport: await open() })
        opened.push(client)
        return client
      }
      const [me, you] = [await join(), await join()]
      const wrong: string[] = []
      let left = 30
      const all = new Promise<void>(resolve => {
        const take = (message: { topic: string; payload: Uint8Array }) => {
          const value = Number(message.topic)
          if (message.payload.some(octet => octet !== value)) wrong.push(message.topic)
          if (--left === 0) resolve()
        }
        void you.handle("*", take)
      })
      await you.handle("ready", () => {}).ready
      const buffer = Buffer.alloc(1 << 18)
      for (let value = 1; value <= 30; value++) {
        buffer.fill(value)
        const sender = value % 2 === 0 ? me : host
        expect(sender.send(String(value), buffer, { codec: "raw" })).toBe(true)
      }
      buffer.fill(0)
      await all
      expect(wrong).toEqual([])
    })
  })
}
