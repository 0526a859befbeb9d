/** PLAIN and CURVE between two connections of ours, with everything in between in the hands of the test. */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import fc from "fast-check"
import { beforeAll, describe, expect, it } from "vitest"
import { converse, joined, type Pair, pairOf } from "../../../test/engine-pair.ts"
import { concat, fromHex, toHex, utf8 } from "../../core/bytes.ts"
import { SeededRandom } from "../../core/random.ts"
import { encodeMessage } from "../frame.ts"
import { FrameCursor } from "../frame-cursor.ts"
import { allowKeys, allowUsers } from "./allow.ts"
import type { PeerAuthenticator } from "./authenticator.ts"
import { type Box, tagBytes } from "./curve/box.ts"
import { curveClient } from "./curve/client.ts"
import { makeKeyPair } from "./curve/key.ts"
import { nobleBox } from "./curve/noble-box.ts"
import { curveServer } from "./curve/server.ts"
import { SodiumBox } from "./curve/sodium-box.ts"
import { CurveTraffic, counterMax } from "./curve/traffic.ts"
import { Words } from "./curve/wire.ts"
import type { Security } from "./mechanism.ts"
import { nullSecurity, nullServer } from "./null.ts"
import { plainClient, plainServer } from "./plain.ts"

const runs = Number(process.env["ZINC_FUZZ_RUNS"] ?? 60)
const server = makeKeyPair(new SeededRandom(1))
const client = makeKeyPair(new SeededRandom(2))
let box: Box = nobleBox
beforeAll(async () => {
  box = await SodiumBox.load()
})

function curve(authenticator?: PeerAuthenticator, serverKey = server.publicKey): Pair {
  return pairOf(
    curveClient({ serverKey, secretKey: client.secretKey, box, random: new SeededRandom(3) }),
    curveServer({
      secretKey: server.secretKey,
      box,
      random: new SeededRandom(4),
      ...(authenticator && { authenticator }),
    }),
  )
}
function plain(authenticator: PeerAuthenticator = allowUsers(new Map([["ada", "love"]])), password = "love"): Pair {
  return pairOf(plainClient({ username: "ada", password }), plainServer({ authenticator }))
}
const kinds: readonly (readonly [string, (authenticator?: PeerAuthenticator) => Pair])[] = [
  ["NULL", authenticator => pairOf(nullSecurity, authenticator ? nullServer({ authenticator }) : nullSecurity)],
  ["PLAIN", plain],
  ["CURVE", curve],
]

