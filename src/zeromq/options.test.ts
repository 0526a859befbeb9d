/** Options of the door that zeromq.js' own tests do not look at, each with what it does to a connection. */
import { Socket as NetSocket } from "node:net"
import { afterEach, describe, expect, it, vi } from "vitest"
import { RawListener } from "../../test/interop/raw-peer.ts"
import * as zmq from "./index.ts"

const closers: (() => unknown)[] = []
afterEach(async () => {
  vi.restoreAllMocks()
  for (const close of closers.splice(0).reverse()) await close()
})
function own<S extends zmq.Socket>(socket: S): S {
  socket.linger = 0
  closers.push(() => socket.close())
  return socket
}
const text = (frames: readonly Uint8Array[]) => frames.map(frame => Buffer.from(frame).toString())
/** Options that zeromq.js gives no name, by libzmq's number. */
const setBool = (socket: zmq.Socket, id: number, value: boolean) =>
  (socket as unknown as { setBoolOption(id: number, value: boolean): void }).setBoolOption(id, value)

describe("High-water marks", () => {
  it("hold for queues that are there already, as libzmq's do", async () => {
    const push = own(new zmq.Push({ sendHighWaterMark: 2, sendTimeout: 0 }))
    push.connect("inproc://nobody-listens")
    const fill = async () => {
      let taken = 0
      try {
        for (;;) {
          await push.send("x")
          taken++
        }
      } catch (error) {
        expect(error).toMatchObject({ code: "EAGAIN" })
        return taken
      }
    }
    expect(await fill()).toBe(2)
    push.sendHighWaterMark = 5
    expect(await fill()).toBe(3)
  })
})

describe("TCP options", () => {
  it("ask for keep-alive as they say, in seconds", async () => {
    const asked = vi.spyOn(NetSocket.prototype, "setKeepAlive")
    const options = { tcpKeepalive: 1, tcpKeepaliveIdle: 60, tcpKeepaliveInterval: 7, tcpKeepaliveCount: 3 }
    const pull = own(new zmq.Pull(options))
    const push = own(new zmq.Push())
    await pull.bind("tcp://127.0.0.1:*")
    push.connect(pull.lastEndpoint!)
    await push.send("x")
    await pull.receive()
    expect(asked.mock.calls).toEqual([[true, 60_000, 7_000, 3]])
  })
})

describe("heartbeatTimeToLive", () => {
  it("travels in PING, in tenths of a second", async () => {
    const listener = await RawListener.open()
    closers.push(() => listener.close())
    const push = own(new zmq.Push({ heartbeatInterval: 30, heartbeatTimeout: 5_000, heartbeatTimeToLive: 2_500 }))
    push.connect(listener.address)
    const peer = await (await listener.accept()).shakeHands("PULL")
    const { body } = await peer.next("a PING")
    expect(body.subarray(0, 5).toString("latin1")).toBe("\x04PING")
    expect(body.readUInt16BE(5)).toBe(25)
  })
})

describe("ZMQ_XPUB_MANUAL_LAST_VALUE", () => {
  it("sends the next message to the new subscriber alone", async () => {
    const xpub = own(new zmq.XPublisher())
    setBool(xpub, 98, true)
    await xpub.bind("tcp://127.0.0.1:*")
    const subscribed = async () => {
      const sub = own(new zmq.Subscriber())
      sub.subscribe("news")
      sub.connect(xpub.lastEndpoint!)
      expect(text(await xpub.receive())).toEqual(["\x01news"])
      xpub.subscribe("news")
      return sub
    }
    const first = await subscribed()
    await xpub.send("news for the first")
    const second = await subscribed()
    await xpub.send("news for the second")
    await xpub.send("news for both")
    expect([text(await first.receive()), text(await first.receive())]).toEqual([
      ["news for the first"],
      ["news for both"],
    ])
    expect([text(await second.receive()), text(await second.receive())]).toEqual([
      ["news for the second"],
      ["news for both"],
    ])
  })
})

describe("A ZAP domain without a handler", () => {
  const curve = () => {
    const server = zmq.curveKeyPair()
    const client = zmq.curveKeyPair()
    return {
      server: { curveServer: true, curveSecretKey: server.secretKey },
      client: {
        curveServerKey: server.publicKey,
        curveSecretKey: client.secretKey,
        curvePublicKey: client.publicKey,
      },
    }
  }
  for (const mechanism of ["NULL", "CURVE"]) {
    it(`lets ${mechanism} clients in, as libzmq does, unless zapEnforceDomain is set`, async () => {
      const keys = mechanism === "CURVE" ? curve() : { server: {}, client: {} }
      // A context of its own, so that no other test's handler answers.
      const context = new zmq.Context()
      const open = async (zapEnforceDomain: boolean) => {
        const pull = own(new zmq.Pull({ context, zapDomain: "here", zapEnforceDomain, ...keys.server }))
        await pull.bind("tcp://127.0.0.1:*")
        const outcome = new Promise<string>(resolve => {
          for (const type of ["handshake", "handshake:error:auth"] as const)
            pull.events.on(type, event => resolve(event.type))
        })
        const push = own(new zmq.Push({ context, ...keys.client }))
        push.connect(pull.lastEndpoint!)
        return outcome
      }
      expect(await open(false)).toBe("handshake")
      expect(await open(true)).toBe("handshake:error:auth")
    })
  }
})
