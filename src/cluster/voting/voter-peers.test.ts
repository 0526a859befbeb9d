/** Whom a voter remembers of those who call it. */
import { beforeEach, describe, expect, it } from "vitest"
import { endpointIdToBytes, newEndpointId } from "../../core/id.ts"
import { silentLogger } from "../../core/logger.ts"
import { SeededRandom } from "../../core/random.ts"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import { type Control, decodeControl, type VoterHello } from "../../message/control.ts"
import { SimulatedNetwork } from "../../transport/simulated/index.ts"
import {
  foundingRecord,
  newGenerationId,
  newVoterId,
  type RootRecord,
  type VoterEntry,
} from "../election/root-record.ts"
import { writeRecord } from "../election/wire.ts"
import { VoterDoor } from "./voter-door.ts"
import { VoterPeers } from "./voter-peers.ts"

const none = new Uint8Array(0)

describe("VoterPeers", () => {
  const random = new SeededRandom(1)
  const self = { voterId: newVoterId(random), addresses: ["sim://self:1"] }
  let record: RootRecord | undefined
  let sent: (string | undefined)[]
  let shown: RootRecord[]
  let doubles: string[]
  let beingDouble: string[]
  let clock: SimulatedClock
  let network: SimulatedNetwork
  let peers: VoterPeers

  beforeEach(() => {
    record = undefined
    doubles = []
    beingDouble = []
    sent = []
    shown = []
    clock = new SimulatedClock()
    network = new SimulatedNetwork({ clock, random })
    peers = open("self", self)
  })

  function open(node: string, self: VoterEntry, seeds: readonly string[] = [], tree = "t"): VoterPeers {
    return new VoterPeers({
      tree,
      self,
      seeds,
      token: none,
      transport: network.transport(node),
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
      onDouble: (double, reason) => void doubles.push(`${double.addresses.join(" ")}: ${reason}`),
      onBeingDouble: reason => void beingDouble.push(reason),
      onOpened: () => {},
      onTried: () => {},
    })
  }

  /** Somebody calls; ends the call again. */
  function call(voterId: string, ...addresses: string[]) {
    const from = { voterId: endpointIdToBytes(voterId as never), name: "", addresses, direct: false }
    const hello = { version: 1, tree: "t", generation: none, from, to: none, token: none } as unknown as VoterHello
    const send = (frames: readonly Uint8Array[]) => {
      const { body } = decodeControl(frames[0]!)
      return sent.push(body.case === "refuse" ? body.value.code : body.case) > 0
    }
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

  it("makes room for whom the record names, at the cost of the first that it does not name", () => {
    const [root, voter] = [newVoterId(random), newVoterId(random)]
    record = foundingRecord("t", newGenerationId(random), { voterId: root, addresses: ["sim://root:1"] })
    call(root)
    const [first, second] = [newVoterId(random), newVoterId(random)]
    call(first)
    call(second)
    expect(peers.makeRoomFor(voter)).toBe(false)
    expect(peers.linked).toEqual([root, first, second])
    expect([peers.makeRoomFor(root), peers.linked]).toEqual([true, [root, second]])
    expect([peers.makeRoomFor(root), peers.linked]).toEqual([true, [root]])
    expect([peers.makeRoomFor(root), peers.linked]).toEqual([false, [root]])
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

  describe("called under one id from two places", () => {
    const voter = { voterId: newVoterId(random), addresses: ["sim://voter:1"] }

    /** Opens the voter's own door, and links it. */
    async function openVoter(): Promise<VoterDoor> {
      const door = new VoterDoor(network.transport("voter"), silentLogger)
      await door.bind(voter.addresses[0]!)
      door.receive(open("voter", voter))
      return door
    }

    it("refuses the second while the voter answers where it is known to be, and says where that is", async () => {
      const door = await openVoter()
      const first = call(voter.voterId, ...voter.addresses)
      call(voter.voterId, "sim://copy:1")
      expect(sent).toEqual(["voterWelcome"])
      await clock.run(1000)
      expect(sent).toEqual(["voterWelcome", "Duplicate"])
      expect(doubles).toEqual([expect.stringMatching(/^sim:\/\/copy:1: voter .* votes at sim:\/\/voter:1 already/)])
      first.closed()
      expect(peers.linked).toEqual([voter.voterId])
      void door.close()
    })

    it("refuses it also where the voter is not linked, but the record says where it is", async () => {
      const door = await openVoter()
      record = foundingRecord("t", newGenerationId(random), voter)
      call(voter.voterId, "sim://copy:1")
      await clock.run(1000)
      expect(sent).toEqual(["Duplicate"])
      void door.close()
    })

    it("welcomes it when nobody answers at the old place", async () => {
      record = foundingRecord("t", newGenerationId(random), voter)
      call(voter.voterId, "sim://new:1")
      await clock.run(1000)
      expect(sent).toEqual(["voterWelcome"])
      expect([doubles, peers.linked]).toEqual([[], [voter.voterId]])
    })

    it("welcomes at once one that had lost patience meanwhile", async () => {
      record = foundingRecord("t", newGenerationId(random), voter)
      call(voter.voterId, "sim://new:1").closed()
      await clock.run(1000)
      expect(sent).toEqual([])
      call(voter.voterId, "sim://new:1")
      expect(sent).toEqual(["voterWelcome"])
    })

    it("refuses one that bears its own id, if it is where the record says", () => {
      call(self.voterId, "sim://copy:1")
      call(self.voterId, ...self.addresses)
      record = foundingRecord("t", newGenerationId(random), self)
      call(self.voterId, "sim://copy:1")
      call(self.voterId, ...self.addresses)
      expect(sent).toEqual(["Refused", "Loop", "Duplicate", "Loop"])
    })

    it("tells the one that is refused", async () => {
      const door = await openVoter()
      record = foundingRecord("t", newGenerationId(random), voter)
      const copy = open("copy", { ...voter, addresses: ["sim://copy:1"] }, voter.addresses)
      copy.start()
      await clock.run(1000)
      copy.end()
      expect(beingDouble[0]).toContain("votes at sim://voter:1 already")
      void door.close()
    })
  })

  it("says why seeds are not linked: nobody is there, or another tree is", async () => {
    const node = network.transport("here")
    const other = { voterId: newVoterId(random), addresses: ["sim://here:1"] }
    const door = new VoterDoor(node, silentLogger)
    await door.bind("sim://here:1")
    door.receive(open("here", other))
    const seeds = ["sim://here:1", "sim://nowhere:1"]
    const caller = open("caller", { voterId: newVoterId(random), addresses: ["sim://caller:1"] }, seeds)
    caller.start()
    await clock.run(2000)
    expect(caller.troubles).toEqual([expect.stringMatching(/^seed sim:\/\/nowhere:1 does not answer \(.+\)$/)])
    caller.end()

    const stranger = open("stranger", { voterId: newVoterId(random), addresses: ["sim://stranger:1"] }, seeds, "u")
    stranger.start()
    await clock.run(2000)
    expect(stranger.troubles[0]).toBe('seed sim://here:1 refuses: it is of the tree "t", not "u" [WrongTree]')
    stranger.end()

    void door.close()
  })
})
