/** The door that looks like zeromq.js, where its own tests do not look (`npm run compat` runs those). */
import { execFile } from "node:child_process"
import { afterEach, describe, expect, it } from "vitest"
import * as zmq from "./index.ts"

const opened: zmq.Socket[] = []
afterEach(() => {
  for (const socket of opened.splice(0)) socket.close()
})
function own<S extends zmq.Socket>(socket: S): S {
  socket.linger = 0
  opened.push(socket)
  return socket
}
const text = (frames: readonly Uint8Array[] | undefined) => frames?.map(frame => Buffer.from(frame).toString())

async function pair(): Promise<[zmq.Push, zmq.Pull]> {
  const push = own(new zmq.Push())
  const pull = own(new zmq.Pull())
  await pull.bind("tcp://127.0.0.1:*")
  push.connect(pull.lastEndpoint!)
  return [push, pull]
}

describe("Sending", () => {
  it("queues concurrent sends, in order", async () => {
    const [push, pull] = await pair()
    push.sendHighWaterMark = 2
    const body = Buffer.alloc(200_000)
    const sent = Promise.all(Array.from({ length: 50 }, (_, i) => push.send([`${i}`, body])))
    for (let i = 0; i < 50; i++) expect((await pull.receive())[0]!.toString()).toBe(`${i}`)
    await sent
  })

  it("gives up what has waited too long, and sends the rest in order", async () => {
    const push = own(new zmq.Push())
    push.sendTimeout = 20
    const late = expect(push.send("late")).rejects.toMatchObject({ code: "EAGAIN" })
    push.sendTimeout = -1
    const first = push.send("first")
    const second = push.send("second")
    await late
    const pull = own(new zmq.Pull())
    await pull.bind("tcp://127.0.0.1:*")
    push.connect(pull.lastEndpoint!)
    await Promise.all([first, second])
    expect([text(await pull.receive()), text(await pull.receive())]).toEqual([["first"], ["second"]])
  })

  it("lets requests wait for their turn", async () => {
    const req = own(new zmq.Request())
    const rep = own(new zmq.Reply())
    await rep.bind("tcp://127.0.0.1:*")
    req.connect(rep.lastEndpoint!)
    const served = (async () => {
      for (let i = 0; i < 2; i++) await rep.send(await rep.receive())
    })()
    const both = Promise.all([req.send("1"), req.send("2")])
    expect(text(await req.receive())).toEqual(["1"])
    await both
    expect(text(await req.receive())).toEqual(["2"])
    await served
  })

  it("lets the event loop turn", async () => {
    const [push, pull] = await pair()
    let turns = 0
    let counting = true
    const count = () => {
      turns++
      if (counting) setImmediate(count)
    }
    setImmediate(count)
    for (let i = 0; i < 3_000; i++) await push.send("x")
    const sending = turns
    for (let i = 0; i < 3_000; i++) await pull.receive()
    counting = false
    expect(sending).toBeGreaterThanOrEqual(5)
    expect(turns - sending).toBeGreaterThanOrEqual(5)
  })

  it("fails at a full router's peer only when it must not drop", async () => {
    const router = own(new zmq.Router({ mandatory: true, sendTimeout: 0 }))
    await expect(router.send(["who", "x"])).rejects.toMatchObject({ code: "EHOSTUNREACH" })
    router.mandatory = false
    await router.send(["who", "x"])
  })
})

describe("The fast door", () => {
  it("sends without a promise, and receives many with one", async () => {
    const [push, pull] = await pair()
    for (let i = 0; i < 100; i++) expect(push.sendNow(`${i}`)).toBe(true)
    const all: (string[] | undefined)[] = []
    while (all.length < 100) for (const message of await pull.receiveMany(30)) all.push(text(message))
    expect(all).toEqual(Array.from({ length: 100 }, (_, i) => [`${i}`]))
    expect(pull.receiveNow()).toBeUndefined()
    const alone = own(new zmq.Push())
    expect(alone.sendNow("nobody")).toBe(false)
  })
})

describe("Options", () => {
  it("may change while the socket is open, where libzmq allows it", async () => {
    const xpub = own(new zmq.XPublisher())
    await xpub.bind("tcp://127.0.0.1:*")
    xpub.verbosity = "allSubs"
    for (let i = 0; i < 2; i++) {
      const sub = own(new zmq.Subscriber())
      sub.subscribe("a")
      sub.connect(xpub.lastEndpoint!)
      expect(text(await xpub.receive())).toEqual(["\x01a"])
    }
  })

  it("conflate, manual and welcome reach the engine", async () => {
    const xpub = own(new zmq.XPublisher({ manual: true, welcomeMessage: "hi" }))
    await xpub.bind("tcp://127.0.0.1:*")
    const sub = own(new zmq.Subscriber())
    sub.subscribe("h", "wanted")
    sub.connect(xpub.lastEndpoint!)
    expect(text(await sub.receive())).toEqual(["hi"])
    await xpub.receive()
    xpub.subscribe("granted")
    xpub.subscribe("h")
    expect(text(await xpub.receive())).toEqual(["\x01wanted"])
    await xpub.send("wanted")
    await xpub.send("h2")
    expect(text(await sub.receive())).toEqual(["h2"])
  })

  it("show every interface as libzmq does, and unbind by either name", async () => {
    const rep = own(new zmq.Reply())
    await rep.bind("tcp://*:*")
    expect(rep.lastEndpoint).toMatch(/^tcp:\/\/0\.0\.0\.0:\d+$/)
    await rep.unbind(rep.lastEndpoint!)
    await expect(rep.unbind(rep.lastEndpoint!)).rejects.toMatchObject({ code: "ENOENT" })
  })

  it("say what is wrong with an address in use", async () => {
    const [, pull] = await pair()
    const other = own(new zmq.Pull())
    const told = new Promise<zmq.EventOfType<"bind:error">>(resolve => other.events.on("bind:error", resolve))
    await expect(other.bind(pull.lastEndpoint!)).rejects.toMatchObject({
      code: "EADDRINUSE",
      address: pull.lastEndpoint,
    })
    expect((await told).error.code).toBe("EADDRINUSE")
  })

  it("refuse more sockets than a context may have", () => {
    const context = new zmq.Context({ maxSockets: 1 })
    const one = own(new zmq.Pair({ context }))
    expect(() => new zmq.Pair({ context })).toThrow(expect.objectContaining({ code: "EMFILE" }))
    one.close()
    own(new zmq.Pair({ context }))
  })

  it("keep the inproc names of contexts apart", async () => {
    const here = own(new zmq.Pair())
    const there = own(new zmq.Pair({ context: new zmq.Context() }))
    await here.bind("inproc://door-test")
    await there.bind("inproc://door-test")
  })
})

