/** Options of the drop-in door take, keep and refuse what those of zeromq.js do. */

import { describe, expect, it } from "vitest"
import * as theirs from "zeromq"
import * as ours from "../../src/zeromq/index.ts"

const types = [
  "Pair",
  "Publisher",
  "Subscriber",
  "Request",
  "Reply",
  "Dealer",
  "Router",
  "Pull",
  "Push",
  "XPublisher",
  "XSubscriber",
  "Stream",
] as const

const int32 = 2 ** 31
const numbers = [
  ...[-(2 ** 63), -int32, -70_000, -101, -100, -99, -7, -4, -2, -1.5, -1, -0, 0, 1, 1.7, 2, 7, 255, 256, 300],
  ...[65_535, 65_536, 65_636, 6_553_599, 6_553_600, int32 - 1, int32, 2 ** 32 + 5, Number.NaN, Infinity, -Infinity],
]
const long = [1, 15, 16, 17, 32, 40, 41, 255, 256, 300].map(length => "x".repeat(length))
// Null comes before there is a value: libzmq goes on showing a user name that it does not use any more.
const texts = ["", null, Buffer.alloc(0), "é".repeat(127), "é".repeat(128), ...long, Buffer.from("octets")]
const keys = [Buffer.alloc(32, 200), Buffer.alloc(33, 1), "abc", "#".repeat(40), "~".repeat(40), " ".repeat(40)]
const filters = ["127.0.0.1", "127.0.0.1/8", "127.0.0.1/32", "127.0.0.1/33", "127.0.0.1/x", "localhost"]
const wrong = [true, {}, undefined]

const values: Readonly<Record<string, readonly unknown[]>> = {
  ...Object.fromEntries(
    [
      ...["backlog", "connectTimeout", "handshakeInterval", "heartbeatInterval", "heartbeatTimeToLive"],
      ...["heartbeatTimeout", "linger", "maxMessageSize", "multicastHops", "multicastMaxTransportDataUnit", "rate"],
      ...["receiveBufferSize", "receiveHighWaterMark", "receiveTimeout", "reconnectInterval", "reconnectMaxInterval"],
      ...["recoveryInterval", "sendBufferSize", "sendHighWaterMark", "sendTimeout", "tcpKeepalive", "typeOfService"],
      ...["tcpKeepaliveCount", "tcpKeepaliveIdle", "tcpKeepaliveInterval", "tcpMaxRetransmitTimeout"],
    ].map(name => [name, [...numbers, ...wrong, "7"]]),
  ),
  // What others become in C depends on the machine.
  affinity: numbers.filter(Number.isFinite),
  ...Object.fromEntries(
    ["routingId", "plainUsername", "plainPassword", "zapDomain", "interface", "socksProxy"].map(name => [
      name,
      [...texts, ...wrong, 7],
    ]),
  ),
  ...Object.fromEntries(
    ["curveServerKey", "curvePublicKey", "curveSecretKey"].map(name => [name, [...texts, ...keys, ...wrong, 7]]),
  ),
  tcpAcceptFilter: [...texts, ...filters, ...wrong, 7],
  ...Object.fromEntries(
    ["immediate", "ipv6", "plainServer", "curveServer", "conflate", "mandatory", "handover", "invertMatching"].map(
      name => [name, [true, false, 0, 1, null, "yes"]],
    ),
  ),
}
const contextValues: Readonly<Record<string, readonly number[]>> = {
  ioThreads: [-1, 0, 1, 300],
  maxSockets: [-1, 0, 1, 65_536],
  maxMessageSize: [-1, 0, 100],
  threadPriority: [-2, -1, 0, 5],
  threadSchedulingPolicy: [-2, -1, 0, 1],
}

type Settable = Record<string, unknown>

/** What setting each in turn did: the error, and what is read then. */
function outcomes(target: Settable, table: Readonly<Record<string, readonly unknown[]>>): Map<string, unknown[]> {
  const found = new Map<string, unknown[]>()
  for (const [name, each] of Object.entries(table)) {
    if (!(name in target)) {
      found.set(name, ["not there"])
      continue
    }
    each.forEach((value, at) => {
      const outcome = attempt(() => {
        target[name] = value
      })
      found.set(`${name} = ${describeValue(value)} (${at})`, [outcome, attempt(() => target[name])])
    })
  }
  return found
}
function attempt(action: () => unknown): unknown {
  try {
    return action()
  } catch (thrown) {
    const { name, code, errno } = thrown as NodeJS.ErrnoException
    return { name, code, errno }
  }
}
function describeValue(value: unknown): string {
  return typeof value === "string" ? `${value.slice(0, 12)}… of ${value.length}` : String(value)
}

