/**
 * A process of ours that is killed, or stands still, with libzmq at the other end: nothing comes twice, or out of order, or
 * in part; libzmq notices; and what comes after goes on. The process speaks through the drop-in door.
 */
import { afterEach, describe, expect, it } from "vitest"
import { PeerProcess, peerKinds } from "./peer-process.ts"

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
const start = async (kind: "python" | "npm" | "ours") => {
  const peer = await PeerProcess.start(kind)
  closers.push(() => peer.stop())
  return peer
}
const hex = (text: string) => Buffer.from(text).toString("hex")
const tcp = "tcp://127.0.0.1"
const soon = { RECONNECT_IVL: 20 }
/** The numbers of messages that say one, as the peers give them. */
const numbers = (messages: string[][]) => messages.map(([frame]) => Number(Buffer.from(frame!, "hex").toString()))
const sendNumbers = async (peer: PeerProcess, from: number, to: number) => {
  for (let i = from; i < to; i++) expect(await peer.send("s", { frames: [hex(`${i}`)] })).toBe(1)
}
const plain = { plain: true }

for (const kind of peerKinds) {
  describe(`${kind} libzmq, when a process of ours is killed and started again,`, () => {
    it("as PULL that dials: PUSH of theirs goes on in order, nothing twice", async () => {
      const theirs = await start(kind)
      const first = await start("ours")
      const address = await theirs.bind("s", "PUSH", `${tcp}:*`)
      await first.connect("s", "PULL", address, { options: soon })
      await sendNumbers(theirs, 0, 200)
      const before = numbers((await first.receive("s", 200, plain)).messages)
      expect(before).toEqual(Array.from({ length: 200 }, (_, i) => i))
      await theirs.monitor("s")
      await first.stop("SIGKILL")
      expect((await theirs.awaitEvent("s", "DISCONNECTED")).came).toBe(true)
      const second = await start("ours")
      await second.connect("s", "PULL", address, { options: soon })
      await sendNumbers(theirs, 200, 400)
      const after = numbers((await second.receive("s", 200, plain)).messages)
      expect(after).toEqual(Array.from({ length: 200 }, (_, i) => 200 + i))
    })

    it("as PULL that is dialled: what PUSH of theirs had queued arrives at the next one, in order, once", async () => {
      const first = await start("ours")
      const theirs = await start(kind)
      const address = await first.bind("s", "PULL", `${tcp}:*`)
      await theirs.connect("s", "PUSH", address, { options: soon })
      await sendNumbers(theirs, 0, 10)
      await first.receive("s", 10, plain)
      await theirs.monitor("s")
      await first.stop("SIGKILL")
      expect((await theirs.awaitEvent("s", "DISCONNECTED")).came).toBe(true)
      await sendNumbers(theirs, 10, 300)
      const second = await start("ours")
      await second.bind("s", "PULL", address)
      const after = numbers((await second.receive("s", 290, plain)).messages)
      expect(after).toEqual(Array.from({ length: 290 }, (_, i) => 10 + i))
    })

    it("as PUSH amid large messages: PULL of theirs gets whole ones, in order, once", async () => {
      const theirs = await start(kind)
      const address = await theirs.bind("s", "PULL", `${tcp}:*`)
      const sizes = [100_000, 0, 300_000]
      let seen: string[] | undefined
      for (const life of ["one", "two"]) {
        const ours = await start("ours")
        await ours.connect("s", "PUSH", address, { options: soon })
        ours.send("s", { seed: life, messages: [sizes], times: 200, before: [hex(life)] }).catch(() => {})
        const { messages } = await theirs.receive("s", 5)
        for (const message of messages.slice(-1)) {
          expect(message.slice(1).map(each => Number(each.split(":")[0]))).toEqual(sizes)
          expect(message).not.toEqual(seen)
          seen = message
        }
        await ours.stop("SIGKILL")
        // Whatever of this life is still on its way is whole too, and it ends.
        for (;;) {
          const rest = (await theirs.receive("s", 1, { timeoutMs: 300 })).messages
          if (rest.length === 0) break
          expect(rest[0]).toEqual(seen)
        }
      }
    })

    it("as XPUB: SUB of theirs subscribes again by itself, and as SUB it subscribes again at theirs", async () => {
      const theirs = await start(kind)
      const first = await start("ours")
      const address = await first.bind("s", "XPUB", `${tcp}:*`)
      await theirs.connect("sub", "SUB", address, { subscribe: [hex("again")], options: soon })
      expect((await first.receive("s", 1, plain)).messages).toEqual([[hex("\x01again")]])
      await first.stop("SIGKILL")
      const second = await start("ours")
      await second.bind("s", "XPUB", address)
      // libzmq replays when its application next enters the socket.
      const came = theirs.receive("sub", 1, plain)
      expect((await second.receive("s", 1, plain)).messages).toEqual([[hex("\x01again")]])
      await second.send("s", { frames: [hex("again 1")] })
      expect((await came).messages).toEqual([[hex("again 1")]])

      const publisher = await theirs.bind("pub", "XPUB", `${tcp}:*`)
      for (let life = 0; life < 2; life++) {
        const ours = await start("ours")
        await ours.connect("sub", "SUB", publisher, { subscribe: [hex("t")] })
        expect((await theirs.receive("pub", 1, plain)).messages).toEqual([[hex("\x01t")]])
        await theirs.send("pub", { frames: [hex(`t${life}`)] })
        expect((await ours.receive("sub", 1, plain)).messages).toEqual([[hex(`t${life}`)]])
        await ours.stop("SIGKILL")
        expect((await theirs.receive("pub", 1, plain)).messages).toEqual([[hex("\x00t")]])
      }
    })
  })

  describe(`${kind} libzmq, when a process of ours stands still,`, () => {
    for (const [whose, theirOptions, ourOptions] of [
      ["their heartbeat", { HEARTBEAT_IVL: 50, HEARTBEAT_TIMEOUT: 500 }, {}],
      ["the time to live in our PING", {}, { HEARTBEAT_IVL: 50, HEARTBEAT_TIMEOUT: 60_000, HEARTBEAT_TTL: 600 }],
    ] as const) {
      it(`notices by ${whose}, and takes it back when it moves`, async () => {
        const theirs = await start(kind)
        const ours = await start("ours")
        const address = await theirs.bind("s", "PULL", `${tcp}:*`, { options: theirOptions })
        await theirs.monitor("s")
        await ours.connect("s", "PUSH", address, { options: { ...soon, ...ourOptions } })
        await ours.send("s", { frames: [hex("one")] })
        expect((await theirs.receive("s", 1, plain)).messages).toEqual([[hex("one")]])
        // A PING with a time to live must have gone out before.
        if (Object.keys(ourOptions).length > 0) await theirs.receive("s", 1, { timeoutMs: 300 })
        ours.signal("SIGSTOP")
        expect((await theirs.awaitEvent("s", "DISCONNECTED")).came).toBe(true)
        ours.signal("SIGCONT")
        // What is sent into the connection that libzmq has closed is lost; so it is sent until one arrives.
        let came: string[][] = []
        for (let i = 0; i < 200 && came.length === 0; i++) {
          await ours.send("s", { frames: [hex("two")] })
          came = (await theirs.receive("s", 1, { ...plain, timeoutMs: 100 })).messages
        }
        expect(came).toEqual([[hex("two")]])
      })
    }
  })
}
