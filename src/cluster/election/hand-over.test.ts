/** R7: what root and heir do before the reign changes hands, and what that binds them to. */
import { beforeEach, describe, expect, it } from "vitest"
import { SeededRandom } from "../../core/random.ts"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import { defaultTiming } from "./election-options.ts"
import type { SetOutcome } from "./record-keeper.ts"
import { foundingRecord, newGenerationId, newVoterId, type RootRecord, type VoterId } from "./root-record.ts"
import { freshMemory, remember, type VoteChange } from "./vote-storage.ts"
import { Voter } from "./voter.ts"
import type { VoterMessage } from "./voter-message.ts"

const random = new SeededRandom(1)
const entryOf = (voterId: VoterId) => ({ voterId, addresses: [`sim://${voterId}`] })
const [self, other, third] = [1, 2, 3].map(() => newVoterId(random)) as [VoterId, VoterId, VoterId]
const start = { epoch: 0, number: 0 }
const recordOf = (root: VoterId): RootRecord => ({
  ...foundingRecord("plant", newGenerationId(new SeededRandom(7)), entryOf(root)),
  voters: [self, other, third].map(entryOf),
})

/** One voter, and all that it says, stores and asks for. */
class Desk {
  readonly clock = new SimulatedClock()
  readonly sent: { readonly to: VoterId; readonly message: VoterMessage }[] = []
  readonly stored: VoteChange[] = []
  readonly events: string[] = []
  readonly record: RootRecord
  readonly voter: Voter
  /** Whether the disk answers. */
  storing = true
  expected = 0
  recorded: ((outcome: SetOutcome) => void) | undefined

  constructor(root: VoterId) {
    this.record = recordOf(root)
    this.voter = new Voter({
      tree: "plant",
      self: entryOf(self),
      clock: this.clock,
      random: new SeededRandom(2),
      links: { send: ({ voterId }, { message }) => void this.sent.push({ to: voterId, message }), redial: () => {} },
      storage: {
        write: (change, done) => {
          this.stored.push(change)
          if (this.storing) this.clock.soon(() => done?.())
        },
      },
      memory: remember(freshMemory, [{ type: "record", record: this.record }]),
      keeper: () => ({
        read: () => {},
        compareAndSet: (_revision, _record, done) => {
          this.recorded = done
        },
        expectChange: () => void this.expected++,
        watch: () => {},
      }),
      listener: event => void this.events.push(event.type),
    })
    this.voter.start()
  }

  hears(from: VoterId, message: VoterMessage): void {
    const { generation } = this.record
    this.voter.receive({ tree: "plant", generation, from, to: self, incarnation: 1, message })
  }
  said<Type extends VoterMessage["type"]>(type: Type) {
    return this.sent.flatMap(({ message }) => (message.type === type ? [message as VoterMessage & { type: Type }] : []))
  }
  get signatures() {
    return this.stored.filter(({ type }) => type === "signed")
  }
}