describe("bindSync", () => {
  it("takes the address soon after", async () => {
    const rep = own(new zmq.Reply())
    const bound = new Promise<zmq.EventOfType<"bind">>(resolve => rep.events.on("bind", resolve))
    rep.bindSync("tcp://127.0.0.1:*")
    const { address } = await bound
    const req = own(new zmq.Request())
    req.connect(address)
    await req.send("?")
    expect(text(await rep.receive())).toEqual(["?"])
    rep.unbindSync(address)
  })
})

describe("Events", () => {
  it("name peers through their handshake and end", async () => {
    const rep = own(new zmq.Reply())
    const seen: string[] = []
    await rep.bind("tcp://127.0.0.1:*")
    const all = (async () => {
      for await (const event of rep.events) {
        seen.push(event.type)
        if (event.type === "disconnect") break
      }
    })()
    const req = own(new zmq.Request())
    req.connect(rep.lastEndpoint!)
    await req.send("x")
    await rep.receive()
    req.close()
    await all
    expect(seen).toEqual(["accept", "handshake", "disconnect"])
  })

  it("tell of attempts, and of an end without an address", async () => {
    const push = own(new zmq.Push({ reconnectInterval: 1 }))
    const retried = new Promise<zmq.EventOfType<"connect:retry">>(resolve => push.events.on("connect:retry", resolve))
    const ended = new Promise<zmq.EventOfType<"end">>(resolve => push.events.on("end", resolve))
    push.connect("tcp://127.0.0.1:1")
    const event = await retried
    expect(event.address).toBe("tcp://127.0.0.1:1")
    expect(event.interval).toBeGreaterThanOrEqual(0)
    push.close()
    expect(await ended).toEqual({ type: "end" })
    expect(push.events.closed).toBe(true)
  })
})

describe("A program", () => {
  const run = (program: string) =>
    new Promise<string>((resolve, reject) => {
      const door = new URL("../../dist/zeromq/index.js", import.meta.url)
      const script = `import * as zmq from ${JSON.stringify(door.href)};\n${program}`
      const options = { timeout: 30_000 }
      execFile(process.execPath, ["--input-type=module", "-e", script], options, (error, out) =>
        error === null ? resolve(out.trim()) : reject(error),
      )
    })

  it("lingers as long as its sockets say", async () => {
    const program = (linger: number) => `const push = new zmq.Push({ linger: ${linger} })
      push.connect("tcp://127.0.0.1:1")
      await push.send("to nobody")
      const begun = performance.now()
      process.on("exit", () => console.log(performance.now() - begun))
      push.close()`
    // It ends at all, where the default of libzmq would wait for ever; and it waits longer than our sockets would.
    await run(program(0))
    expect(Number(await run(program(1_500)))).toBeGreaterThan(1_490)
  })

  it("ends by itself with its sockets open, after what it has sent is delivered", async () => {
    const [, pull] = await pair()
    const done = run(`const push = new zmq.Push()
      push.connect("${pull.lastEndpoint}")
      await push.send(["last", "words"])
      console.log("sent")`)
    expect(await done).toBe("sent")
    expect(text(await pull.receive())).toEqual(["last", "words"])
  })

  it("ends by itself with sockets at a WebSocket port", async () => {
    const program = `const pub = new zmq.Publisher()
      const sub = new zmq.Subscriber()
      await pub.bind("ws://127.0.0.1:*/news")
      sub.subscribe()
      sub.connect(pub.lastEndpoint)
      const heard = sub.receive()
      const telling = setInterval(() => pub.send("news"), 10)
      console.log(String((await heard)[0]))
      clearInterval(telling)`
    expect(await run(program)).toBe("news")
  })

  it("goes on while somebody listens to events, until the socket closes", async () => {
    const program = `const rep = new zmq.Reply()
      rep.events.on("end", () => console.log("ended"))
      await rep.bind("tcp://127.0.0.1:*")
      setTimeout(() => rep.close(), 100).unref()`
    expect(await run(program)).toBe("ended")
  })

  it("goes on while it waits for a message", async () => {
    const done = run(`const rep = new zmq.Reply()
      const req = new zmq.Request()
      await rep.bind("tcp://127.0.0.1:*")
      req.connect(rep.lastEndpoint)
      setTimeout(() => req.send("?"), 100).unref()
      const keep = rep.receive()
      console.log(String((await keep)[0]))
      await rep.send("!")
      console.log(String((await req.receive())[0]))`)
    expect(await done).toBe("?\n!")
  })
})
