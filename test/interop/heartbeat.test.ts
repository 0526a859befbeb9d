/** Heartbeats in both directions, with libzmq and with peers that libzmq would not be. */
import { afterEach, describe, expect, it } from "vitest"
import { Dealer, Pull, Push } from "../../src/transport/zmtp/index.ts"
import { nextEvent, receiveAll, receiveText } from "./our-socket.ts"
import { PeerProcess, peerKinds } from "./peer-process.ts"
import { command, frame, ping, RawListener, RawPeer } from "./raw-peer.ts"

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
function closing<T extends { close(): unknown }>(thing: T): T {
  closers.push(() => thing.close())
  return thing
}
async function rawPusher(socket: Pull): Promise<RawPeer> {
  const peer = await (await RawPeer.connect(await socket.bind("tcp://127.0.0.1:0"))).shakeHands("PUSH")
  closers.push(() => peer.destroy())
  return peer
}

describe("Our heartbeat", () => {
  it("sends PING into silence, is content with PONG, and gives up on a peer that says nothing", async () => {
    const listener = closing(await RawListener.open())
    const push = closing(new Push({ lingerMs: 0, reconnect: false, heartbeat: { intervalMs: 30, timeoutMs: 1_000 } }))
    push.connect(listener.address)
    const peer = await (await listener.accept()).shakeHands("PULL")
    for (let i = 0; i < 4; i++) {
      const { flags, body } = await peer.next("a PING")
      expect(flags).toBe(4)
      expect(body.subarray(0, 5).toString("latin1")).toBe("\x04PING")
      expect(body.readUInt16BE(5)).toBeLessThanOrEqual(655)
      peer.send(command("PONG", body.subarray(7)))
    }
    const lost = nextEvent(push, "disconnected")
    expect((await lost).error?.code).toBe("PeerLost")
  })

  it("does not mind a peer that only talks", async () => {
    const pull = closing(new Pull({ lingerMs: 0, heartbeat: { intervalMs: 100, timeoutMs: 1_000 } }))
    const peer = await rawPusher(pull)
    // It answers no PING, but each of ours is followed by a message of its own; more than the time-out passes.
    for (let i = 0; i < 12; i++) {
      await peer.next("a PING")
      peer.send(frame(0, Buffer.from(`${i}`)))
      expect(await receiveText(pull, 1)).toEqual([`${i}`])
    }
  })

  it("holds out while we do not read", async () => {
    const pull = closing(
      new Pull({ lingerMs: 0, receiveHighWaterMark: 1, heartbeat: { intervalMs: 20, timeoutMs: 200 } }),
    )
    const peer = await rawPusher(pull)
    for (let i = 0; i < 10; i++) peer.send(frame(0, Buffer.from(`${i}`)))
    // Twice the time-out and more passes by our own PINGs, which go on.
    for (let i = 0; i < 25; i++) await peer.next("a PING")
    expect(await receiveText(pull, 10)).toEqual(Array.from({ length: 10 }, (_, i) => `${i}`))
  })

  for (const kind of peerKinds) {
    it(`is answered by ${kind} libzmq, notices that it hangs, and comes back when it wakes`, async () => {
      const theirs = await PeerProcess.start(kind)
      closers.push(() => theirs.stop())
      const dealer = closing(
        new Dealer({
          lingerMs: 0,
          reconnect: { initialMs: 20, maxMs: 50 },
          heartbeat: { intervalMs: 20, timeoutMs: 1_000 },
        }),
      )
      const connected = nextEvent(dealer, "connected")
      dealer.connect(await theirs.bind("s", "ROUTER", "tcp://127.0.0.1:*"))
      await connected
      theirs.signal("SIGSTOP")
      expect((await nextEvent(dealer, "disconnected")).error?.code).toBe("PeerLost")
      theirs.signal("SIGCONT")
      if (dealer.peers.length === 0) await nextEvent(dealer, "connected")
      dealer.send([Buffer.from("hello")])
      expect(await theirs.echo("s", 1)).toBe(1)
      expect(await receiveText(dealer, 1)).toEqual(["hello"])
    })
  }
})

describe("A peer's heartbeat", () => {
  it("gets PONG with its context of at most 16 octets", async () => {
    const peer = await rawPusher(closing(new Pull({ lingerMs: 0 })))
    peer.send(ping(0), ping(0, "0123456789abcdef"))
    expect(await peer.next()).toEqual({ flags: 4, body: Buffer.from("\x04PONG") })
    expect(await peer.next()).toEqual({ flags: 4, body: Buffer.from("\x04PONG0123456789abcdef") })
  })

  it("gets no PONG for a PING cut short", async () => {
    const peer = await rawPusher(closing(new Pull({ lingerMs: 0 })))
    peer.send(command("PING", Buffer.from([0])), command("PING"), ping(0, "whole"))
    expect(await peer.next()).toEqual({ flags: 4, body: Buffer.from("\x04PONGwhole") })
  })

  it("ends the connection when its own time to live has passed in silence", async () => {
    const pull = closing(new Pull({ lingerMs: 0 }))
    const peer = await rawPusher(pull)
    const lost = nextEvent(pull, "disconnected")
    peer.send(ping(2))
    await peer.next("the PONG")
    expect((await lost).error?.code).toBe("PeerLost")
    await peer.closed()
  })

  it("of a very long time to live does no harm, where libzmq's arithmetic overflows", async () => {
    const pull = closing(new Pull({ lingerMs: 0 }))
    const peer = await rawPusher(pull)
    peer.send(ping(656))
    await peer.next("the PONG")
    // In libzmq 656 tenths of a second pass within 64 ms.
    for (let i = 0; i < 20; i++) {
      peer.send(ping(656))
      await peer.next("the PONG")
      await new Promise(resolve => setImmediate(resolve))
    }
    peer.send(frame(0, Buffer.from("alive")))
    expect(await receiveText(pull, 1)).toEqual(["alive"])
  })

  it("of python libzmq finds us alive, idle and busy", async context => {
    if (!peerKinds.includes("python")) return context.skip("no python3 here imports zmq")
    const theirs = await PeerProcess.start("python")
    closers.push(() => theirs.stop())
    const pull = closing(new Pull({ lingerMs: 0 }))
    // Long enough that a busy machine is not taken for silence, short enough that silence would show.
    const options = { HEARTBEAT_IVL: 100, HEARTBEAT_TIMEOUT: 1_000, HEARTBEAT_TTL: 2_000 }
    const connected = nextEvent(pull, "connected")
    await theirs.connect("s", "PUSH", await pull.bind("tcp://127.0.0.1:0"), { options })
    await connected
    await theirs.monitor("s")
    expect((await theirs.awaitEvent("s", "DISCONNECTED", 1_500)).came).toBe(false)
    const sending = theirs.send("s", { seed: "beat", messages: [[100_000]], times: 200 })
    expect((await receiveAll(pull, 200)).length).toBe(200)
    await sending
    expect((await theirs.awaitEvent("s", "DISCONNECTED", 100)).came).toBe(false)
  })
})
