/** Endpoints under CURVE and over WebSocket: who may, joins; who may not, learns why. */
import { afterEach, describe, expect, it } from "vitest"
import { deferred } from "../../src/core/deferred.ts"
import { Endpoint, text } from "../../src/index.ts"
import { ZmtpTransport } from "../../src/transport/zmtp/index.ts"
import { allowKeys, curveClient, curveServer, makeKeyPair } from "../../src/zmtp/index.ts"

const open: Endpoint[] = []
afterEach(async () => {
  for (const endpoint of open.splice(0).reverse()) await endpoint.close()
})
function kept(endpoint: Endpoint): Endpoint {
  open.push(endpoint)
  return endpoint
}

const hub = makeKeyPair()
const ada = makeKeyPair()
const listen = curveServer({ secretKey: hub.secretKey, authenticator: allowKeys([ada.publicKey]) })
const dialling = (dial: ReturnType<typeof curveClient>) => new ZmtpTransport({ security: { dial } })

describe.each(["tcp://127.0.0.1:0", "ws://127.0.0.1:0/zinc"])("A host under CURVE at %s", address => {
  it("takes whom it knows, with messages and documents", async () => {
    const host = kept(await Endpoint.host({ listen: address, transport: new ZmtpTransport({ security: { listen } }) }))
    const transport = dialling(curveClient({ serverKey: hub.publicKey, secretKey: ada.secretKey }))
    const member = kept(await Endpoint.join(host.addresses[0]!, { transport }))
    const notes = await host.document("notes", text)
    const mine = await member.document("notes", text)
    mine.insert(0, "under cover")
    await mine.acknowledged("rooted")
    expect(notes.toString()).toBe("under cover")
    const news = deferred<unknown>()
    await member.handle("news", message => news.resolve(message.value)).ready
    host.send("news", { large: "x".repeat(100_000) })
    expect(await news.promise).toEqual({ large: "x".repeat(100_000) })
  })

  it.each([
    ["a stranger", () => dialling(curveClient({ serverKey: hub.publicKey }))],
    ["one who expects another host", () => dialling(curveClient({ serverKey: ada.publicKey }))],
    ["one without CURVE", () => new ZmtpTransport()],
  ])("refuses %s", async (_, transport) => {
    const host = kept(await Endpoint.host({ listen: address, transport: new ZmtpTransport({ security: { listen } }) }))
    await expect(Endpoint.join(host.addresses[0]!, { transport: transport() })).rejects.toMatchObject({
      code: "HandshakeFailed",
    })
  })
})

describe("A host at several addresses", () => {
  it("has clients over tcp and WebSocket in one cluster", async () => {
    const host = kept(await Endpoint.host({ listen: ["tcp://127.0.0.1:0", "ws://127.0.0.1:0"] }))
    const [tcp, ws] = host.addresses
    const one = kept(await Endpoint.join(tcp!))
    const other = kept(await Endpoint.join(ws!))
    const heard = deferred<unknown>()
    await other.handle("from.tcp", message => heard.resolve(message.value)).ready
    one.send("from.tcp", "hello")
    expect(await heard.promise).toBe("hello")
  })
})
