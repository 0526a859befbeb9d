/** PLAIN and CURVE with libzmq at the other end, in both roles: let in, refused, and mistaken. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { toHex } from "../../src/core/bytes.ts"
import { Dealer, Pub, Pull, Push, Router, Sub } from "../../src/transport/zmtp/index.ts"
import {
  allowKeys,
  allowUsers,
  type Box,
  curveClient,
  curveServer,
  keyText,
  makeKeyPair,
  nobleBox,
  plainClient,
  plainServer,
  SodiumBox,
} from "../../src/zmtp/index.ts"
import { nextEvent, receiveText, within } from "./our-socket.ts"
import { PeerProcess, peerKinds } from "./peer-process.ts"
import { RawListener } from "./raw-peer.ts"

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
function closing<T extends { close(): unknown }>(thing: T): T {
  closers.push(() => thing.close())
  return thing
}
const hex = (text: string) => Buffer.from(text).toString("hex")
const text = (hexText: string | undefined) => Buffer.from(hexText ?? "", "hex").toString()
const fast = { initialMs: 5, maxMs: 20 }
const tcp = "tcp://127.0.0.1"
const server = makeKeyPair()
const client = makeKeyPair()
const boxes: readonly (readonly [string, () => Promise<Box>])[] = [
  ["noble", async () => nobleBox],
  ["sodium", () => SodiumBox.load()],
]

/** libzmq's options for CURVE. */
const theirServer = { CURVE_SERVER: true, CURVE_SECRETKEY: keyText(server.secretKey) }
const theirClient = {
  CURVE_SERVERKEY: keyText(server.publicKey),
  CURVE_PUBLICKEY: keyText(client.publicKey),
  CURVE_SECRETKEY: keyText(client.secretKey),
}