describe("R7 an heir", () => {
  let desk: Desk
  const word = (epoch: number): VoterMessage => ({
    type: "append",
    epoch,
    sentAt: 5,
    previous: start,
    entries: [],
    committed: 0,
    record: desk.record,
  })
  const handOver = (epoch: number, revision = 1): VoterMessage => ({
    type: "handOver",
    released: 2,
    epoch,
    last: start,
    leaving: false,
    revision,
  })

  beforeEach(async () => {
    desk = new Desk(other)
    await desk.clock.advance(1)
    desk.hears(other, word(2))
    await desk.clock.advance(1)
    desk.stored.length = 0
    desk.sent.length = 0
  })

  it("stores its signature when it is told to make ready, says so then, and goes on obeying its root", async () => {
    desk.storing = false
    desk.hears(other, { type: "makeReady", epoch: 3 })
    expect([desk.signatures, desk.expected]).toEqual([[{ type: "signed", epoch: 3, candidate: self }], 1])
    await desk.clock.advance(1)
    expect(desk.said("ready")).toEqual([])
    desk.storing = true
    desk.hears(other, { type: "makeReady", epoch: 3 })
    await desk.clock.advance(1)
    expect(desk.said("ready")).toEqual([{ type: "ready", epoch: 3 }])
    desk.hears(other, word(2))
    expect(desk.said("appended").at(-1)).toMatchObject({ epoch: 2, accepted: true, signed: 2 })
  })

  it("moves the record and sends its opening in the turn in which it is handed the reign", async () => {
    desk.hears(other, { type: "makeReady", epoch: 3 })
    await desk.clock.advance(1)
    desk.hears(other, handOver(3))
    expect(desk.recorded).toBeDefined()
    expect(desk.said("append").slice(0, 2)).toMatchObject([
      { epoch: 3, entries: [{ epoch: 3 }] },
      { epoch: 3, entries: [{ epoch: 3 }] },
    ])
    expect(desk.signatures).toHaveLength(1)
    desk.hears(other, word(2))
    expect(desk.said("appended").at(-1)).toMatchObject({ epoch: 2, accepted: false, signed: 3 })
  })

  it("reigns from then on, while the record is being moved and its opening stored", async () => {
    desk.hears(other, { type: "makeReady", epoch: 3 })
    await desk.clock.advance(1)
    desk.storing = false
    desk.hears(other, handOver(3))
    expect([desk.voter.hasAuthority(), desk.events.includes("opened")]).toEqual([true, true])
    const proposal = { stream: "o", origin: "one", sequence: 1, lowest: 1, payload: new Uint8Array(1) }
    expect(desk.voter.order(proposal)).toMatchObject({ type: "ordered", entry: { epoch: 3, number: 2 } })
    expect(desk.voter.log.committed).toBe(0)
    // The set and the reign itself are the record's: they wait.
    expect([desk.voter.removeVoter(third), desk.voter.handOver()]).toEqual([false, false])
    await desk.clock.advance(1)
    for (const message of desk.said("append")) expect(message.record.epoch).toBe(1)
    desk.sent.length = 0
    desk.recorded!({ type: "set" })
    await desk.clock.advance(defaultTiming.heartbeatMs)
    expect(desk.voter.record).toMatchObject({ epoch: 3, revision: 2, root: { voterId: self } })
    expect(desk.said("append").at(-1)!.record.epoch).toBe(3)
  })

  it("has no longer than the lease that its predecessor promised, counted from when it was ready", async () => {
    desk.hears(other, { type: "makeReady", epoch: 3 })
    await desk.clock.advance(1000)
    desk.hears(other, word(2))
    desk.hears(other, handOver(3))
    await desk.clock.advance(defaultTiming.leaseMs - 1001)
    expect(desk.voter.hasAuthority()).toBe(true)
    await desk.clock.advance(1)
    expect(desk.voter.hasAuthority()).toBe(false)
  })

  it("reigns no more when the record has gone to another", async () => {
    desk.hears(other, { type: "makeReady", epoch: 3 })
    await desk.clock.advance(1)
    desk.hears(other, handOver(3))
    desk.recorded!({ type: "conflict", record: { ...desk.record, revision: 2, epoch: 4, root: entryOf(third) } })
    expect([desk.voter.hasAuthority(), desk.events.at(-1)]).toEqual([false, "deposed"])
  })

  it("waits for record and opening when its predecessor has promised nothing, or knows another record", async () => {
    for (const revision of [0, 2]) {
      desk = new Desk(other)
      await desk.clock.advance(1)
      desk.hears(other, word(2))
      desk.hears(other, { type: "makeReady", epoch: 3 })
      await desk.clock.advance(1)
      desk.hears(other, handOver(3, revision))
      expect([desk.recorded === undefined, desk.voter.hasAuthority()]).toEqual([false, false])
      desk.recorded!({ type: "set" })
      expect(desk.voter.hasAuthority()).toBe(false)
    }
  })

  it("does not rely on a signature that is not stored yet, or of another epoch", async () => {
    desk.storing = false
    desk.hears(other, { type: "makeReady", epoch: 3 })
    desk.hears(other, handOver(3))
    expect([desk.recorded, desk.signatures]).toMatchObject([undefined, [{ epoch: 3 }, { epoch: 3 }]])

    desk = new Desk(other)
    await desk.clock.advance(1)
    desk.hears(other, word(2))
    desk.hears(other, { type: "makeReady", epoch: 3 })
    await desk.clock.advance(1)
    desk.hears(other, handOver(4))
    expect(desk.recorded).toBeUndefined()
    expect(desk.signatures.at(-1)).toMatchObject({ epoch: 4, candidate: self })
  })

  it("may sign that epoch for another instead, and does not come back to its own", async () => {
    desk.hears(other, { type: "makeReady", epoch: 3 })
    await desk.clock.advance(1)
    desk.hears(other, { type: "released", epoch: 2 })
    desk.hears(third, { type: "sign", epoch: 3, revision: 1, released: 0 })
    await desk.clock.advance(1)
    expect(desk.said("signature")).toMatchObject([{ epoch: 3, granted: true }])
    expect(desk.signatures.at(-1)).toMatchObject({ epoch: 3, candidate: third })
    desk.hears(other, handOver(3))
    expect([desk.recorded, desk.said("append")]).toEqual([undefined, []])
  })

  it("makes ready for nobody but the root that it obeys", async () => {
    desk.hears(third, { type: "makeReady", epoch: 3 })
    desk.hears(other, { type: "makeReady", epoch: 2 })
    await desk.clock.advance(1)
    expect([desk.signatures, desk.said("ready")]).toEqual([[], []])
  })
})

