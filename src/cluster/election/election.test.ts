/** The parts of a voter, each alone. */
import { describe, expect, it } from "vitest"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import { commonPlaces, noteRun, runsMax, type StreamRun } from "../../endpoint/stream-runs.ts"
import { Alarm } from "./alarm.ts"
import { Act, mayAct, Standing } from "./duty.ts"
import { checkTiming, defaultTiming } from "./election-options.ts"
import { EpochGate, Speech } from "./epoch-gate.ts"
import { Lease } from "./lease.ts"
import { LeasePromise } from "./lease-promise.ts"
import {
  foundingRecord,
  type GenerationId,
  isMajority,
  majorityOf,
  needsLease,
  type VoterEntry,
  type VoterId,
  withoutVoter,
  withVoter,
} from "./root-record.ts"

const voter = (name: string): VoterEntry => ({ voterId: name, addresses: [`sim://${name}`], direct: true })
const record = (...names: string[]) => ({
  ...foundingRecord("tree", "g" as GenerationId, voter("a")),
  voters: names.map(voter),
})

describe("R1 root record", () => {
  it("counts majorities of the configured voters, alive or not", () => {
    expect([1, 2, 3, 4, 5].map(majorityOf)).toEqual([1, 2, 2, 3, 3])
    const { voters } = record("a", "b", "c", "d", "e")
    expect(isMajority(voters, id => id === "a" || id === "b")).toBe(false)
    expect(isMajority(voters, id => id !== "a" && id !== "b")).toBe(true)
    expect(isMajority([], () => true)).toBe(false)
  })

  it("changes by one voter, each time with a higher revision", () => {
    const two = withVoter(record("a"), voter("b"))
    expect(two.voters.map(each => each.voterId)).toEqual(["a", "b"])
    expect(two.revision).toBe(2)
    expect(withoutVoter(two, "a" as VoterId).voters.map(each => each.voterId)).toEqual(["b"])
    expect(() => withVoter(two, voter("b"))).toThrow(expect.objectContaining({ code: "BadOption" }))
    expect(() => withoutVoter(record("a"), "a" as VoterId)).toThrow(expect.objectContaining({ code: "BadOption" }))
    const seven = record("a", "b", "c", "d", "e", "f", "g")
    expect(() => withVoter(seven, voter("h"))).toThrow(expect.objectContaining({ code: "Full" }))
  })

  it("needs a lease from three voters on", () => {
    expect([record("a"), record("a", "b"), record("a", "b", "c")].map(needsLease)).toEqual([false, false, true])
  })
})

describe("R4 Lease", () => {
  it("counts from when the root sent what a majority has answered", () => {
    const lease = new Lease(1500, "a" as VoterId)
    const five = record("a", "b", "c", "d", "e")
    expect(lease.until(five)).toBe(Number.NEGATIVE_INFINITY)
    lease.confirmed("b" as VoterId, 100)
    expect(lease.until(five)).toBe(Number.NEGATIVE_INFINITY)
    lease.confirmed("c" as VoterId, 50)
    expect(lease.until(five)).toBe(1550)
    lease.confirmed("d" as VoterId, 300)
    expect(lease.until(five)).toBe(1600)
  })

  it("is not moved back by a late answer", () => {
    const lease = new Lease(1500, "a" as VoterId)
    lease.confirmed("b" as VoterId, 200)
    lease.confirmed("b" as VoterId, 100)
    expect(lease.until(record("a", "b", "c"))).toBe(1700)
  })

  it("never ends for a single voter", () => {
    expect(new Lease(1500, "a" as VoterId).until(record("a"))).toBe(Number.POSITIVE_INFINITY)
  })
})

describe("R4 LeasePromise", () => {
  const root = { id: "a" as VoterId, epoch: 3, incarnation: 1 }

  it("forbids to sign for another until lease and margin are over, and never for the root itself", () => {
    const promise = new LeasePromise(1650, undefined)
    expect(promise.forbids("b" as VoterId, 0)).toBe(false)
    promise.renew(root, 1000)
    expect(promise.forbids("b" as VoterId, 2649)).toBe(true)
    expect(promise.forbids("a" as VoterId, 2649)).toBe(false)
    expect(promise.forbids("b" as VoterId, 2650)).toBe(false)
  })

  it("ends early for that root only", () => {
    const promise = new LeasePromise(1650, undefined)
    promise.renew(root, 1000)
    promise.ended("b" as VoterId)
    expect(promise.holds(1001)).toBe(true)
    promise.ended("a" as VoterId)
    expect(promise.holds(1001)).toBe(false)
  })

  it("outlives a restart, unless nobody holds a lease", () => {
    const promise = new LeasePromise(1650, 500)
    expect(promise.forbids("a" as VoterId, 2149)).toBe(true)
    expect(promise.holds(2150)).toBe(false)
    const waived = new LeasePromise(1650, 500)
    waived.waived()
    expect(waived.holds(501)).toBe(false)
    const promised = new LeasePromise(1650, 500)
    promised.renew(root, 600)
    promised.waived()
    expect(promised.holds(601)).toBe(true)
  })
})

describe("T2 EpochGate", () => {
  it("drops orders, acknowledgements and commands of a lower epoch", () => {
    const gate = new EpochGate()
    expect(gate.admits(Speech.Order, 4)).toBe(true)
    for (const speech of [Speech.Order, Speech.Acknowledgement, Speech.Command])
      expect(gate.admits(speech, 3)).toBe(false)
    expect(gate.dropped).toBe(3)
    expect(gate.admits(Speech.Command, 4)).toBe(true)
    expect(gate.admits(Speech.Order, 6)).toBe(true)
    expect(gate.admits(Speech.Order, 5)).toBe(false)
  })

  it("lets content pass whatever its epoch, and does not hold to what content says", () => {
    const gate = new EpochGate()
    gate.raise(4)
    expect(gate.admits(Speech.Content, 2)).toBe(true)
    expect(gate.admits(Speech.Content, 9)).toBe(true)
    expect(gate.epoch).toBe(4)
  })
})

