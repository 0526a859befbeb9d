/** What goes outside of the usual pairs: STREAM with STREAM, and what XSUB says to XPUB. */
import { afterEach, describe, expect, it } from "vitest"
import { Stream, XPub, XSub } from "../../src/transport/zmtp/index.ts"
import { nextEvent, receiveAll, receiveText } from "./our-socket.ts"
import { PeerProcess, peerKinds } from "./peer-process.ts"

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
function closing<T extends { close(): unknown }>(thing: T): T {
  closers.push(() => thing.close())
  return thing
}
const hex = (text: string) => Buffer.from(text).toString("hex")
const text = (octets: string | undefined) => Buffer.from(octets ?? "", "hex").toString()

for (const kind of peerKinds) {
  describe(`${kind} libzmq`, () => {
    for (const weBind of [true, false]) {
      it(`STREAM and our STREAM pass octets as they are, ${weBind ? "ours" : "theirs"} bound`, async () => {
        const peer = await PeerProcess.start(kind)
        closers.push(() => peer.stop())
        const ours = closing(new Stream({ lingerMs: 0 }))
        if (weBind) await peer.connect("s", "STREAM", await ours.bind("tcp://127.0.0.1:0"))
        else ours.connect(await peer.bind("s", "STREAM", "tcp://127.0.0.1:*"))
        const [hello] = await receiveAll(ours, 1)
        expect(hello!.map(frame => frame.length)).toEqual([5, 0])
        const [theirHello] = (await peer.receive("s", 1, { plain: true })).messages
        expect(theirHello!.map(text)[1]).toBe("")

        ours.send([hello![0]!, Buffer.from("octets")])
        expect((await peer.receive("s", 1, { plain: true })).messages).toEqual([[theirHello![0]!, hex("octets")]])
        await peer.send("s", { frames: [theirHello![0]!, hex("back")] })
        const [back] = await receiveAll(ours, 1)
        expect(back!.map(frame => Buffer.from(frame).toString("hex"))).toEqual([
          Buffer.from(hello![0]!).toString("hex"),
          hex("back"),
        ])
        // An empty frame closes, and the other side hears of it.
        ours.send([hello![0]!, Buffer.alloc(0)])
        expect((await peer.receive("s", 1, { plain: true })).messages).toEqual([[theirHello![0]!, ""]])
      })
    }

    it("XSUB says something to our XPUB, and our XSUB to theirs", async () => {
      const peer = await PeerProcess.start(kind)
      closers.push(() => peer.stop())
      const xpub = closing(new XPub({ lingerMs: 0 }))
      await peer.connect("up", "XSUB", await xpub.bind("tcp://127.0.0.1:0"))
      await peer.subscribe("up", "t")
      expect(await receiveText(xpub, 1)).toEqual(["\x01t"])
      await peer.send("up", { frames: [hex("upstream"), hex("more")] })
      expect(await receiveText(xpub, 1)).toEqual(["upstream|more"])

      const xsub = closing(new XSub({ lingerMs: 0 }))
      const connected = nextEvent(xsub, "connected")
      xsub.connect(await peer.bind("down", "XPUB", "tcp://127.0.0.1:*"))
      await connected
      xsub.send([Buffer.from("\x01t")])
      xsub.send([Buffer.from("said"), Buffer.from("more")])
      const came = await peer.receive("down", 2, { plain: true })
      expect(came.messages.map(frames => frames.map(text))).toEqual([["\x01t"], ["said", "more"]])
    })
  })
}