describe("R7 a root that hands over", () => {
  let desk: Desk
  const { candidacyMs } = defaultTiming
  let asked: number
  let given: unknown[]
  const answerAll = () => {
    for (const { to, message } of desk.sent.splice(0)) {
      if (message.type === "makeReady") asked++
      if (message.type !== "append") continue
      const last = message.entries.at(-1)?.number ?? message.previous.number
      const { epoch, sentAt } = message
      desk.hears(to, { type: "appended", epoch, sentAt, accepted: true, signed: epoch, matched: last, last })
    }
  }

  /** Reigns, and its heir has everything. */
  beforeEach(async () => {
    desk = new Desk(self)
    await desk.clock.advance(1)
    desk.hears(other, { type: "handOver", released: 1, epoch: 2, last: start, leaving: false, revision: 1 })
    desk.hears(third, { type: "signature", epoch: 2, granted: true, signed: 2, last: start, record: undefined })
    await desk.clock.advance(1)
    desk.recorded!({ type: "set" })
    answerAll()
    await desk.clock.advance(1)
    answerAll()
    expect(desk.events).toContain("opened")
    ;[asked, given] = [0, []]
    expect(desk.voter.handOver({ to: other }, outcome => given.push(outcome))).toBe(true)
    answerAll()
    await desk.clock.advance(1)
  })

  it("orders until its heir is ready", async () => {
    expect(desk.said("makeReady")).toEqual([{ type: "makeReady", epoch: 3 }])
    expect([desk.voter.hasAuthority(), desk.said("handOver")]).toEqual([true, []])
    desk.hears(third, { type: "ready", epoch: 3 })
    desk.hears(other, { type: "ready", epoch: 4 })
    expect(desk.voter.hasAuthority()).toBe(true)
    desk.hears(other, { type: "ready", epoch: 3 })
    expect(desk.voter.hasAuthority()).toBe(true)
    await desk.clock.advance(1)
    expect([desk.voter.hasAuthority(), desk.said("handOver")]).toMatchObject([false, [{ released: 2, epoch: 3 }]])
  })

  it("signs for nobody else, once it has, until the lease that it gave is over", async () => {
    desk.hears(other, { type: "ready", epoch: 3 })
    await desk.clock.advance(1)
    expect(desk.said("handOver")).toMatchObject([{ epoch: 3, revision: 2 }])
    const asks = (epoch: number) => {
      desk.sent.length = 0
      desk.hears(third, { type: "sign", epoch, revision: 2, released: 0 })
      return desk.clock.advance(1)
    }
    const { leaseMs, marginMs } = defaultTiming
    await asks(4)
    expect(desk.said("signature")).toMatchObject([{ granted: false, signed: 3 }])
    await desk.clock.advance(leaseMs + marginMs - 3)
    await asks(4)
    expect(desk.said("signature")).toMatchObject([{ granted: false, signed: 3 }])
    await asks(4)
    expect(desk.said("signature")).toMatchObject([{ granted: true, signed: 4 }])
  })

  it("asks again with each heartbeat, and reigns on when its heir is not ready within a second", async () => {
    for (let ms = 0; ms < candidacyMs; ms += 50) {
      await desk.clock.advance(50)
      answerAll()
    }
    expect(asked).toBeGreaterThan(2)
    expect(given).toEqual([undefined])
    desk.hears(other, { type: "ready", epoch: 3 })
    await desk.clock.advance(1)
    expect([desk.voter.hasAuthority(), desk.said("handOver"), desk.signatures.at(-1)]).toMatchObject([
      true,
      [],
      { epoch: 2 },
    ])
  })
})