describe.each(peerKinds)("%s libzmq", kind => {
  let peer: PeerProcess
  let names = 0
  const name = () => `security-${++names}`
  beforeAll(async () => {
    peer = await PeerProcess.start(kind)
    await peer.zap({ ada: "200", bob: "400", eve: "300", mal: "500", [toHex(client.publicKey)]: "200", "*": "400" })
  })
  afterAll(() => peer.stop())

  describe.each(boxes)("CURVE by %s", (_, load) => {
    it("lets their client in, both ways, with large messages and small", async () => {
      const router = closing(
        new Router({ lingerMs: 0, security: curveServer({ secretKey: server.secretKey, box: await load() }) }),
      )
      const socket = name()
      await peer.connect(socket, "DEALER", await router.bind(`${tcp}:0`), { options: theirClient })
      await peer.send(socket, { seed: "up", messages: [[0], [1, 5], [300_000, 17, 0], [100, 100, 70_000]] })
      const sizes: number[][] = []
      for (let i = 0; i < 4; i++) {
        const [from, ...frames] = (await within(10_000, "a message", router.receive()))!
        sizes.push(frames.map(each => each.length))
        router.send([from!, ...frames])
      }
      expect(sizes).toEqual([[0], [1, 5], [300_000, 17, 0], [100, 100, 70_000]])
      const back = await peer.receive(socket, 4)
      expect(back.messages.map(frames => frames.map(each => Number(each.split(":")[0])))).toEqual(sizes)
    })

    it("is let in by their server", async () => {
      const socket = name()
      const address = await peer.bind(socket, "ROUTER", `${tcp}:*`, {
        options: { ...theirServer, ZAP_DOMAIN: "there" },
      })
      const security = curveClient({ serverKey: server.publicKey, secretKey: client.secretKey, box: await load() })
      const dealer = closing(new Dealer({ lingerMs: 0, security }))
      dealer.connect(address)
      const messages = ["small", "x".repeat(1_000), "y".repeat(200_000)]
      for (const message of messages) dealer.send([Buffer.from(message), Buffer.from("end")])
      expect(await peer.echo(socket, 3)).toBe(3)
      expect(await receiveText(dealer, 3)).toEqual(messages.map(each => `${each}|end`))
      expect(await peer.asked()).toContainEqual(["there", "127.0.0.1", "CURVE", toHex(client.publicKey)])
    })
  })

  it("carries subscriptions inside CURVE, both ways", async () => {
    const pub = closing(new Pub({ lingerMs: 0, security: curveServer({ secretKey: server.secretKey }) }))
    const theirs = name()
    await peer.connect(theirs, "SUB", await pub.bind(`${tcp}:0`), { options: theirClient, subscribe: [hex("a")] })
    const received = peer.receive(theirs, 1, { plain: true })
    const beat = setInterval(() => {
      pub.send([Buffer.from("b")])
      pub.send([Buffer.from("abc")])
    }, 20)
    expect((await received).messages[0]!.map(text)).toEqual(["abc"])
    clearInterval(beat)

    const bound = name()
    const address = await peer.bind(bound, "PUB", `${tcp}:*`, { options: theirServer })
    const sub = closing(
      new Sub({ lingerMs: 0, security: curveClient({ serverKey: server.publicKey, secretKey: client.secretKey }) }),
    )
    sub.subscribe(Buffer.from("x"))
    const connected = nextEvent(sub, "connected")
    sub.connect(address)
    await connected
    let done = false
    const first = receiveText(sub, 1).finally(() => {
      done = true
    })
    while (!done) await peer.send(bound, { frames: [hex("y")] }).then(() => peer.send(bound, { frames: [hex("xyz")] }))
    expect(await first).toEqual(["xyz"])
  })

  it("keeps CURVE alive by heartbeats inside it", async () => {
    const security = curveServer({ secretKey: server.secretKey })
    const pull = closing(new Pull({ lingerMs: 0, security, heartbeat: { intervalMs: 50, timeoutMs: 5_000 } }))
    const socket = name()
    await peer.connect(socket, "PUSH", await pull.bind(`${tcp}:0`), {
      options: { ...theirClient, HEARTBEAT_IVL: 50, HEARTBEAT_TIMEOUT: 5_000 },
    })
    await peer.send(socket, { frames: [hex("one")] })
    expect(await receiveText(pull, 1)).toEqual(["one"])
    for (let round = 0; round < 5; round++) {
      await peer.receive(socket, 0, { timeoutMs: 60 }).catch(() => {})
      await new Promise(resolve => setTimeout(resolve, 60))
    }
    await peer.send(socket, { frames: [hex("two")] })
    expect(await receiveText(pull, 1)).toEqual(["two"])
    expect(pull.peers.length).toBe(1)
  })

  it("refuses, at our CURVE server, a client that is not on the list", async () => {
    const security = curveServer({ secretKey: server.secretKey, authenticator: allowKeys([server.publicKey]) })
    const pull = closing(new Pull({ lingerMs: 0, security }))
    const failed = nextEvent(pull, "handshakeFailed")
    await peer.connect(name(), "PUSH", await pull.bind(`${tcp}:0`), { options: theirClient })
    const { error } = await failed
    expect([error.code, error.message]).toEqual(["Unauthorized", expect.stringContaining("unknown key")])
  })

  it("refuses, at our CURVE server, a client that expects another key", async () => {
    const pull = closing(new Pull({ lingerMs: 0, security: curveServer({ secretKey: server.secretKey }) }))
    const failed = nextEvent(pull, "handshakeFailed")
    await peer.connect(name(), "PUSH", await pull.bind(`${tcp}:0`), {
      options: { ...theirClient, CURVE_SERVERKEY: keyText(client.publicKey) },
    })
    expect((await failed).error.code).toBe("HandshakeFailed")
  })

  it("says 400 to a CURVE client of ours that it does not know", async () => {
    const address = await peer.bind(name(), "PULL", `${tcp}:*`, { options: { ...theirServer, ZAP_DOMAIN: "there" } })
    const push = closing(
      new Push({ lingerMs: 0, reconnect: fast, security: curveClient({ serverKey: server.publicKey }) }),
    )
    const failed = nextEvent(push, "handshakeFailed")
    push.connect(address)
    const { error, retry } = await failed
    expect([error.code, retry]).toEqual(["Unauthorized", true])
    expect(error.message).toContain("400")
  })

  it("closes without a word on a CURVE client of ours with the wrong server key", async () => {
    const address = await peer.bind(name(), "PULL", `${tcp}:*`, { options: theirServer })
    const push = closing(
      new Push({ lingerMs: 0, reconnect: fast, security: curveClient({ serverKey: client.publicKey }) }),
    )
    const failed = nextEvent(push, "handshakeFailed")
    push.connect(address)
    expect((await failed).error.code).toBe("HandshakeFailed")
  })

  it("lets each other in by PLAIN", async () => {
    const asked: string[] = []
    const security = plainServer({
      domain: "ours",
      authenticator: request => {
        asked.push(`${request.domain} ${request.address} ${request.credentials.mechanism}`)
        return allowUsers(new Map([["ada", "love"]]))(request)
      },
    })
    const pull = closing(new Pull({ lingerMs: 0, security }))
    const theirs = name()
    await peer.connect(theirs, "PUSH", await pull.bind(`${tcp}:0`), {
      options: { PLAIN_USERNAME: "ada", PLAIN_PASSWORD: "love" },
    })
    await peer.send(theirs, { frames: [hex("plain")] })
    expect(await receiveText(pull, 1)).toEqual(["plain"])
    expect(asked).toEqual(["ours 127.0.0.1 PLAIN"])

    const bound = name()
    const address = await peer.bind(bound, "PULL", `${tcp}:*`, { options: { PLAIN_SERVER: true, ZAP_DOMAIN: "d" } })
    const push = closing(new Push({ lingerMs: 0, security: plainClient({ username: "ada", password: "any" }) }))
    push.connect(address)
    push.send([Buffer.from("through")])
    expect((await peer.receive(bound, 1, { plain: true })).messages[0]!.map(text)).toEqual(["through"])
  })

  it("refuses, at our PLAIN server, a wrong password", async () => {
    const security = plainServer({ authenticator: allowUsers(new Map([["ada", "love"]])) })
    const pull = closing(new Pull({ lingerMs: 0, security }))
    const failed = nextEvent(pull, "handshakeFailed")
    await peer.connect(name(), "PUSH", await pull.bind(`${tcp}:0`), {
      options: { PLAIN_USERNAME: "ada", PLAIN_PASSWORD: "hate" },
    })
    expect((await failed).error.code).toBe("Unauthorized")
  })

  it.each([
    ["bob", /^Unauthorized$/, false, /400/],
    // For a 300 libzmq says nothing: it closes, or waits for ever when there is nothing left to read.
    ["eve", /^HandshakeFailed$|^Timeout$/, true, /closed|2000 ms/],
    ["mal", /^Unauthorized$/, true, /500/],
  ] as const)("answers a PLAIN client of ours whom ZAP refuses (%s)", async (username, code, retries, words) => {
    const address = await peer.bind(name(), "PULL", `${tcp}:*`, { options: { PLAIN_SERVER: true, ZAP_DOMAIN: "d" } })
    const security = plainClient({ username, password: "" })
    const push = closing(new Push({ lingerMs: 0, reconnect: fast, handshakeTimeoutMs: 2000, security }))
    const failed = nextEvent(push, "handshakeFailed")
    push.connect(address)
    const { error, retry } = await failed
    expect(error.code).toMatch(code)
    expect(retry).toBe(retries)
    expect(error.message).toMatch(words)
  })

  it("does not take a client without the mechanism", async () => {
    const pull = closing(new Pull({ lingerMs: 0, security: curveServer({ secretKey: server.secretKey }) }))
    const failed = nextEvent(pull, "handshakeFailed")
    await peer.connect(name(), "PUSH", await pull.bind(`${tcp}:0`))
    // Whichever of the two closes first.
    expect((await failed).error.code).toBe("HandshakeFailed")
  })
})

describe("a PLAIN client", () => {
  it("tells its password to nobody who greets with another mechanism", async () => {
    const listener = closing(await RawListener.open())
    const push = closing(
      new Push({ lingerMs: 0, reconnect: false, security: plainClient({ username: "u", password: "secret" }) }),
    )
    const failed = nextEvent(push, "handshakeFailed")
    push.connect(listener.address)
    const raw = await listener.accept()
    const { greeting } = await import("./raw-peer.ts")
    raw.send(greeting())
    expect((await failed).error.code).toBe("HandshakeFailed")
    await raw.closed()
    expect(raw.frames).toEqual([])
  })
})
