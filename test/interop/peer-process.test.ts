/** The two libzmq peers agree with each other, so that a difference seen later is ours. */
import { afterAll, describe, expect, it } from "vitest"
import { describeFrames, framesOf, PeerProcess, peerKinds } from "./peer-process.ts"

const peers: PeerProcess[] = []
afterAll(() => Promise.all(peers.map(peer => peer.stop())))

describe("Peer processes", () => {
  for (const kind of peerKinds) {
    it(`${kind}: what it sends and hears is what the seed says`, async () => {
      const peer = await PeerProcess.start(kind)
      peers.push(peer)
      const address = await peer.bind("in", "PULL", "tcp://127.0.0.1:*")
      await peer.connect("out", "PUSH", address)
      const messages = [[0], [1], [33, 0, 256]]
      expect(await peer.send("out", { seed: "s", messages })).toBe(3)
      const heard = await peer.receive("in", 3)
      expect(heard.messages).toEqual(messages.map((sizes, index) => describeFrames(framesOf("s", sizes, index))))
    })
  }
})
