import { describe, expect, it } from "vitest"
import { ownSockets } from "../../../../test/own-sockets.ts"
import { SimulatedClock } from "../../../core/simulated-clock.ts"
import type { Carrier } from "../../carrier.ts"
import { type PatternSocketOptions, Push, Router, Sub, XPub } from "../index.ts"

const own = ownSockets()
const make = (options: unknown) => own(new Push(options as PatternSocketOptions))
const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

describe("options of sockets", () => {
  it.each<[unknown, RegExp]>([
    [5, /options are an object/],
    [null, /options are an object/],
    [{ lingrMs: 5 }, /there is no option lingrMs; did you mean lingerMs\?/],
    [{ completelyElse: 5 }, /there is no option completelyElse; there are onBatch/],
    [{ toString: 5 }, /there is no option toString/],
    [{ lingerMs: -1 }, /lingerMs must be a number of milliseconds, 0 or more, not -1/],
    [{ lingerMs: "x" }, /lingerMs .* not "x"/],
    [{ lingerMs: null }, /lingerMs .* not null/],
    [{ reconnect: { initialMs: -1, maxMs: 3 } }, /reconnect\.initialMs .* not -1/],
    [{ reconnect: { initialMs: Number.NaN } }, /reconnect\.initialMs .* not NaN/],
    [{ reconnect: { initialMS: 5 } }, /there is no option reconnect\.initialMS; did you mean reconnect\.initialMs\?/],
    [{ reconnect: true }, /reconnect must be an object/],
    [{ heartbeat: 5 }, /heartbeat must be an object of intervalMs, timeoutMs, ttlMs, not 5/],
    [{ heartbeat: { intervalMs: -1, timeoutMs: 5 } }, /heartbeat\.intervalMs .* not -1/],
    [{ heartbeat: { intervalMs: 5 } }, /heartbeat\.timeoutMs must be given/],
    [{ heartbeat: { intervalMs: 5, timeoutMs: 5, ttlMs: 70_000 } }, /ttlMs .* from 0 to 65535, not 70000/],
    [{ sendLimits: 5 }, /sendLimits must be an object/],
    [{ sendLimits: { messages: "many" } }, /sendLimits\.messages .* "many"/],
    [{ security: "PLAIN" }, /security must be what plainServer, .* not "PLAIN"/],
    [{ maxMessageBytes: -5 }, /maxMessageBytes must be a number 0 or more, not -5/],
    [{ onBatch: 5 }, /onBatch must be a function, not 5/],
    [{ tuning: { backlog: -2 } }, /tuning\.backlog .* not -2/],
    [{ identity: "me" }, /identity must be a Uint8Array, not a string; encode text with TextEncoder/],
    [{ identity: new Uint8Array(256) }, /identity has at most 255 octets, not 256/],
    [{ welcome: "hi" }, /welcome must be a Uint8Array/],
    [{ conflate: 1 }, /conflate must be true or false, not 1/],
    [{ carriers: [] }, /carriers must be a list of at least one carrier/],
    [{ carriers: [{}] }, /carriers\[0\] must be a carrier/],
    [{ clock: {} }, /clock must be a Clock/],
  ])("%j is refused", (options, message) => {
    expect(() => make(options)).toThrow(refusal("BadOption", message))
  })

  it("what is documented is taken, and so is undefined for what is not given", () => {
    make({ lingerMs: Number.POSITIVE_INFINITY, reconnect: false, maxMessageBytes: Number.POSITIVE_INFINITY })
    make({
      identity: Buffer.from("me"),
      heartbeat: { intervalMs: 10, timeoutMs: 10, ttlMs: 65_500 },
      security: undefined,
    })
    make({ clock: new SimulatedClock(), reconnect: { initialMs: 1 }, sendLimits: { messages: 0, bytes: 0 } })
    own(new XPub({ welcome: new Uint8Array(1_000), maxSubscriptionBytes: 10 }))
    own(new Router({ mandatory: true, handover: false, probeRouter: false }))
    own(new Sub({ invertMatching: true, conflate: false }))
  })

  it("a getter is not read when the socket is made", async () => {
    const socket = make({
      get lingerMs() {
        return -1
      },
      get security() {
        throw new Error("read")
      },
    })
    // And closing closes, whatever it says.
    await socket.close()
    expect(socket.isOpen).toBe(false)
  })

  it("close rejects for a linger that is none, and has closed all the same", async () => {
    const socket = make({})
    socket.connect("inproc://nobody-is-there")
    await expect(socket.close({ lingerMs: -1 })).rejects.toEqual(refusal("BadOption", /lingerMs/))
    expect(socket.isOpen).toBe(false)
    const other = make({})
    await expect(other.close(null as never)).rejects.toEqual(refusal("BadOption", /options are an object/))
    expect(other.isOpen).toBe(false)
  })
})

describe("connect", () => {
  it.each([
    "tcp://127.0.0.1",
    "tcp://127.0.0.1:0",
    "tcp://127.0.0.1:99999",
    "tcp://*:55",
    "tcp://no host:1",
    "tcp://a/b:1",
    "tcp://127.0.0.1:*;127.0.0.1:0",
    "ipc://@x",
    "ipc://*",
    `ipc://${"x".repeat(200)}`,
    "ws://127.0.0.1:0",
    "ws://no host/",
    "nowhere://x",
    "tcp",
  ])("%s is refused at the call, and nothing is dialled", address => {
    const socket = make({})
    const told: string[] = []
    socket.events.on("*", event => told.push(event.type))
    expect(() => socket.connect(address)).toThrow(refusal("BadAddress", /./))
    expect(told).toEqual([])
    expect(socket.lastAddress).toBeUndefined()
  })

  it("a name that may come to mean somebody is dialled", () => {
    const dialled: string[] = []
    const carrier: Carrier = {
      schemes: ["tcp"],
      listen: () => Promise.reject(new Error("unused")),
      dial: address => {
        dialled.push(address)
        return new Promise(() => {})
      },
    }
    const socket = make({ carriers: [carrier] })
    socket.connect("tcp://not-there-yet.example:5555")
    expect(dialled).toEqual(["tcp://not-there-yet.example:5555"])
    make({ reconnect: false }).connect("tcp://127.0.0.1:0;localhost:9")
  })

  it("its options are checked, too", () => {
    const router = own(new Router())
    const options = { identity: "x" as unknown as Uint8Array }
    expect(() => router.connect("inproc://x", options)).toThrow(refusal("BadOption", /identity must be a Uint8Array/))
    expect(() => router.connect("inproc://x", { identety: 5 } as never)).toThrow(refusal("BadOption", /did you mean/))
  })
})
