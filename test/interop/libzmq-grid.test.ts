/**
 * Every pattern against every libzmq peer, both ways round, each side binding and connecting, over tcp and ipc, with
 * frames around each boundary of the format, up to 8 MiB, alone and a hundred together. What was sent and what came are
 * compared by hash at both ends.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Router } from "../../src/transport/zmtp/index.ts"
import {
  ask,
  echo,
  nextEvent,
  type OurSocket,
  ourSocket,
  receiveAll,
  type SocketName,
  sendAll,
  within,
} from "./our-socket.ts"
import { describeFrames, framesOf, PeerProcess, peerKinds } from "./peer-process.ts"

const sizes = [0, 1, 255, 256, 65_535]
const large = 8 * 1024 * 1024

/** The sizes of the frames of each message. */
const light: number[][] = [...sizes.map(size => [size]), ...sizes.map(size => Array.from({ length: 100 }, () => size))]
const heavy: number[][] = [
  ...light,
  [large],
  Array.from({ length: 100 }, (_, part) => (part === 50 ? large : sizes[part % 4]!)),
]

/** The one that sends first, its partner, and what they send. */
const pairs: (readonly [SocketName, SocketName, number[][]])[] = [
  ["PUSH", "PULL", heavy],
  ["DEALER", "ROUTER", heavy],
  ["DEALER", "DEALER", light],
  ["DEALER", "REP", light],
  ["PAIR", "PAIR", heavy],
  ["REQ", "REP", heavy],
  ["REQ", "ROUTER", light],
  ["ROUTER", "ROUTER", light],
  ["PUB", "SUB", heavy],
  ["PUB", "XSUB", light],
  ["XPUB", "SUB", light],
  ["XPUB", "XSUB", heavy],
]