describe.each(kinds)("%s", (name, open) => {
  it("lets messages through, in order, of every size, and commands beside them", async () => {
    const pair = open()
    await converse(pair)
    pair.client.outbox.send([utf8("one")])
    pair.client.outbox.send([utf8("two"), new Uint8Array(0), new Uint8Array(300), new Uint8Array(200_000)])
    pair.client.outbox.sendUrgent("PING", Uint8Array.of(4, 7, 4, 0x50, 0x49, 0x4e, 0x47, 0, 0))
    pair.client.outbox.send([utf8("three")])
    await converse(pair)
    expect(pair.server.messages.map(frames => frames.map(each => each.length))).toEqual([
      [3],
      [3, 0, 300, 200_000],
      [5],
    ])
    expect(pair.server.peer?.socketType).toBe("PUSH")
    expect([pair.client.closed, pair.server.closed]).toEqual([false, false])
  })

  it("may be cut anywhere", async () => {
    for (const size of [1, 2, 3, 7, 63, 64, 65, 200]) {
      const pair = open()
      const cut = (bytes: Uint8Array) => {
        const parts: Uint8Array[] = []
        for (let at = 0; at < bytes.length; at += size) parts.push(bytes.subarray(at, at + size))
        return parts
      }
      await converse(pair, cut)
      for (const text of ["a", "b".repeat(300), ""]) pair.client.outbox.send([utf8(text), utf8("end")])
      await converse(pair, cut)
      expect(joined(pair.server.messages), `in pieces of ${size}`).toBe(`a|end ${"b".repeat(300)}|end |end`)
    }
  })

  it("may come in one piece with what came before", async () => {
    const pair = open()
    let held: Uint8Array[] = []
    await converse(pair, bytes => [bytes])
    pair.client.outbox.send([utf8("x")])
    pair.client.outbox.send([utf8("y")])
    await converse(pair, (bytes, from) => {
      if (from === "server") return [bytes]
      held.push(bytes)
      const all = Buffer.concat(held)
      held = []
      return [all]
    })
    expect(joined(pair.server.messages)).toBe("x y")
  })

  it("waits for an authenticator that takes its time, which hears who asks from where", async () => {
    let answer: (status: 200) => void = () => {}
    const asked: unknown[] = []
    const pair = open(request => {
      asked.push([request.credentials.mechanism, request.address, request.domain])
      return new Promise(resolve => {
        answer = status => resolve({ status, userId: "somebody" })
      })
    })
    await converse(pair)
    expect(asked).toEqual([[name, "10.0.0.7", ""]])
    expect([pair.client.connection.isOpen, pair.server.connection.isOpen, pair.server.paused]).toEqual([
      false,
      false,
      true,
    ])
    answer(200)
    await converse(pair)
    pair.client.outbox.send([utf8("at last")])
    await converse(pair)
    expect(joined(pair.server.messages)).toBe("at last")
    expect([pair.server.peer?.userId, pair.server.paused]).toEqual(["somebody", false])
  })

  it.each([
    [300, "HandshakeFailed", true],
    [400, "Unauthorized", name === "CURVE"],
    [500, "Unauthorized", true],
  ] as const)("closes when the authenticator says %i", async (status, code, retryable) => {
    const pair = open(() => ({ status, text: "for a reason" }))
    await converse(pair)
    expect(pair.server.error?.code).toBe("Unauthorized")
    if (status === 300) pair.client.connection.onClose()
    expect([pair.client.error?.code, pair.client.error?.retryable]).toEqual([code, retryable])
    expect(pair.client.error?.message).not.toContain("for a reason")
  })

  it("refuses with 500 when the authenticator fails, at once or later", async () => {
    for (const broken of [
      () => {
        throw new Error("no database")
      },
      () => Promise.reject(new Error("no database")),
      () => undefined as never,
    ]) {
      const pair = open(broken)
      await converse(pair)
      expect([pair.server.error?.code, pair.server.connection.isOpen]).toEqual(["Unauthorized", false])
      expect(pair.client.error?.message).toContain("500")
    }
  })

  it("survives a peer that says anything: it closes, or nothing happens, and nobody is let in", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.nat(3), async (junk, when) => {
        const pair = open(() => ({ status: 400 }))
        let turn = 0
        await converse(pair, (bytes, from) => (from === "client" && turn++ === when ? [junk, bytes] : [bytes]))
        expect(pair.server.connection.isOpen).toBe(false)
        expect(pair.server.messages).toEqual([])
      }),
      { numRuns: runs },
    )
  })
})

describe("PLAIN", () => {
  it("refuses a wrong password and an unknown name", async () => {
    const pair = plain(undefined, "hate")
    await converse(pair)
    expect([pair.server.error?.code, pair.client.error?.code]).toEqual(["Unauthorized", "Unauthorized"])
    expect(pair.client.error?.retryable).toBe(false)
  })

  it("wants an authenticator, and names and passwords that fit", () => {
    expect(() => plainServer({} as never)).toThrow(expect.objectContaining({ code: "BadOption" }))
    expect(() => plainClient({ username: "x".repeat(256), password: "" })).toThrow(
      expect.objectContaining({ code: "BadOption" }),
    )
  })
})

