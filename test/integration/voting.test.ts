/** Voters over real sockets, in one process: how a tree is founded, joined, inherited and handed over. */
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { MemoryCoordinator, MemoryRecords } from "../../src/coordination/memory/index.ts"
import { VotingCrew } from "./harness/voting-crew.ts"

describe.each([["embedded"], ["a store"]] as const)("Voting with its record kept by %s", kept => {
  let crew: VotingCrew

  beforeEach(() => {
    const records = new MemoryRecords()
    crew = new VotingCrew(kept === "embedded" ? {} : { coordinator: tree => new MemoryCoordinator({ tree, records }) })
  })
  afterEach(() => crew.close())

  it("is founded by the first seed, and the others become voters one by one", async () => {
    const [first, ...others] = await crew.openThree()
    await crew.until("three voters", () => first!.voting.record?.voters.length === 3)
    expect(first!.voting.hasAuthority()).toBe(true)
    expect(first!.voting.record!.root).toMatchObject({ voterId: first!.voting.voterId, addresses: [first!.address] })
    for (const { voting } of others) {
      await crew.until("the others to obey", () => voting.root?.voterId === first!.voting.voterId)
      expect(voting.hasAuthority()).toBe(false)
      expect(voting.order(crew.proposal(1))).toEqual({ type: "refused", code: "NoAuthority" })
    }
  })

  it("has what is ordered stored by a majority, and keeps it under the next root", async () => {
    const [first, second, third] = await crew.openThree()
    await crew.until("three voters", () => first!.voting.record?.voters.length === 3)
    for (let n = 1; n <= 100; n++) expect(first!.voting.order(crew.proposal(n)).type).toBe("ordered")
    const last = first!.voting.log.last.number
    await crew.until("all of it to be committed", () => first!.voting.committed >= last)
    await first!.close()
    const root = await crew.root([second!, third!])
    expect(root.voting.reignEpoch).toBeGreaterThan(1)
    expect(root.voting.committed).toBeGreaterThan(last)
    expect(root.voting.log.table.orderOf("stream")).toBe(100)
    expect(root.voting.order(crew.proposal(100)).type).toBe("duplicate")
    expect(root.voting.order(crew.proposal(101)).type).toBe("ordered")
  })

  it("is handed over, and the leaver is taken out of the set", async () => {
    const [first, second, third] = await crew.openThree()
    await crew.until("three voters", () => first!.voting.record?.voters.length === 3)
    await crew.until("the last change to be complete", () => crew.eventsOf(first!, "votersChanged").length === 2)
    const successor = await first!.voting.handOver({ to: third!.voting.voterId, leaving: true })
    expect(successor).toMatchObject({ voterId: third!.voting.voterId, self: false, addresses: [third!.address] })
    await crew.until("the successor's authority", () => third!.voting.hasAuthority())
    await crew.until("two voters", () => second!.voting.record?.voters.length === 2)
    await crew.until("the leaver to know", () => crew.eventsOf(first!, "removed").length === 1)
  })

  it("finds a voter that came back at another address, and its record says where", async () => {
    const [first, second] = await crew.openThree()
    await crew.until("three voters", () => first!.voting.record?.voters.length === 3)
    await crew.until("the last change to be complete", () => crew.eventsOf(first!, "votersChanged").length === 2)
    const { voterId } = second!.voting
    await second!.close()
    const back = await crew.open({ disk: second!.disk, seeds: [] })
    expect(back.voting.voterId).toBe(voterId)
    expect(back.address).not.toBe(second!.address)
    await crew.until("the record to tell the new address", () => {
      const entry = first!.voting.record?.voters.find(voter => voter.voterId === voterId)
      return entry?.addresses[0] === back.address
    })
    expect(first!.voting.record!.voters).toHaveLength(3)
  })
})