const folder = mkdtempSync(join(tmpdir(), "zinc-grid-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let lastPath = 0

const probe = Buffer.from("probe")
/** The empty frame between envelope and body. */
const delimiter = Buffer.alloc(0)
const names = { ours: Buffer.from("ours"), theirs: Buffer.from("theirs") }
const topic = Buffer.from("t")

for (const kind of peerKinds) {
  describe(`${kind} libzmq`, () => {
    let peer: PeerProcess
    beforeAll(async () => {
      peer = await PeerProcess.start(kind)
    })
    afterAll(() => peer.stop())

    for (const transport of ["tcp", "ipc"]) {
      for (const [sends, receives, shapes] of pairs) {
        for (const weBind of [true, false]) {
          const how = `over ${transport}, ${weBind ? "ours" : "theirs"} bound`
          it(`our ${sends} to their ${receives} ${how}`, async () => {
            await using ours = ourSocket(sends, sends === "ROUTER" ? { identity: names.ours } : {})
            await joined(ours, receives, weBind, transport)
            await cell(ours, sends, receives, shapes, false)
            await peer.close("s")
          })
          it(`their ${sends} to our ${receives} ${how}`, async () => {
            await using ours = ourSocket(receives, sends === "ROUTER" ? { identity: names.ours } : {})
            await joined(ours, sends, weBind, transport)
            await cell(ours, sends, receives, shapes, true)
            await peer.close("s")
          })
        }
      }
    }

    async function joined(ours: OurSocket, theirs: SocketName, weBind: boolean, transport: string): Promise<void> {
      const wildcard = transport === "tcp" ? "tcp://127.0.0.1:*" : `ipc://${join(folder, `${++lastPath}`)}`
      const options = ours instanceof Router && theirs === "ROUTER" ? { ROUTING_ID: names.theirs.toString() } : {}
      const peered = ours instanceof Router ? nextEvent(ours, "connected") : undefined
      if (weBind) await peer.connect("s", theirs, await ours.bind(wildcard), { options })
      else ours.connect(await peer.bind("s", theirs, wildcard, { options }))
      if (theirs === "ROUTER") await peered
    }

    async function cell(
      ours: OurSocket,
      sends: SocketName,
      receives: SocketName,
      shapes: number[][],
      theyBegin: boolean,
    ): Promise<void> {
      const seed = `${kind}/${sends}/${receives}/${theyBegin}`
      const published = sends === "PUB" || sends === "XPUB"
      const before = published ? [topic] : receives === "REP" && sends === "DEALER" ? [delimiter] : []
      const messages = shapes.map((shape, index) => [...before, ...framesOf(seed, shape, index)])
      const described = messages.map(describeFrames)
      const theirBefore = before.map(each => each.toString("hex"))

      if (sends === "REQ") {
        if (theyBegin) {
          const [back] = await Promise.all([peer.ask("s", { seed, messages: shapes }), echo(ours, shapes.length)])
          expect(back.messages).toEqual(described)
        } else {
          const [echoed, back] = await Promise.all([peer.echo("s", shapes.length), ask(ours, messages)])
          expect(echoed).toBe(shapes.length)
          expect(back.map(describeFrames)).toEqual(described)
        }
        return
      }
      if (sends === "ROUTER") {
        // Each names the other; theirs knows ours when it has heard from it.
        if (theyBegin) {
          if (!("send" in ours)) throw new Error("not a router")
          ours.send([names.theirs, probe])
          await peer.receive("s", 1)
          const [sent, came] = await Promise.all([
            peer.send("s", { seed, messages: shapes, before: [names.ours.toString("hex")] }),
            receiveAll(ours, shapes.length),
          ])
          expect(sent).toBe(shapes.length)
          expect(came.map(frames => describeFrames(frames.slice(1)))).toEqual(described)
        } else {
          const [came] = await Promise.all([
            peer.receive("s", shapes.length),
            sendAll(
              ours,
              messages.map(frames => [names.theirs, ...frames]),
            ),
          ])
          const name = describeFrames([names.ours])
          expect(came.messages).toEqual(described.map(frames => [...name, ...frames]))
        }
        return
      }
      if (receives === "REP") {
        if (theyBegin) {
          const [sent, back] = await Promise.all([
            peer.send("s", { seed, messages: shapes, before: theirBefore }),
            echo(ours, shapes.length).then(() => peer.receive("s", shapes.length)),
          ])
          expect(sent).toBe(shapes.length)
          expect(back.messages).toEqual(described)
        } else {
          const [echoed, back] = await Promise.all([
            peer.echo("s", shapes.length),
            receiveAll(ours, shapes.length),
            sendAll(ours, messages),
          ])
          expect(echoed).toBe(shapes.length)
          expect(back.map(describeFrames)).toEqual(described)
        }
        return
      }
      if (sends === "DEALER" && receives === "ROUTER") {
        // There and back, so that both are seen in both directions.
        if (theyBegin) {
          const [sent, came] = await Promise.all([
            peer.send("s", { seed, messages: shapes }),
            receiveAll(ours, shapes.length),
          ])
          expect(sent).toBe(shapes.length)
          expect(came.map(frames => describeFrames(frames.slice(1)))).toEqual(described)
          const [back] = await Promise.all([peer.receive("s", shapes.length), sendAll(ours, came)])
          expect(back.messages).toEqual(described)
        } else {
          const [echoed, back] = await Promise.all([
            peer.echo("s", shapes.length),
            receiveAll(ours, shapes.length),
            sendAll(ours, messages),
          ])
          expect(echoed).toBe(shapes.length)
          expect(back.map(describeFrames)).toEqual(described)
        }
        return
      }
      if (theyBegin) {
        if (published) await subscribeAndWait(ours)
        const [sent, came] = await Promise.all([
          peer.send("s", { seed, messages: shapes, before: theirBefore }),
          receiveAll(ours, shapes.length, probe),
        ])
        expect(sent).toBe(shapes.length)
        expect(came.map(describeFrames)).toEqual(described)
      } else {
        if (published) await waitForSubscription(ours)
        const [came] = await Promise.all([
          peer.receive("s", shapes.length, { ignore: probe.toString("hex"), timeoutMs: 20_000 }),
          sendAll(ours, messages),
        ])
        expect(came.messages).toEqual(described)
      }
    }

    /** Ours subscribes; their PUB cannot say when it knows, so it publishes probes until one is here. */
    async function subscribeAndWait(ours: OurSocket): Promise<void> {
      if (!("subscribe" in ours)) throw new Error("not a subscriber")
      ours.subscribe(topic)
      ours.subscribe(probe)
      const first = receiveAll(ours, 1)
      let here = false
      first.then(
        () => {
          here = true
        },
        () => {
          here = true
        },
      )
      while (!here) await peer.send("s", { frames: [probe.toString("hex")] })
      await first
    }

    /** They subscribe; our probes go out until they have had one (a bound libzmq SUB subscribes only when polled: S4). */
    async function waitForSubscription(ours: OurSocket): Promise<void> {
      if (!("send" in ours)) throw new Error("not a publisher")
      await peer.subscribe("s", "t")
      await peer.subscribe("s", "probe")
      await within(
        10_000,
        "their subscription",
        (async () => {
          for (;;) {
            ours.send([probe])
            const came = await peer.receive("s", 1, { timeoutMs: 20, plain: true })
            if (came.messages.length > 0) return
          }
        })(),
      )
    }
  })
}