describe("CURVE", () => {
  it("knows a client by its lasting key, and refuses one that is not on the list", async () => {
    const known = curve(allowKeys(new Map([["ada", client.publicKey]])))
    await converse(known)
    expect(known.server.peer?.userId).toBe("ada")
    const unknown = curve(allowKeys([server.publicKey]))
    await converse(unknown)
    expect(unknown.server.error?.code).toBe("Unauthorized")
  })

  it("closes on a client that expects another server", async () => {
    const pair = curve(undefined, client.publicKey)
    await converse(pair)
    expect(pair.server.error?.message).toContain("does not know our key")
    expect(pair.client.connection.isOpen).toBe(false)
  })

  it("closes when any octet of the handshake or of a message is changed, and delivers nothing after it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        fc.integer({ min: 1, max: 255 }),
        fc.nat(2),
        async (where, bits, when) => {
          const pair = curve()
          let turn = 0
          const spoil = (bytes: Uint8Array, from: "client" | "server") => {
            // The greeting is not authenticated; what it says is checked or means nothing.
            if (from !== "client" || turn++ !== when + 1) return [bytes]
            const copy = new Uint8Array(bytes)
            const at = Math.floor(where * copy.length)
            copy[at]! ^= bits
            return [copy]
          }
          await converse(pair, spoil)
          pair.client.outbox.send([utf8("secret one")])
          await converse(pair, spoil)
          pair.client.outbox.send([utf8("secret two")])
          await converse(pair, spoil)
          const got = joined(pair.server.messages)
          // A flag of the outer frame that means nothing may change; all else ends it before the changed message.
          expect(["", "secret one", "secret one secret two"]).toContain(got)
          if (got === "secret one secret two") expect(pair.server.closed).toBe(false)
        },
      ),
      { numRuns: runs * 5 },
    )
  })

  describe.each([
    ["comes again", (all: Uint8Array[]) => [all[0]!, all[0]!, all[1]!, all[2]!], "one"],
    ["comes out of order", (all: Uint8Array[]) => [all[1]!, all[0]!, all[2]!], ""],
    ["is left out", (all: Uint8Array[]) => [all[0]!, all[2]!], "one"],
    ["is cut short", (all: Uint8Array[]) => [all[0]!, shortened(all[1]!), all[2]!], "one"],
  ] as const)("when a message %s", (_, change, delivered) => {
    it("closes, and delivers only what came rightly before", async () => {
      const pair = curve()
      await converse(pair)
      const sealed: Uint8Array[] = []
      for (const text of ["one", "two", "three"]) {
        pair.client.outbox.send([utf8(text)])
        sealed.push(...pair.client.take())
      }
      expect(sealed.length).toBe(3)
      for (const each of change(sealed)) pair.server.give(each)
      await converse(pair)
      expect([joined(pair.server.messages), pair.server.closed]).toEqual([delivered, true])
      expect(pair.server.error?.code).toBe("BadFrame")
    })
  })

  it("closes on a message that travels bare", async () => {
    const pair = curve()
    await converse(pair)
    pair.server.give(Uint8Array.of(0, 3, 1, 2, 3))
    await converse(pair)
    expect([pair.server.messages, pair.server.closed]).toEqual([[], true])
  })

  it("does not let a vouch for one connection, or for another key, serve", async () => {
    // INITIATE of one connection replayed into another: its cookie and its short keys are not those.
    const one = curve()
    const recorded: Uint8Array[] = []
    await converse(one, (bytes, from) => {
      if (from === "client") recorded.push(new Uint8Array(bytes))
      return [bytes]
    })
    const two = curve()
    const fresh = pairOf(nullSecurity, curveServer({ secretKey: server.secretKey, box }))
    for (const each of recorded) fresh.server.give(each)
    await converse({ client: two.client, server: fresh.server })
    expect([fresh.server.connection.isOpen, fresh.server.closed]).toEqual([false, true])
  })

  it("does not believe a client that claims a lasting key whose secret it does not hold", async () => {
    const ada = makeKeyPair(new SeededRandom(9))
    // As a client would that has heard of ada's public key.
    const lying: Box = Object.create(box, {
      publicKeyOf: {
        value: (secretKey: Uint8Array) =>
          toHex(secretKey) === toHex(client.secretKey) ? ada.publicKey : box.publicKeyOf(secretKey),
      },
      ...Object.fromEntries(
        (["sharedKey", "workspace", "seal", "open"] as const).map(name => [name, { value: box[name].bind(box) }]),
      ),
    })
    const pair = pairOf(
      curveClient({ serverKey: server.publicKey, secretKey: client.secretKey, box: lying }),
      curveServer({ secretKey: server.secretKey, box, authenticator: allowKeys([ada.publicKey]) }),
    )
    await converse(pair)
    expect(pair.server.error?.message).toContain("does not hold the lasting key it claims")
    expect(pair.server.connection.isOpen).toBe(false)
  })

  it("uses no nonce twice: it closes before its counter would wrap", () => {
    const key = new Uint8Array(32).fill(5)
    const options = { box, key, ours: Words.FromClient, theirs: Words.FromServer, received: 0 }
    const traffic = new CurveTraffic({ ...options, sent: counterMax - 1 })
    const frame = [Uint8Array.of(0, 1, 65)]
    expect(traffic.seal(frame).length).toBe(1)
    expect(() => traffic.seal(frame)).toThrow(expect.objectContaining({ code: "Closed", retryable: true }))
  })

  it("covers frames of every length, whichever box does it and wherever, and uncovers them again", async () => {
    const boxes = [nobleBox, await SodiumBox.load({ native: false }), await SodiumBox.load()]
    const key = new Uint8Array(32).fill(5)
    const lengths = [
      0, 1, 200, 255, 256, 590, 606, 607, 608, 640, 900, 5_000, 30, 70_000, 70_000, 70_000, 70_000, 300_000, 9,
    ]
    const frames = lengths.map((length, i) => encodeMessage([new Uint8Array(length).fill(i + 1)]))
    const wires: string[] = []
    for (const sealing of boxes) {
      const ours = { key, ours: Words.FromClient, theirs: Words.FromServer, received: 0, sent: 0 }
      const traffic = new CurveTraffic({ ...ours, box: sealing })
      // Twice, the second time in memory that serves again, cut where it may be.
      for (let round = 0; round < 2; round++) {
        const pieces = traffic.seal([concat(frames.slice(0, 9)), ...frames.slice(9)])
        const wire = concat(pieces)
        wires.push(toHex(wire))
        for (const opening of boxes) {
          const theirs = {
            key,
            ours: Words.FromServer,
            theirs: Words.FromClient,
            sent: 0,
            received: round * frames.length,
          }
          const reader = new CurveTraffic({ ...theirs, box: opening })
          const cursor = new FrameCursor()
          cursor.start([wire])
          for (const frame of frames) {
            expect(cursor.next()).toBe(true)
            const body = new Uint8Array(cursor.size)
            cursor.copyBody(body, 0)
            const into = new Uint8Array(body.length + 20)
            const length = reader.open(body, 0, body.length, into, 3)
            expect(length).toBe(frame.length)
            expect(Buffer.compare(into.subarray(3, 3 + frame.length), frame)).toBe(0)
          }
        }
        traffic.taken()
      }
    }
    expect(new Set(wires.filter((_, i) => i % 2 === 0)).size).toBe(1)
    expect(new Set(wires.filter((_, i) => i % 2 === 1)).size).toBe(1)
  })

  it("makes fresh short keys, and fresh boxes, for every connection", async () => {
    const seen = new Set<string>()
    for (let i = 0; i < 3; i++) {
      const security = curveClient({ serverKey: server.publicKey, secretKey: client.secretKey, box })
      const pair = pairOf(security, curveServer({ secretKey: server.secretKey, box }))
      let hellos = 0
      await converse(pair, (bytes, from) => {
        if (from === "client" && hellos++ === 1) seen.add(toHex(bytes))
        return [bytes]
      })
    }
    expect(seen.size).toBe(3)
  })

  it("reads keys as octets and as Z85, and says what is wrong without repeating one", () => {
    const wrong = "0".repeat(39)
    expect(() => curveClient({ serverKey: wrong })).toThrow(
      expect.objectContaining({ code: "BadOption", message: expect.not.stringContaining(wrong) }),
    )
  })
})

