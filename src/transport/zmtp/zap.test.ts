import { afterEach, describe, expect, it } from "vitest"
import { toHex } from "../../core/bytes.ts"
import { systemClock } from "../../core/clock.ts"
import { curveClient, curveServer, makeKeyPair, plainClient, plainServer } from "../../zmtp/index.ts"
import { MemoryCarrier, Pull, Push, Router } from "./index.ts"
import { zapAddress, zapAuthenticator } from "./zap.ts"

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
function closing<T extends { close(): unknown }>(thing: T): T {
  closers.push(() => thing.close())
  return thing
}

/** A handler that answers by username or key, and notes what it was asked. */
async function handlerAt(
  carrier: MemoryCarrier,
  answer: (who: string, frames: string[]) => (string | Uint8Array)[] | undefined,
) {
  const asked: string[][] = []
  const handler = closing(
    new Router({
      carriers: [carrier],
      lingerMs: 0,
      onBatch: batch => {
        for (let i = 0; i < batch.count; i++) {
          const [from, empty, ...frames] = batch.message(i).map(frame => new Uint8Array(frame))
          const text = frames.map(frame => Buffer.from(frame).toString())
          const who = text[5] === "CURVE" ? toHex(frames[6]!) : (text[6] ?? "")
          asked.push([...text.slice(0, 1), ...text.slice(2, 6), who])
          const said = answer(who, text)
          if (said !== undefined)
            handler.send([from!, empty!, ...said.map(each => (typeof each === "string" ? Buffer.from(each) : each))])
        }
      },
    }),
  )
  await handler.bind(zapAddress)
  return asked
}

describe("zapAuthenticator", () => {
  it("asks the handler at inproc://zeromq.zap.01, and lets in under the name it gives", async () => {
    const carrier = new MemoryCarrier(systemClock)
    const key = makeKeyPair()
    const client = makeKeyPair()
    const asked = await handlerAt(carrier, (_, [version, id]) => [version!, id!, "200", "OK", "ada", ""])
    const authenticator = zapAuthenticator({ carriers: [carrier] })
    const security = curveServer({ secretKey: key.secretKey, authenticator, domain: "here" })
    const pull = closing(new Pull({ security, lingerMs: 0 }))
    const push = closing(
      new Push({ security: curveClient({ serverKey: key.publicKey, secretKey: client.secretKey }), lingerMs: 0 }),
    )
    push.connect(await pull.bind("tcp://127.0.0.1:0"))
    push.send([Buffer.from("in")])
    expect(Buffer.from((await pull.receive())![0]!).toString()).toBe("in")
    expect(asked).toEqual([["1.0", "here", "127.0.0.1", "", "CURVE", toHex(client.publicKey)]])
  })

  it.each([
    ["400", (id: string) => ["1.0", id, "400", "no", "", ""], "400"],
    ["another version", (id: string) => ["2.0", id, "200", "", "", ""], "500"],
    ["another question", () => ["1.0", "999", "200", "", "", ""], "500"],
    ["too few frames", (id: string) => ["1.0", id, "200"], "500"],
    ["an unknown status", (id: string) => ["1.0", id, "2xx", "", "", ""], "500"],
    ["broken metadata", (id: string) => ["1.0", id, "200", "", "", Uint8Array.of(9, 9)], "500"],
  ])("refuses when the handler says %s", async (_, answer, code) => {
    const carrier = new MemoryCarrier(systemClock)
    await handlerAt(carrier, (__, frames) => answer(frames[1]!))
    const authenticator = zapAuthenticator({ carriers: [carrier], timeoutMs: 200 })
    expect(await ask(authenticator)).toMatchObject({ status: Number(code) })
  })

  it("says 500 where there is no handler, unless told to accept, and asks anew each time", async () => {
    const carriers = [new MemoryCarrier(systemClock)]
    const authenticator = zapAuthenticator({ carriers })
    expect(await ask(authenticator)).toMatchObject({ status: 500 })
    expect(await ask(zapAuthenticator({ carriers, withoutHandler: "accept" }))).toEqual({ status: 200 })
    await handlerAt(carriers[0]!, (_, [version, id]) => [version!, id!, "200", "", "", ""])
    expect(await ask(authenticator)).toMatchObject({ status: 200 })
  })

  it("serves PLAIN", async () => {
    const carrier = new MemoryCarrier(systemClock)
    await handlerAt(carrier, (who, [version, id]) => [version!, id!, who === "ada" ? "200" : "400", "", who, ""])
    const security = plainServer({ authenticator: zapAuthenticator({ carriers: [carrier] }) })
    const pull = closing(new Pull({ security, lingerMs: 0 }))
    const address = await pull.bind("tcp://127.0.0.1:0")
    const refused = new Promise(resolve => pull.events.on("handshakeFailed", resolve))
    closing(
      new Push({ security: plainClient({ username: "eve", password: "" }), lingerMs: 0, reconnect: false }),
    ).connect(address)
    expect(await refused).toMatchObject({ error: { code: "Unauthorized" } })
    const push = closing(new Push({ security: plainClient({ username: "ada", password: "" }), lingerMs: 0 }))
    push.connect(address)
    push.send([Buffer.from("in")])
    expect(Buffer.from((await pull.receive())![0]!).toString()).toBe("in")
  })
})

function ask(authenticator: ReturnType<typeof zapAuthenticator>) {
  return authenticator({
    credentials: { mechanism: "NULL" },
    remote: "tcp://10.0.0.7:1",
    address: "10.0.0.7",
    domain: "",
  })
}
