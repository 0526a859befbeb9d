/** libzmq peers killed and restarted on their address: what was whole stays in order, once; connections come back. */
import { afterEach, describe, expect, it } from "vitest"
import { Dealer, Pull, Push, Router } from "../../src/transport/zmtp/index.ts"
import { nextEvent, receiveAll, sendAll } from "./our-socket.ts"
import { describeFrames, framesOf, PeerProcess, peerKinds } from "./peer-process.ts"

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
function closing<T extends { close(): unknown }>(thing: T): T {
  closers.push(() => thing.close())
  return thing
}
const fast = { initialMs: 10, maxMs: 50 }

for (const kind of peerKinds) {
  const start = async () => {
    const peer = await PeerProcess.start(kind)
    closers.push(() => peer.stop())
    return peer
  }

  describe(`${kind} libzmq killed and restarted`, () => {
    it("as PULL: our PUSH keeps what waits, and it arrives in order, once", async () => {
      const first = await start()
      const address = await first.bind("s", "PULL", "tcp://127.0.0.1:*")
      const push = closing(new Push({ lingerMs: 0, reconnect: fast }))
      push.connect(address)
      const numbered = (from: number, to: number) =>
        Array.from({ length: to - from }, (_, i) => [Buffer.from(String(from + i))])
      await sendAll(push, numbered(0, 100))
      expect((await first.receive("s", 100)).messages.length).toBe(100)

      const lost = nextEvent(push, "disconnected")
      await first.stop("SIGKILL")
      await lost
      // Nobody is there now, so nothing of these can be in flight.
      for (const frames of numbered(100, 600)) expect(push.send(frames)).toBe(true)
      const second = await start()
      await second.bind("s", "PULL", address)
      await sendAll(push, numbered(600, 1_000))
      const came = await second.receive("s", 900, { plain: true })
      expect(came.messages.map(([hex]) => Number(Buffer.from(hex!, "hex").toString()))).toEqual(
        Array.from({ length: 900 }, (_, i) => 100 + i),
      )
    })

    it("as PULL that had not read for long: what waited here behind it arrives at the next one", async () => {
      const first = await start()
      const address = await first.bind("s", "PULL", "tcp://127.0.0.1:*", { options: { RCVHWM: 10 } })
      const limit = 50
      const push = closing(new Push({ lingerMs: 0, reconnect: fast, sendLimits: { messages: limit } }))
      const connected = nextEvent(push, "connected")
      push.connect(address)
      await connected
      const weight = Buffer.alloc(32 * 1024)
      let sent = 0
      while (push.send([Buffer.from(String(sent)), weight])) sent++
      const lost = nextEvent(push, "disconnected")
      await first.stop("SIGKILL")
      await lost
      const second = await start()
      await second.bind("s", "PULL", address)
      while (!push.send([Buffer.from("last")])) await push.drained()
      const came: string[] = []
      while (came.at(-1) !== "last") {
        const { messages } = await second.receive("s", 1, { plain: true })
        came.push(Buffer.from(messages[0]![0]!, "hex").toString())
      }
      came.pop()
      // What the system had is lost with the connection; what waited here is not, so it is the end of what was sent.
      expect(came.length).toBeGreaterThanOrEqual(limit / 2)
      expect(came).toEqual(Array.from({ length: came.length }, (_, i) => String(sent - came.length + i)))
    })

    it("as PUSH amid a large message: our PULL never sees a part", async () => {
      const pull = closing(new Pull({ lingerMs: 0 }))
      const address = await pull.bind("tcp://127.0.0.1:0")
      const first = await start()
      await first.connect("s", "PUSH", address)
      const shape = [1_000_000, 0, 2_000_000]
      first.send("s", { seed: "cut", messages: [shape], times: 40 }).catch(() => {})
      const wanted = describeFrames(framesOf("cut", shape, 0))
      expect((await receiveAll(pull, 2)).map(describeFrames)).toEqual([wanted, wanted])
      const lost = nextEvent(pull, "disconnected")
      await first.stop("SIGKILL")
      // Read on until it is gone: everything that still comes is whole.
      let gone = false
      lost.then(() => {
        gone = true
      })
      const second = await start()
      await second.connect("s", "PUSH", address)
      await second.send("s", { frames: [Buffer.from("after").toString("hex")] })
      for (;;) {
        const [message] = await receiveAll(pull, 1)
        if (Buffer.from(message![0]!).toString() === "after") break
        expect(describeFrames(message!)).toEqual(wanted)
      }
      await lost
      expect(gone).toBe(true)
    })

    it("as DEALER: our ROUTER forgets it and serves the next one of the same identity", async () => {
      const router = closing(new Router({ lingerMs: 0 }))
      const address = await router.bind("tcp://127.0.0.1:0")
      for (let life = 0; life < 2; life++) {
        const peer = await start()
        await peer.connect("s", "DEALER", address, { options: { ROUTING_ID: "worker" } })
        await peer.send("s", { frames: [Buffer.from(`life ${life}`).toString("hex")] })
        const [message] = await receiveAll(router, 1)
        expect(message!.map(each => Buffer.from(each).toString())).toEqual(["worker", `life ${life}`])
        expect(router.send(message!)).toBe(true)
        expect((await peer.receive("s", 1, { plain: true })).messages[0]).toEqual([
          Buffer.from(`life ${life}`).toString("hex"),
        ])
        const lost = nextEvent(router, "disconnected")
        await peer.stop("SIGKILL")
        await lost
        expect(router.send([Buffer.from("worker"), Buffer.from("anyone?")])).toBe(false)
      }
    })

    it("as ROUTER: our DEALER dials again and goes on", async () => {
      const first = await start()
      const address = await first.bind("s", "ROUTER", "tcp://127.0.0.1:*")
      const dealer = closing(new Dealer({ lingerMs: 0, reconnect: fast, identity: Buffer.from("me") }))
      dealer.connect(address)
      dealer.send([Buffer.from("one")])
      expect(await first.echo("s", 1)).toBe(1)
      await receiveAll(dealer, 1)
      const lost = nextEvent(dealer, "disconnected")
      await first.stop("SIGKILL")
      await lost
      const second = await start()
      const back = nextEvent(dealer, "connected")
      await second.bind("s", "ROUTER", address)
      await back
      dealer.send([Buffer.from("two")])
      const came = await second.receive("s", 1, { plain: true })
      expect(came.messages).toEqual([["me", "two"].map(text => Buffer.from(text).toString("hex"))])
    })
  })
}
