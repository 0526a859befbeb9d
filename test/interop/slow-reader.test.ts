/** Queues at their limits between us and libzmq: PUSH waits and loses nothing, PUB drops for the slow one only. */
import { afterEach, describe, expect, it } from "vitest"
import { Pub, Pull, Push, Sub, XPub } from "../../src/transport/zmtp/index.ts"
import { nextEvent, receiveAll, within } from "./our-socket.ts"
import { describeFrames, framesOf, PeerProcess, peerKinds } from "./peer-process.ts"

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
function closing<T extends { close(): unknown }>(thing: T): T {
  closers.push(() => thing.close())
  return thing
}

/** Large enough that the system's own buffers hold few. */
const weight = Buffer.alloc(32 * 1024, 1)
const numbered = (i: number) => [Buffer.from(`n${i}`), weight]
const numberOf = (frame: Uint8Array | string) =>
  Number((typeof frame === "string" ? Buffer.from(frame, "hex") : Buffer.from(frame)).toString().slice(1))

for (const kind of peerKinds) {
  const start = async () => {
    const peer = await PeerProcess.start(kind)
    closers.push(() => peer.stop())
    return peer
  }
  /** Their messages are large, so only their first frame is of interest. */
  const numbersAt = async (peer: PeerProcess, socket: string, count: number, timeoutMs = 30_000) =>
    (await peer.receive(socket, count, { plain: true, timeoutMs })).messages.map(frames => numberOf(frames[0]!))

  describe(`A slow ${kind} libzmq`, () => {
    it("PULL holds our PUSH back, and misses nothing", async () => {
      const peer = await start()
      const address = await peer.bind("s", "PULL", "tcp://127.0.0.1:*", { options: { RCVHWM: 10 } })
      const push = closing(new Push({ lingerMs: 0, sendLimits: { messages: 10 } }))
      const connected = nextEvent(push, "connected")
      push.connect(address)
      await connected
      // Nobody reads: what we, they and the system can hold is soon full, and `drained` does not come.
      let sent = 0
      while (push.send(numbered(sent))) sent++
      expect(sent).toBeGreaterThanOrEqual(10)
      const total = 2_000
      expect(sent).toBeLessThan(total)
      const came = numbersAt(peer, "s", total)
      while (sent < total) {
        if (push.send(numbered(sent))) sent++
        else await within(30_000, "room", push.drained())
      }
      expect(await came).toEqual(Array.from({ length: total }, (_, i) => i))
    })

    it("SUB misses messages of our PUB, in whole and in order, while another misses none", async () => {
      const slow = await start()
      const pub = closing(new XPub({ lingerMs: 0, sendLimits: { messages: 10 } }))
      const address = await pub.bind("tcp://127.0.0.1:0")
      const fast = closing(new Sub({ lingerMs: 0, receiveHighWaterMark: 0 }))
      fast.subscribe(Buffer.from("n"))
      fast.connect(address)
      await receiveAll(pub, 1)
      await slow.connect("s", "SUB", address, {
        subscribe: [Buffer.from("n").toString("hex")],
        options: { RCVHWM: 10 },
      })
      // A repeated subscription is told only where asked for, so the second is known by its connection.
      if (pub.peers.length < 2) await nextEvent(pub, "connected")
      const total = 3_000
      let seen = 0
      for (let i = 0; i < total; i++) {
        pub.send(numbered(i))
        // The fast one keeps up: each is taken before the next is sent.
        expect(numberOf((await receiveAll(fast, 1))[0]![0]!)).toBe(i)
        seen++
      }
      expect(seen).toBe(total)
      const last = await (async () => {
        const came = await numbersAt(slow, "s", total, 2_000)
        expect(came.length).toBeGreaterThan(0)
        expect(came.length).toBeLessThan(total)
        expect(came).toEqual([...came].sort((a, b) => a - b))
        expect(new Set(came).size).toBe(came.length)
        return came.at(-1)!
      })()
      // It has room again, so the next one comes.
      pub.send(numbered(total))
      expect((await numbersAt(slow, "s", 1)).at(-1)).toBe(total)
      expect(last).toBeLessThan(total)
    })

    it("reader of ours holds their PUSH back, and misses nothing", async () => {
      const peer = await start()
      const pull = closing(new Pull({ lingerMs: 0, receiveHighWaterMark: 10 }))
      const connected = nextEvent(pull, "connected")
      await peer.connect("s", "PUSH", await pull.bind("tcp://127.0.0.1:0"), { options: { SNDHWM: 10 } })
      await connected
      const shape = [8, 32 * 1024]
      const taken = await peer.send("s", { seed: "slow", messages: [shape], times: 5_000, timeoutMs: 300 })
      expect(taken).toBeLessThan(5_000)
      const messages = await receiveAll(pull, taken)
      expect(messages.length).toBe(taken)
      expect(new Set(messages.map(frames => describeFrames(frames).join()))).toEqual(
        new Set([describeFrames(framesOf("slow", shape, 0)).join()]),
      )
    })

    it("reader of ours misses what their PUB drops, in whole and in order", async () => {
      const peer = await start()
      const sub = closing(new Sub({ lingerMs: 0, receiveHighWaterMark: 10 }))
      sub.subscribe(Buffer.from("n"))
      await peer.connect("s", "XPUB", await sub.bind("tcp://127.0.0.1:0"), { options: { SNDHWM: 10 } })
      await peer.receive("s", 1)
      const before = [Buffer.from("n").toString("hex")]
      const total = 3_000
      expect(await peer.send("s", { seed: "pub", messages: [[32 * 1024]], before, times: total })).toBe(total)
      const wanted = describeFrames([Buffer.from("n"), ...framesOf("pub", [32 * 1024], 0)])
      // What they hold comes; then, with room again, a last one that ends the count.
      const last = Buffer.from("n last")
      let count = 0
      const reading = (async () => {
        for (;;) {
          const [message] = await receiveAll(sub, 1)
          if (Buffer.compare(message![0]!, last) === 0) return
          expect(describeFrames(message!)).toEqual(wanted)
          count++
        }
      })()
      let ended = false
      reading.then(
        () => {
          ended = true
        },
        () => {
          ended = true
        },
      )
      while (!ended) await peer.send("s", { frames: [last.toString("hex")] })
      await reading
      expect(count).toBeGreaterThan(0)
      expect(count).toBeLessThan(total)
    })
  })
}

it("Our PUB drops nothing for a reader that keeps up", async () => {
  const pub = closing(new Pub({ lingerMs: 0, sendLimits: { messages: 10 } }))
  const sub = closing(new Sub({ lingerMs: 0 }))
  sub.subscribe(Buffer.alloc(0))
  const connected = nextEvent(pub, "connected")
  sub.connect(await pub.bind("tcp://127.0.0.1:0"))
  await connected
  const first = receiveAll(sub, 1)
  let here = false
  first.then(() => {
    here = true
  })
  while (!here) {
    pub.send([Buffer.from("probe")])
    await new Promise(resolve => setImmediate(resolve))
  }
  for (let i = 0; i < 200; i++) {
    pub.send(numbered(i))
    const [message] = await receiveAll(sub, 1, Buffer.from("probe"))
    expect(numberOf(message![0]!)).toBe(i)
  }
})
