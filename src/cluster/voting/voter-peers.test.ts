/** Whom a voter remembers of those who call it. */
import { beforeEach, describe, expect, it } from "vitest"
import { endpointIdToBytes, newEndpointId } from "../../core/id.ts"
import { silentLogger } from "../../core/logger.ts"
import { SeededRandom } from "../../core/random.ts"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import { type Control, decodeControl, type VoterHello } from "../../message/control.ts"
import { SimulatedNetwork } from "../../transport/simulated/index.ts"
import { foundingRecord, newGenerationId, newVoterId, type RootRecord } from "../election/root-record.ts"
import { writeRecord } from "../election/wire.ts"
import { VoterPeers } from "./voter-peers.ts"

const none = new Uint8Array(0)

describe("VoterPeers", () => {
  const random = new SeededRandom(1)
  const self = { voterId: newVoterId(random), addresses: ["sim://self:1"] }
  let record: RootRecord | undefined
  let sent: (string | undefined)[]
  let shown: RootRecord[]
  let peers: VoterPeers

  beforeEach(() => {
    record = undefined
    sent = []
    shown = []
    const clock = new SimulatedClock()
    peers = new VoterPeers({
      tree: "t",
      self,
      seeds: [],
      token: none,
      transport: new SimulatedNetwork({ clock, random }).transport("self"),
      clock,
      random,
      logger: silentLogger,
      generation: () => undefined,
      record: () => record,
      onFrame: () => {},
      onLinkClosed: () => {},
      onRedialed: () => {},
      onRecord: each => void shown.push(each),
      onJoin: () => "",
      onJoinReply: () => {},
      onForeign: () => {},
      onOpened: () => {},
      onTried: () => {},
    })
  })

  /** Somebody calls; ends the call again. */
  function call(voterId: string) {
    const from = { voterId: endpointIdToBytes(voterId as never), name: "", addresses: [], direct: false }
    const hello = { version: 1, tree: "t", generation: none, from, to: none, token: none } as unknown as VoterHello
    const send = (frames: readonly Uint8Array[]) => sent.push(decodeControl(frames[0]!).body.case) > 0
    return peers.arrived({ remote: "", send, close: () => {} }, hello)
  }

  it("forgets who called and went, under whatever id", () => {
    for (let i = 0; i < 100; i++) call(newEndpointId(random)).closed()
    expect(sent.filter(each => each === "voterWelcome")).toHaveLength(100)
    expect(peers.contacts).toBe(0)
  })

  it("remembers a voter of the record whose link is lost", () => {
    const root = { voterId: newVoterId(random), addresses: ["sim://root:1"] }
    record = foundingRecord("t", newGenerationId(random), root)
    call(root.voterId).closed()
    expect([peers.contacts, peers.linked]).toEqual([1, []])
  })

  it("takes a record from a caller only if its own names that one, or it has none", () => {
    const [root, stranger] = [newVoterId(random), newVoterId(random)]
    const own = foundingRecord("t", newGenerationId(random), { voterId: root, addresses: ["sim://root:1"] })
    const theirs = { ...own, revision: 7 }
    const welcome = { body: { case: "voterWelcome", value: { record: writeRecord(theirs) } } } as unknown as Control
    record = own
    call(stranger).received(welcome)
    expect(shown).toEqual([])
    call(root).received(welcome)
    expect(shown).toHaveLength(1)
    record = undefined
    call(stranger).received(welcome)
    expect(shown).toHaveLength(2)
  })

  it("keeps the newest of two calls under one id, until both have gone", () => {
    const voterId = newVoterId(random)
    const [first, second] = [call(voterId), call(voterId)]
    first.closed()
    expect(peers.linked).toEqual([voterId])
    second.closed()
    expect([peers.contacts, peers.linked]).toEqual([0, []])
  })
})
