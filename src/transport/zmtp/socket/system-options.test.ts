/** Options that reach the system, or connections that are there already. */

import { Socket as NetSocket } from "node:net"
import { networkInterfaces } from "node:os"
import { afterEach, describe, expect, it, vi } from "vitest"
import { ownSockets } from "../../../../test/own-sockets.ts"
import { fromUtf8, utf8 } from "../../../core/bytes.ts"
import { WebSocketCarrier } from "../../carrier/websocket.ts"
import type { PatternSocket } from "./pattern-socket.ts"
import { Pull } from "./pull.ts"
import { Push } from "./push.ts"
import type { SocketEvent } from "./socket-event.ts"
import type { PatternSocketOptions } from "./socket-options.ts"

const own = ownSockets()
afterEach(() => {
  vi.restoreAllMocks()
})
const say = (text: string) => [utf8(text)]
const read = async (socket: Pull) => (await socket.receive())?.map(fromUtf8)
function next<T extends SocketEvent["type"]>(
  socket: PatternSocket,
  type: T,
): Promise<Extract<SocketEvent, { type: T }>> {
  return new Promise(resolve => {
    const stop = socket.events.on(type, event => {
      stop()
      resolve(event as Extract<SocketEvent, { type: T }>)
    })
  })
}
/** What newer Nodes have beside what the types of Node 20 say. */
const tunable = NetSocket.prototype as unknown as { setTypeOfService?: (value: number) => unknown }

describe("tuning", () => {
  for (const scheme of ["tcp", "ws"]) {
    it(`asks for keep-alive with its interval and count, at both ends of ${scheme}`, async () => {
      const asked = vi.spyOn(NetSocket.prototype, "setKeepAlive")
      const tuning = { keepAliveMs: 30_000, keepAliveIntervalMs: 5_000, keepAliveProbes: 4 }
      const pull = own(new Pull({ tuning }))
      const push = own(new Push({ tuning }))
      push.connect(await pull.bind(`${scheme}://127.0.0.1:0`))
      push.send(say("there"))
      expect(await read(pull)).toEqual(["there"])
      expect(asked.mock.calls).toEqual([
        [true, 30_000, 5_000, 4],
        [true, 30_000, 5_000, 4],
      ])
    })
  }

  it("marks packets with a type of service, where this Node can", async context => {
    if (tunable.setTypeOfService === undefined) return context.skip("this Node has no setTypeOfService")
    const marked = vi.spyOn(tunable as Required<typeof tunable>, "setTypeOfService")
    const pull = own(new Pull({ tuning: { typeOfService: 0x28 } }))
    const push = own(new Push({ tuning: { typeOfService: 0x28 } }))
    push.connect(await pull.bind("tcp://127.0.0.1:0"))
    push.send(say("there"))
    expect(await read(pull)).toEqual(["there"])
    expect(marked.mock.calls).toEqual([[0x28], [0x28]])
  })

  it("listens and dials on IPv6", async context => {
    const has = Object.values(networkInterfaces()).some(all => all?.some(each => each.address === "::1"))
    if (!has) return context.skip("this machine has no IPv6 loopback")
    for (const scheme of ["tcp", "ws"]) {
      const pull = own(new Pull())
      const at = await pull.bind(`${scheme}://[::1]:0`)
      expect(at).toMatch(/^\w+:\/\/\[::1\]:\d+$/)
      const accepted = next(pull, "connected")
      const push = own(new Push())
      push.connect(at)
      push.send(say("six"))
      expect(await read(pull)).toEqual(["six"])
      expect((await accepted).remote).toMatch(/^\w+:\/\/\[::1\]:\d+$/)
    }
  })

  it("listens at an interface by its name over WebSocket too", async () => {
    const pull = own(new Pull({ tuning: { ipv6: false } }))
    expect(await pull.bind("ws://lo:0/here")).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/here$/)
  })
})

describe("one WebSocket port", () => {
  it("may be bound by several sockets at the same time, and is free after the last", async () => {
    const carriers = [new WebSocketCarrier()]
    const first = own(new Pull({ carriers }))
    const port = Number(/:(\d+)/.exec((await first.bind("ws://127.0.0.1:0")).slice(5))![1])
    await first.close()
    const paths = ["/a", "/b", "/c"]
    const pulls = paths.map(() => own(new Pull({ carriers })))
    await Promise.all(pulls.map((pull, i) => pull.bind(`ws://127.0.0.1:${port}${paths[i]}`)))
    for (const [i, pull] of pulls.entries()) {
      const push = own(new Push())
      push.connect(`ws://127.0.0.1:${port}${paths[i]}`)
      push.send(say(paths[i]!))
      expect(await read(pull)).toEqual([paths[i]])
    }
    await Promise.all(pulls.map(pull => pull.close()))
    const again = own(new Pull({ carriers: [new WebSocketCarrier()] }))
    await again.bind(`ws://127.0.0.1:${port}`)
  })
})

describe("limits that change on an open socket", () => {
  /** Options whose values change, as programs of libzmq expect. */
  class Changing implements PatternSocketOptions {
    sendLimits = { messages: 2 }
    receiveHighWaterMark = 1
    readonly lingerMs = 0
  }

  it("let more wait, or less, in queues that are there", async () => {
    const options = new Changing()
    const push = own(new Push(options))
    push.connect("inproc://nobody-here")
    const fill = () => {
      let taken = 0
      while (push.send(say("x"))) taken++
      return taken
    }
    expect(fill()).toBe(2)
    const room = push.drained()
    options.sendLimits = { messages: 8 }
    push.refreshLimits()
    await room
    expect(fill()).toBe(6)
    options.sendLimits = { messages: 0 }
    push.refreshLimits()
    expect(push.send(say("any number"))).toBe(true)
    options.sendLimits = { messages: 3 }
    push.refreshLimits()
    expect(push.send(say("too many"))).toBe(false)
    expect(push.queued).toBe(9)
  })

  it("let a peer that was paused go on", async () => {
    const options = new Changing()
    const pull = own(new Pull(options))
    const push = own(new Push())
    push.connect(await pull.bind("tcp://127.0.0.1:0"))
    const body = new Uint8Array(300_000)
    for (let i = 0; i < 20; i++) push.send([body])
    // The first is here, and with it its sender is paused.
    const isHere = (count: number) =>
      vi.waitFor(() => {
        if (pull.waiting < count) throw new Error(`${pull.waiting} of ${count} are here`)
      }, 20_000)
    await isHere(1)
    expect(pull.waiting).toBeLessThan(20)
    options.receiveHighWaterMark = 0
    pull.refreshLimits()
    await isHere(20)
  })
})

describe("reconnect: false", () => {
  it("still tells that nobody answered", async () => {
    const push = own(new Push({ reconnect: false }))
    const failed = next(push, "dialFailed")
    push.connect("tcp://127.0.0.1:1")
    const event = await failed
    expect(event.error.code).toBe("Unreachable")
    expect(event).not.toHaveProperty("retryInMs")
  })
})