describe.each([
  ["as WebAssembly", false],
  ["with machine code", true],
])("the boxes of noble and libsodium %s", (_, native) => {
  let box: Box
  beforeAll(async () => {
    box = await SodiumBox.load({ native })
    expect(box.name).toBe(native ? "sodium with native" : "sodium")
  })

  it("agree on keys, and seal and open the same octets", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1_500 }), fc.nat(), (plain, seed) => {
        const random = new SeededRandom(seed)
        const ours = makeKeyPair(random)
        const theirs = makeKeyPair(random)
        expect(box.publicKeyOf(ours.secretKey)).toEqual(ours.publicKey)
        const key = nobleBox.sharedKey(theirs.publicKey, ours.secretKey)!
        expect(box.sharedKey(ours.publicKey, theirs.secretKey)).toEqual(key)
        const nonce = random.bytes(24)
        const sealed = [nobleBox, box].map(each => {
          const space = each.workspace(plain.length + tagBytes)
          space.set(plain, tagBytes)
          each.seal(key, nonce, space, 0, plain.length + tagBytes)
          return space.slice(0, plain.length + tagBytes)
        })
        expect(sealed[0]).toEqual(sealed[1])
        for (const each of [nobleBox, box]) {
          const space = each.workspace(plain.length + tagBytes)
          space.set(sealed[0]!)
          expect(each.open(key, nonce, space, 0, plain.length + tagBytes)).toBe(true)
          expect(space.slice(tagBytes, tagBytes + plain.length)).toEqual(plain)
          space.set(sealed[0]!)
          space[random.below(sealed[0]!.length)]! ^= 1 + random.below(255)
          expect(each.open(key, nonce, space, 0, plain.length + tagBytes)).toBe(false)
        }
      }),
      { numRuns: runs },
    )
  })

  it("refuse public keys that give everybody the same", () => {
    const small = [new Uint8Array(32), Uint8Array.of(1, ...new Uint8Array(31))]
    for (const each of [nobleBox, box]) {
      for (const key of small) expect(each.sharedKey(key, server.secretKey)).toBeUndefined()
    }
  })

  it("do what the tests of NaCl say", () => {
    const alice = fromHex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
    const bob = fromHex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
    const nonce = fromHex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37")
    const plain = fromHex("be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffc")
    for (const each of [nobleBox, box]) {
      const key = each.sharedKey(bob, alice)!
      expect(toHex(key)).toBe("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389")
      const space = each.workspace(tagBytes + plain.length)
      space.set(plain, tagBytes)
      each.seal(key, nonce, space, 0, tagBytes + plain.length)
      expect(toHex(space.slice(tagBytes, tagBytes + plain.length))).toBe(
        "8e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186a",
      )
    }
  })

  it("write the golden vectors of docs/protocol, octet by octet", async () => {
    const vectors = JSON.parse(readFileSync(vectorsAt, "utf8")) as CurveVectors
    for (const each of [nobleBox, box]) expect(await record(vectors, each)).toEqual(vectors.wire)
  })
})

