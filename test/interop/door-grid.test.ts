/**
 * The drop-in door in a process of its own against every libzmq peer: each pair both ways round, each side binding, over tcp
 * and ipc. Both ends are told what to do in the same words, and what they say came is compared by hash.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { within } from "./our-socket.ts"
import { describeFrames, framesOf, PeerProcess, peerKinds } from "./peer-process.ts"

const sizes = [0, 1, 255, 256, 65_535]
const shapes = [...sizes.map(size => [size]), [1_000_000], Array.from({ length: 100 }, (_, i) => sizes[i % 4]!)]
const pairs = [
  ["PUSH", "PULL"],
  ["DEALER", "ROUTER"],
  ["DEALER", "DEALER"],
  ["DEALER", "REP"],
  ["PAIR", "PAIR"],
  ["REQ", "REP"],
  ["REQ", "ROUTER"],
  ["ROUTER", "ROUTER"],
  ["PUB", "SUB"],
  ["PUB", "XSUB"],
  ["XPUB", "SUB"],
  ["XPUB", "XSUB"],
] as const

const folder = mkdtempSync(join(tmpdir(), "zinc-door-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let lastPath = 0
const hex = (text: string) => Buffer.from(text).toString("hex")
const probe = hex("probe")

for (const kind of peerKinds) {
  describe(`${kind} libzmq`, () => {
    let theirs: PeerProcess
    let door: PeerProcess
    beforeAll(async () => {
      theirs = await PeerProcess.start(kind)
      door = await PeerProcess.start("ours")
    })
    afterAll(() => Promise.all([theirs.stop(), door.stop()]))

    for (const transport of ["tcp", "ipc"]) {
      for (const [sends, receives] of pairs) {
        for (const doorSends of [true, false]) {
          for (const doorBinds of [true, false]) {
            const who = doorSends
              ? `the door's ${sends} to their ${receives}`
              : `their ${sends} to the door's ${receives}`
            it(`${who} over ${transport}, ${doorBinds ? "ours" : "theirs"} bound`, async () => {
              const [from, to] = doorSends ? [door, theirs] : [theirs, door]
              const fromBinds = doorSends === doorBinds
              const wildcard = transport === "tcp" ? "tcp://127.0.0.1:*" : `ipc://${join(folder, `${++lastPath}`)}`
              const named = (name: string, type: string) => ({ options: type === "ROUTER" ? { ROUTING_ID: name } : {} })
              if (fromBinds)
                await to.connect(
                  "s",
                  receives,
                  await from.bind("s", sends, wildcard, named("from", sends)),
                  named("to", receives),
                )
              else
                await from.connect(
                  "s",
                  sends,
                  await to.bind("s", receives, wildcard, named("to", receives)),
                  named("from", sends),
                )
              try {
                await pass(from, to, sends, receives)
              } finally {
                await Promise.all([from.close("s"), to.close("s")])
              }
            })
          }
        }
      }
    }

    async function pass(from: PeerProcess, to: PeerProcess, sends: string, receives: string): Promise<void> {
      const seed = `${sends}/${receives}`
      const described = shapes.map((shape, index) => describeFrames(framesOf(seed, shape, index)))
      if (sends === "REQ") {
        const [back] = await Promise.all([from.ask("s", { seed, messages: shapes }), to.echo("s", shapes.length)])
        expect(back.messages).toEqual(described)
        return
      }
      if (receives === "REP") {
        await from.send("s", { seed, messages: shapes, before: [""] })
        const echoed = to.echo("s", shapes.length)
        const back = await from.receive("s", shapes.length)
        expect(back.messages.map(frames => frames.slice(1))).toEqual(described)
        expect(await echoed).toBe(shapes.length)
        return
      }
      const before: string[] = []
      if (sends === "ROUTER") {
        // The one that sends must have heard from the other, which tells it until it has; the first may fall on deaf ears.
        await within(20_000, "a greeting from the other router", greeted(to, from))
        before.push(hex("to"))
      }
      if (sends.endsWith("PUB")) {
        await to.subscribe("s", "t")
        await to.subscribe("s", "probe")
        await within(20_000, "the subscription", probed(from, to))
        before.push(hex("t"))
      }
      const came = to.receive("s", shapes.length, { ignore: probe })
      expect(await from.send("s", { seed, messages: shapes, before })).toBe(shapes.length)
      const { messages } = await came
      const leading = sends.endsWith("PUB") || receives === "ROUTER" ? 1 : 0
      expect(messages.map(frames => frames.slice(leading))).toEqual(described)
    }

    /** `one` says something to `other` until that has come. */
    async function greeted(one: PeerProcess, other: PeerProcess): Promise<void> {
      for (;;) {
        await one.send("s", { frames: [hex("from"), probe] })
        const { messages } = await other.receive("s", 1, { timeoutMs: 50 })
        if (messages.length > 0) return
      }
    }
    async function probed(from: PeerProcess, to: PeerProcess): Promise<void> {
      for (;;) {
        await from.send("s", { frames: [probe] })
        const { messages } = await to.receive("s", 1, { timeoutMs: 20 })
        if (messages.length > 0) return
      }
    }
  })
}
