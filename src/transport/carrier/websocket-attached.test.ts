/** Sockets on an HTTP server that is the program's own. */
import { createServer, get } from "node:http"
import { type AddressInfo, connect } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { Dealer, Pull, Push, Router } from "../zmtp/index.ts"
import { WebSocketCarrier } from "./websocket.ts"

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function server() {
  const http = createServer((request, response) => response.end(`page ${request.url}`))
  await new Promise<void>(resolve => http.listen(0, "127.0.0.1", resolve))
  closers.push(() => http.close())
  const at = `ws://127.0.0.1:${(http.address() as AddressInfo).port}`
  return { http, at, carriers: [new WebSocketCarrier({ server: http })] }
}

function own<S extends { close(options: object): unknown }>(socket: S): S {
  closers.push(() => socket.close({ lingerMs: 0 }))
  return socket
}

/** The first line of the answer to an upgrade request. */
function answerAt(address: string, path: string): Promise<string> {
  const socket = connect(Number(/:(\d+)$/.exec(address)![1]), "127.0.0.1")
  closers.push(() => socket.destroy())
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ZWS2.0/NULL\r\n\r\n",
  )
  return new Promise(resolve => socket.once("data", chunk => resolve(chunk.toString("latin1").split("\r\n")[0]!)))
}

describe("An HTTP server of the program's own", () => {
  it("carries several sockets by path, and serves its pages as before", async () => {
    const { at, carriers } = await server()
    const pull = own(new Pull({ carriers }))
    const router = own(new Router({ carriers }))
    expect(await pull.bind(`${at}/tasks`)).toBe(`${at}/tasks`)
    await router.bind(`${at}/talk`)
    const push = own(new Push())
    const dealer = own(new Dealer())
    push.connect(`${at}/tasks`)
    dealer.connect(`${at}/talk`)
    push.send([Buffer.from("a task"), Buffer.alloc(100_000, 1)])
    dealer.send([Buffer.from("hello")])
    const [task, large] = (await pull.receive())!
    expect([Buffer.from(task!).toString(), large!.length]).toEqual(["a task", 100_000])
    const [who, said] = (await router.receive())!
    expect(Buffer.from(said!).toString()).toBe("hello")
    router.send([who!, Buffer.from("welcome")])
    expect(Buffer.from((await dealer.receive())![0]!).toString()).toBe("welcome")
    const page = await new Promise<string>(resolve => {
      get(`${at.replace("ws:", "http:")}/index`, response => response.on("data", chunk => resolve(String(chunk))))
    })
    expect(page).toBe("page /index")
  })

  it("says 404 where nobody listens, and leaves others' paths to others", async () => {
    const { http, at, carriers } = await server()
    const pull = own(new Pull({ carriers }))
    await pull.bind(`${at}/tasks`)
    expect(await answerAt(at, "/elsewhere")).toBe("HTTP/1.1 404 Not Found")
    expect(await answerAt(at, "/tasks")).toBe("HTTP/1.1 101 Switching Protocols")
    http.on("upgrade", (request, socket) => {
      if (request.url === "/elsewhere") socket.end("HTTP/1.1 418 Somebody Else\r\n\r\n")
    })
    expect(await answerAt(at, "/elsewhere")).toBe("HTTP/1.1 418 Somebody Else")
  })

  it("is left alone once nobody listens on it", async () => {
    const { http, at, carriers } = await server()
    const pull = own(new Pull({ carriers }))
    await pull.bind(`${at}/tasks`)
    await expect(own(new Pull({ carriers })).bind(`${at}/tasks`)).rejects.toMatchObject({ code: "AddressInUse" })
    expect(http.listenerCount("upgrade")).toBe(1)
    await pull.unbind(`${at}/tasks`)
    expect(http.listenerCount("upgrade")).toBe(0)
  })
})