/** zeromq.js cannot read some of its options back: its buffer is too long for keys, and some can only be set. */
const isUnreadable = (read: unknown) => (read as { code?: string } | null)?.code === "EINVAL"

describe("Option values", () => {
  it.each(types)("of %s end as they do in zeromq.js", type => {
    // Both warn of numbers that a double does not hold.
    const [mine, real]: [ours.Socket, theirs.Socket] = [
      new (Reflect.get(ours, type))(),
      new (Reflect.get(theirs, type))(),
    ]
    const wanted = outcomes(real as unknown as Settable, values)
    const got = outcomes(mine as unknown as Settable, values)
    const differ = [...wanted].filter(([what, [set, read]]) => {
      const [ourSet, ourRead] = got.get(what) ?? []
      if (JSON.stringify(set) !== JSON.stringify(ourSet)) return true
      return !isUnreadable(read) && !Object.is(read, ourRead)
    })
    for (const socket of [mine, real]) socket.close()
    expect(wanted.size).toBeGreaterThan(800)
    expect(differ.map(([what, theirs]) => ({ what, theirs, ours: got.get(what) }))).toEqual([])
  })

  it("of a context do, too", () => {
    const wanted = outcomes(new theirs.Context() as unknown as Settable, contextValues)
    expect(outcomes(new ours.Context() as unknown as Settable, contextValues)).toEqual(wanted)
  })

  it("are refused by constructors, which count no socket then", () => {
    const context = new ours.Context({ maxSockets: 1 })
    for (const options of [{ sendHighWaterMark: -4 }, { linger: -2 }, { sendTimeout: -7 }, { routingId: "" }]) {
      expect(() => new theirs.Dealer(options)).toThrow(expect.objectContaining({ code: "EINVAL", errno: 22 }))
      expect(() => new ours.Dealer({ ...options, context })).toThrow(
        expect.objectContaining({ code: "EINVAL", errno: 22 }),
      )
    }
    new ours.Dealer({ context }).close()
  })

  it("of keys given as octets are read as text", () => {
    const { publicKey } = ours.curveKeyPair()
    const socket = new ours.Dealer({ curveServerKey: publicKey })
    expect(socket.curveServerKey).toBe(publicKey)
    const set = socket as unknown as { curvePublicKey: unknown }
    set.curvePublicKey = Buffer.alloc(32, 200)
    expect(set.curvePublicKey).toMatch(/^.{40}$/)
    socket.close()
  })
})

describe("Addresses that cannot be bound", () => {
  it.each(["ipc:///no/such/folder/x", "ipc:///etc/passwd/x", "ipc:///tmp", "tcp://no-such-interface:1"])(
    "%s is refused as zeromq.js refuses it",
    async address => {
      const refusal = async (socket: ours.Socket | theirs.Socket) => {
        const told = await socket.bind(address).then(
          () => "bound",
          ({ code, errno, message, address }) => ({ code, errno, message, address }),
        )
        socket.close()
        return told
      }
      const wanted = await refusal(new theirs.Dealer())
      expect(wanted).toMatchObject({ address })
      expect(await refusal(new ours.Dealer())).toEqual(wanted)
    },
  )
})

describe("Events of a dial that fails", () => {
  it("come as those of zeromq.js do", async () => {
    const first = async (socket: ours.Socket | theirs.Socket) => {
      const told: string[] = []
      const three = new Promise<void>(resolve => {
        for (const type of ["connect", "connect:delay", "close", "connect:retry"] as const)
          (socket as ours.Socket).events.on(type, () => told.push(type) === 3 && resolve())
      })
      // Port 1 refuses.
      socket.connect("tcp://127.0.0.1:1")
      await three
      socket.close()
      return told.slice(0, 3)
    }
    const wanted = await first(new theirs.Dealer({ linger: 0 }))
    expect(wanted).toEqual(["connect:delay", "close", "connect:retry"])
    expect(await first(new ours.Dealer({ linger: 0 }))).toEqual(wanted)
  })
})
