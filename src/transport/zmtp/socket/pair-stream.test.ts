/** PAIR, which has one peer, and STREAM, which speaks no ZMTP. */
import { connect, createServer, type Socket } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { fromUtf8, utf8 } from "../../../core/bytes.ts"
import { Pair } from "./pair.ts"
import type { PatternSocket } from "./pattern-socket.ts"
import { Stream } from "./stream.ts"

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
function own<S extends PatternSocket>(socket: S): S {
  closers.push(() => socket.close({ lingerMs: 0 }))
  return socket
}
const say = (...frames: string[]) => frames.map(utf8)
const read = async (socket: { receive(): Promise<Uint8Array[] | undefined> }) => (await socket.receive())?.map(fromUtf8)
let names = 0
const address = () => `inproc://pair-${++names}`
const next = (socket: PatternSocket, type: "connected" | "handshakeFailed" | "disconnected") =>
  new Promise(resolve => socket.events.on(type, resolve))

describe("Pair", () => {
  it("talks both ways, and queues before its peer is there", async () => {
    const at = address()
    const dialled = own(new Pair({ reconnect: { initialMs: 1, maxMs: 2 } }))
    dialled.connect(at)
    expect(dialled.send(say("early", "bird"))).toBe(true)
    const bound = own(new Pair())
    expect(bound.send(say("to nobody"))).toBe(false)
    await bound.bind(at)
    expect(await read(bound)).toEqual(["early", "bird"])
    bound.send(say("back"))
    expect(await read(dialled)).toEqual(["back"])
  })

  it("turns a second peer away, which gets its turn when the first has left", async () => {
    const bound = own(new Pair())
    const at = await bound.bind(address())
    const first = own(new Pair())
    first.connect(at)
    await next(bound, "connected")
    const second = own(new Pair({ reconnect: { initialMs: 1, maxMs: 5 } }))
    const refused = next(second, "handshakeFailed")
    second.connect(at)
    expect(await refused).toMatchObject({ retry: true })
    expect(bound.peers).toHaveLength(1)
    const let_in = next(bound, "connected")
    await first.close()
    await let_in
    bound.send(say("you now"))
    expect(await read(second)).toEqual(["you now"])
  })
})

/** A plain TCP connection that collects what comes. */
function plain(socket: Socket) {
  let text = ""
  let wake = () => {}
  socket.on("data", chunk => {
    text += chunk
    wake()
  })
  socket.on("error", () => {})
  const ended = new Promise<void>(resolve => socket.on("close", () => resolve()))
  const has = async (wanted: string) => {
    while (!text.includes(wanted)) {
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
  }
  return { socket, ended, has }
}

describe("Stream", () => {
  it("serves plain TCP: tells who comes and goes, and gives and takes octets", async () => {
    const stream = own(new Stream())
    const at = new URL(await stream.bind("tcp://127.0.0.1:0"))
    const client = plain(connect({ host: at.hostname, port: Number(at.port) }))
    const [who, hello] = (await stream.receive())!
    expect([who!.length, hello!.length]).toEqual([5, 0])
    client.socket.write("GET /")
    const [again, octets] = (await stream.receive())!
    expect(again).toEqual(who)
    expect(fromUtf8(octets!)).toBe("GET /")
    expect(stream.send([who!, utf8("200 OK")])).toBe(true)
    await client.has("200 OK")
    // An empty frame closes, after what is queued.
    stream.send([who!, utf8("bye")])
    stream.send([who!, new Uint8Array(0)])
    await client.has("bye")
    await client.ended
    expect((await stream.receive())!.map(frame => frame.length)).toEqual([5, 0])
    expect(() => stream.send([who!, utf8("x")])).toThrow(expect.objectContaining({ code: "Unreachable" }))
  })

  it("dials under a name, and can be told what to send before anybody is there", async () => {
    const greeted = new Promise<string>(resolve => {
      const server = createServer(socket => {
        socket.once("data", data => {
          socket.end("world")
          resolve(data.toString())
        })
        socket.on("error", () => {})
      })
      closers.push(() => new Promise(done => server.close(done)))
      server.listen(0, "127.0.0.1", () => {
        const stream = own(new Stream({ notify: false, reconnect: false }))
        stream.connect(`tcp://127.0.0.1:${(server.address() as { port: number }).port}`, { identity: utf8("web") })
        stream.send(say("web", "hello"))
        answer = read(stream)
      })
    })
    let answer: Promise<string[] | undefined> | undefined
    expect(await greeted).toBe("hello")
    expect(await answer).toEqual(["web", "world"])
  })
})