describe("R4 a voter that comes back with less than it had", () => {
  it("is brought what it lacks, and counts for nothing until it has it", async () => {
    const desk = new Desk(self)
    const answer = (to: VoterId, message: VoterMessage) => {
      if (message.type !== "append") return
      const last = message.entries.at(-1)?.number ?? message.previous.number
      const { epoch, sentAt } = message
      desk.hears(to, { type: "appended", epoch, sentAt, accepted: true, signed: epoch, matched: last, last })
    }
    const answerAll = () => {
      for (const { to, message } of desk.sent.splice(0)) answer(to, message)
    }
    await desk.clock.advance(1)
    desk.hears(other, { type: "handOver", released: 1, epoch: 2, last: start, leaving: false, revision: 1 })
    desk.hears(third, { type: "signature", epoch: 2, granted: true, signed: 2, last: start, record: undefined })
    await desk.clock.advance(1)
    desk.recorded!({ type: "set" })
    for (let sequence = 0; sequence <= 5; sequence++) {
      answerAll()
      await desk.clock.advance(1)
      if (sequence > 0)
        desk.voter.order({ stream: "o", origin: "one", sequence, lowest: 1, payload: new Uint8Array(1) })
      await desk.clock.advance(1)
    }
    answerAll()
    expect(desk.voter.log.committed).toBe(6)

    const { generation } = desk.record
    const lacking: VoterMessage = {
      type: "appended",
      epoch: 2,
      sentAt: desk.clock.now(),
      accepted: true,
      signed: 2,
      matched: undefined,
      last: 2,
    }
    desk.voter.receive({ tree: "plant", generation, from: third, to: self, incarnation: 2, message: lacking })
    expect(desk.sent).toMatchObject([
      { to: third, message: { type: "append", previous: { number: 2 }, entries: [{ number: 3 }, {}, {}, {}] } },
    ])
    desk.sent.length = 0
    // The other voter is silent: with the one that came back alone nothing is stored by a majority yet.
    desk.voter.order({ stream: "o", origin: "one", sequence: 6, lowest: 1, payload: new Uint8Array(1) })
    await desk.clock.advance(1)
    expect(desk.voter.log.committed).toBe(6)
  })
})

describe("R1 somebody who is no voter any more", () => {
  it("is shown the record that says so when it asks for a signature", async () => {
    const desk = new Desk(other)
    const gone = newVoterId(random)
    await desk.clock.advance(1)
    desk.hears(gone, { type: "sign", epoch: 9, revision: 0, released: 0 })
    expect(desk.sent).toMatchObject([
      { to: gone, message: { type: "wouldSignReply", granted: false, record: { revision: 1 } } },
    ])
    desk.sent.length = 0
    desk.hears(gone, { type: "sign", epoch: 9, revision: 1, released: 0 })
    expect(desk.sent).toEqual([])
  })

  it("stands for nothing any more once it learns of it", async () => {
    const desk = new Desk(other)
    await desk.clock.advance(1)
    desk.hears(other, { type: "handOver", released: 1, epoch: 2, last: start, leaving: false, revision: 1 })
    await desk.clock.advance(1)
    expect(desk.recorded).toBeDefined()
    const without = { ...desk.record, revision: 2, voters: [other, third].map(entryOf) }
    desk.hears(third, { type: "wouldSignReply", epoch: 2, granted: false, signed: 1, record: without })
    expect(desk.events).toContain("failed")
    desk.recorded!({ type: "unknown" })
    desk.sent.length = 0
    await desk.clock.advance(5000)
    expect(desk.sent).toEqual([])
  })
})