describe("R6 what a caretaker may do", () => {
  it("is to accept joins, pass on, and acknowledge what it received", () => {
    const may = Object.values(Act).filter(act => mayAct(Standing.Caretaker, act))
    expect(may).toEqual([Act.AcceptJoin, Act.PassOn, Act.AcknowledgeReceived])
    expect(Object.values(Act).every(act => mayAct(Standing.Root, act))).toBe(true)
  })
})

describe("R5 commonPlaces", () => {
  const place = (order: number, ...runs: [number, number][]) => ({
    order,
    runs: runs.map(([epoch, first]) => ({ epoch, first })),
  })

  it("keeps what was heard of a reign as far as the next one kept it", () => {
    expect(commonPlaces(place(12, [1, 1]), place(20, [1, 1], [2, 10]))).toBe(9)
    expect(commonPlaces(place(8, [1, 1]), place(20, [1, 1], [2, 10]))).toBe(8)
  })

  it("ends with the tree where the new reign has ordered nothing yet", () => {
    expect(commonPlaces(place(12, [1, 1]), place(9, [1, 1]))).toBe(9)
  })

  it("sees through a reign that was missed, below the start of the newest", () => {
    // Heard 35 of reign 1. Reign 2 kept 29 and ordered up to 40, where reign 3 began.
    expect(commonPlaces(place(35, [1, 1]), place(44, [1, 1], [2, 30], [3, 41]))).toBe(29)
  })

  it("goes back behind a reign of which nothing was kept", () => {
    expect(commonPlaces(place(14, [1, 1], [2, 11]), place(20, [1, 1], [3, 9]))).toBe(8)
  })

  it("gives up places of a reign that were heard of the one before it", () => {
    // Reign 3 began at 51; heard are 29 to 56 of reign 2, and 57 and 58 of reign 3 before anything else of it.
    const heard = place(58, [1, 1], [2, 29])
    const runs = [...heard.runs, { epoch: 3, first: 57, after: 56 }]
    expect(commonPlaces({ order: 58, runs }, place(70, [1, 1], [2, 29], [3, 51]))).toBe(50)
    expect(commonPlaces({ order: 58, runs }, place(70, [1, 1], [3, 51]))).toBe(28)
    expect(commonPlaces({ order: 58, runs }, place(70, [3, 51]))).toBe(50)
  })

  it("keeps them where they were not heard at all", () => {
    // 51 to 53 were lost, and whether they were of reign 2 or 3 is not known.
    const runs = [...place(0, [2, 29]).runs, { epoch: 3, first: 54, after: 50 }]
    for (const first of [51, 52, 54]) expect(commonPlaces({ order: 58, runs }, place(70, [2, 29], [3, first]))).toBe(58)
  })

  it("gives up what the tree is not sure of", () => {
    // Whoever tells of it has heard 1 to 20 of reign 1, and 30 and on of reign 2.
    const tree = {
      order: 40,
      runs: [
        { epoch: 1, first: 1 },
        { epoch: 2, first: 30, after: 20 },
      ],
    }
    expect(commonPlaces(place(24, [1, 1]), tree)).toBe(20)
    expect(commonPlaces(place(18, [1, 1]), tree)).toBe(18)
  })

  it("says when it cannot tell, and that nothing is common when it can", () => {
    expect(commonPlaces(place(5, [1, 1]), place(100, [7, 60], [8, 90]))).toBe(undefined)
    expect(commonPlaces(place(5, [2, 1]), place(3, [3, 1]))).toBe(0)
    expect(commonPlaces(place(0), place(3, [3, 1]))).toBe(0)
  })

  it("remembers a bounded number of reigns", () => {
    const runs: StreamRun[] = []
    for (let epoch = 1; epoch <= runsMax + 4; epoch++) {
      noteRun(runs, epoch, epoch * 10)
      noteRun(runs, epoch, epoch * 10 + 1)
    }
    expect(runs).toHaveLength(runsMax)
    expect(runs[0]).toEqual({ epoch: 5, first: 50 })
  })
})

describe("Alarm", () => {
  it("rings once, at the last time set", () => {
    const clock = new SimulatedClock()
    const rung: number[] = []
    const alarm = new Alarm(clock, () => rung.push(clock.now()))
    alarm.set(100)
    alarm.set(250)
    clock.advance(200)
    expect(rung).toEqual([])
    alarm.set(220)
    clock.advance(500)
    expect(rung).toEqual([220])
  })

  it("is silent when off, and leaves no timer when ended", () => {
    const clock = new SimulatedClock()
    const alarm = new Alarm(clock, () => expect.unreachable("it was off"))
    alarm.set(100)
    alarm.off()
    clock.advance(200)
    alarm.set(300)
    alarm.end()
    clock.advance(500)
    expect(clock.pending).toBe(0)
  })
})

describe("ElectionTiming", () => {
  it("refuses what could not work", () => {
    const bad = expect.objectContaining({ code: "BadOption" })
    expect(() => checkTiming({ ...defaultTiming, leaseMs: 400 })).toThrow(bad)
    expect(() => checkTiming({ ...defaultTiming, marginMs: 10 })).toThrow(bad)
    expect(() => checkTiming({ ...defaultTiming, heartbeatMs: 0 })).toThrow(bad)
    expect(checkTiming(defaultTiming)).toBe(defaultTiming)
  })
})
