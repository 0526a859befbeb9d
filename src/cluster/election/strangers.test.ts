/** R1: what somebody who is no voter can do to one, which is nothing; and numbers that nobody can have come to. */
import { beforeEach, describe, expect, it } from "vitest"
import { SeededRandom } from "../../core/random.ts"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import { numberMax } from "./plausible.ts"
import type { ReadOutcome } from "./record-keeper.ts"
import { foundingRecord, newGenerationId, newVoterId, type RootRecord, type VoterId } from "./root-record.ts"
import { freshMemory, remember, type VoteChange } from "./vote-storage.ts"
import { Voter } from "./voter.ts"
import type { VoterMessage } from "./voter-message.ts"

const epochMax = 2 ** 32 - 1

describe("R1 a voter", () => {
  const random = new SeededRandom(1)
  const entryOf = (voterId: VoterId) => ({ voterId, addresses: [`sim://${voterId}`] })
  const [self, root, third, stranger] = [1, 2, 3, 4].map(() => newVoterId(random)) as [
    VoterId,
    VoterId,
    VoterId,
    VoterId,
  ]
  const record: RootRecord = {
    ...foundingRecord("plant", newGenerationId(random), entryOf(root)),
    voters: [self, root, third].map(entryOf),
  }
  /** One by which the stranger rules. */
  const forged = { ...record, revision: 9, epoch: 9, root: entryOf(stranger), voters: [entryOf(stranger)] }
  const start = { epoch: 0, number: 0 }
  let clock: SimulatedClock
  let stored: VoteChange[]
  let reads: ((outcome: ReadOutcome) => void)[]
  let prepared: number
  let voter: Voter

  beforeEach(async () => {
    clock = new SimulatedClock()
    stored = []
    reads = []
    prepared = 0
    voter = new Voter({
      tree: "plant",
      self: entryOf(self),
      clock,
      random: new SeededRandom(2),
      links: { send: () => {}, redial: () => {} },
      storage: {
        write: (change, done) => {
          stored.push(change)
          clock.soon(() => done?.())
        },
      },
      memory: remember(freshMemory, [{ type: "record", record }]),
      keeper: () => ({
        read: done => void reads.push(done),
        compareAndSet: () => {},
        watch: () => {},
        onMessage: () => void prepared++,
      }),
      listener: () => {},
    })
    voter.start()
    await clock.advance(1)
    // What it asks when it starts.
    for (const read of reads.splice(0)) read({ type: "read", record })
    stored = []
  })

  function say(from: VoterId, message: VoterMessage): void {
    voter.receive({ tree: "plant", generation: record.generation, from, to: self, incarnation: 1, message })
  }
  const append = (epoch: number, of: RootRecord): VoterMessage => ({
    type: "append",
    epoch,
    sentAt: 0,
    previous: start,
    entries: [],
    committed: 0,
    record: of,
  })
  const ballot = { counter: 5, voter: stranger }

  it.each<[string, VoterMessage]>([
    ["APPEND", append(9, record)],
    ["APPEND with a record of its own", append(9, forged)],
    [
      "INSTALL_SNAPSHOT",
      { type: "installSnapshot", epoch: 9, sentAt: 0, snapshot: { at: { epoch: 9, number: 7 }, streams: [] }, record },
    ],
    ["SIGN", { type: "sign", epoch: 9, revision: 1, released: 9 }],
    ["MAKE_READY", { type: "makeReady", epoch: 9 }],
    ["HAND_OVER", { type: "handOver", released: 9, epoch: 9, last: start, leaving: true, revision: 1 }],
    ["SIGNATURE", { type: "signature", epoch: 9, granted: true, signed: 9, last: start, record: forged }],
    ["WOULD_SIGN_REPLY", { type: "wouldSignReply", epoch: 9, granted: false, signed: 9, record: forged }],
    ["RECORD_PREPARE", { type: "recordPrepare", ballot }],
    ["RECORD_ACCEPT", { type: "recordAccept", ballot, record: forged }],
  ])("takes no %s from whom the record does not name", async (_, message) => {
    say(stranger, message)
    await clock.advance(1)
    expect(stored).toEqual([])
    expect(prepared).toBe(0)
    expect([voter.root, voter.record, voter.counters.strangersFrames]).toEqual([undefined, record, 1])
    say(root, append(2, record))
    expect(voter.root).toEqual({ id: root, epoch: 2, incarnation: 1 })
  })

  it("reads the record when somebody claims a newer one, and hears it if that names it", () => {
    const grown = { ...record, revision: 2, voters: [...record.voters, entryOf(stranger)] }
    say(stranger, append(9, grown))
    expect([voter.root, reads.length]).toEqual([undefined, 1])
    reads.pop()!({ type: "read", record: grown })
    say(stranger, append(9, grown))
    expect(voter.root).toMatchObject({ id: stranger, epoch: 9 })
  })

  it("does not read it again for each claim, and believes none that the record denies", async () => {
    for (let i = 0; i < 100; i++) {
      say(stranger, append(9, forged))
      for (const read of reads.splice(0)) {
        read({ type: "read", record })
        prepared++
      }
      await clock.advance(20)
    }
    expect(prepared).toBe(2)
    expect([voter.root, voter.record]).toEqual([undefined, record])
  })

  it("believes a claim when nobody has kept the record for long, so that a set which has changed is found again", async () => {
    for (let i = 0; i < 3; i++) {
      say(stranger, append(9, forged))
      reads.pop()!({ type: "unavailable" })
      expect(voter.root).toBeUndefined()
      await clock.advance(1000)
    }
    say(stranger, append(9, forged))
    expect([voter.root?.id, voter.record]).toEqual([stranger, forged])
  })

  it.each<[string, VoterMessage]>([
    ["an epoch", append(epochMax, { ...record, epoch: 3 })],
    ["a record's epoch", append(2, { ...record, revision: 2, epoch: epochMax })],
    ["a revision", append(2, { ...record, revision: Number.MAX_SAFE_INTEGER })],
    ["an epoch to sign", { type: "sign", epoch: epochMax, revision: 1, released: 0 }],
    ["an epoch to make ready for", { type: "makeReady", epoch: epochMax }],
    [
      "an epoch to take over",
      { type: "handOver", released: 1, epoch: epochMax, last: start, leaving: false, revision: 1 },
    ],
    [
      "a place in the log",
      {
        type: "installSnapshot",
        epoch: 2,
        sentAt: 0,
        snapshot: { at: { epoch: 1, number: numberMax + 1 }, streams: [] },
        record,
      },
    ],
  ])("takes %s that nobody can have come to from nobody", async (_, message) => {
    say(root, message)
    await clock.advance(1)
    expect(stored).toEqual([])
    expect([voter.root, voter.record, voter.counters.implausibleFrames]).toEqual([undefined, record, 1])
  })
})