const vectorsAt = fileURLToPath(new URL("../../../docs/protocol/vectors/curve.json", import.meta.url))

interface CurveVectors {
  readonly serverSecretKey: string
  readonly clientSecretKey: string
  /** What each side drew, in order: client C', vouch nonce; server S', cookie key, cookie nonce, WELCOME nonce. */
  readonly clientDraws: readonly string[]
  readonly serverDraws: readonly string[]
  /** Everything on the wire, in order, who first. */
  readonly wire: readonly (readonly [from: string, octets: string])[]
}

/** A handshake and three messages with given draws. */
async function record(vectors: CurveVectors, by: Box): Promise<(readonly [string, string])[]> {
  const draws = (given: readonly string[]) => {
    const left = [...given]
    return { ...new SeededRandom(1), bytes: () => fromHex(left.shift()!) } as unknown as SeededRandom
  }
  const serverSecret = fromHex(vectors.serverSecretKey)
  const pair = pairOf(
    curveClient({
      serverKey: by.publicKeyOf(serverSecret),
      secretKey: fromHex(vectors.clientSecretKey),
      box: by,
      random: draws(vectors.clientDraws),
    }),
    curveServer({ secretKey: serverSecret, box: by, random: draws(vectors.serverDraws) }),
  )
  const wire: (readonly [string, string])[] = []
  const note = (bytes: Uint8Array, from: string) => {
    wire.push([from, toHex(bytes)])
    return [bytes]
  }
  await converse(pair, note)
  pair.client.outbox.send([utf8("hello")])
  await converse(pair, note)
  pair.client.outbox.send([utf8("two"), new Uint8Array(300).fill(7)])
  await converse(pair, note)
  pair.server.outbox.sendUrgent("PING", Uint8Array.of(4, 7, 4, 0x50, 0x49, 0x4e, 0x47, 0, 0))
  await converse(pair, note)
  return wire
}

function shortened(frame: Uint8Array): Uint8Array {
  const copy = frame.slice(0, frame.length - 1)
  copy[1]! -= 1
  return copy
}

/** Both ends say the same, or nobody talks. */
describe("mechanisms that differ", () => {
  const pairs: readonly (readonly [string, () => readonly [Security, Security]])[] = [
    ["NULL at CURVE", () => [nullSecurity, curveServer({ secretKey: server.secretKey, box })]],
    [
      "CURVE at PLAIN",
      () => [
        curveClient({ serverKey: server.publicKey, box }),
        plainServer({ authenticator: () => ({ status: 200 }) }),
      ],
    ],
  ]
  it.each(pairs)("%s", async (_, open) => {
    const [one, other] = open()
    const pair = pairOf(one, other)
    await converse(pair)
    expect([pair.client.connection.isOpen, pair.server.connection.isOpen]).toEqual([false, false])
    expect(pair.server.error?.message).toContain("configure both alike")
  })
})
