/** R1 to R7, each as one story on virtual time; where a story rests on a rule, it is told without the rule too. */
import { afterEach, describe, expect, it } from "vitest"
import { VoterTree, type VoterTreeOptions } from "./voter-tree.ts"

let tree: VoterTree
function grow(options: VoterTreeOptions): VoterTree {
  tree = new VoterTree(options)
  return tree
}
afterEach(() => expect(tree.journal.violations).toEqual([]))

describe("R1", () => {
  it("a tree is founded by one voter and grows by one at a time", () => {
    const { machines } = grow({ voters: 5 })
    for (const machine of machines) expect(machine.voter!.record!.voters).toHaveLength(5)
    // One change at a time: a second is refused while the first is under way.
    expect(tree.root.voter!.removeVoter(tree.machine(4).id)).toBe(true)
    expect(tree.root.voter!.removeVoter(tree.machine(5).id)).toBe(false)
  })

  it("two generations of one tree refuse each other", () => {
    grow({ voters: 1, machines: 2 })
    tree.machine(2).voter!.found(() => {})
    tree.until(() => tree.roots.length === 2)
    tree.machine(1).voter!.addVoter(tree.machine(2).entry)
    tree.run(5000)
    expect(tree.types(tree.machine(2))).toContain("generationRefused")
    expect(tree.machine(1).voter!.record!.voters).toHaveLength(1)
    expect(tree.machine(2).voter!.record!.root.voterId).toBe(tree.machine(2).id)
    // Two trees: what the oracle says of one root per epoch does not hold between them.
    expect(tree.journal.violations.map(each => each.invariant)).toEqual(["one root per epoch", "epochs rise"])
    tree.journal.violations.length = 0
  })

  it("with two voters nobody is promoted, said at the time, and the root goes on when it is alone", () => {
    grow({ voters: 2 })
    expect(tree.types(tree.machine(1)).filter(type => type === "fewVoters")).toHaveLength(2)
    tree.cutOff(tree.machine(1))
    tree.run(20_000)
    expect(tree.roots).toEqual([tree.machine(1)])
    expect(tree.order(tree.machine(1))).toBe("ordered")
    tree.machine(1).crash(false)
    tree.run(20_000)
    expect(tree.roots).toEqual([])
  })

  it("a voter that lost its data folder is another voter", () => {
    grow({ voters: 3 })
    const lost = tree.machine(3)
    const before = lost.id
    lost.crash(false)
    lost.wipe()
    lost.start()
    tree.run(3000)
    expect(lost.voter!.record).toBe(undefined)
    tree.root.voter!.addVoter(lost.entry)
    tree.until(() => tree.root.voter!.record!.voters.length === 4 && tree.root.voter!.removeVoter(before))
    tree.until(() => lost.voter!.record?.voters.length === 3)
    expect(lost.voter!.log.last).toEqual(tree.root.voter!.log.last)
  })
})

describe("R2", () => {
  it("a killed root is followed within 200 ms, by one that has all that was committed", () => {
    grow({ voters: 3 })
    for (let i = 0; i < 20; i++) tree.order(tree.root)
    tree.run(50)
    const { committed } = tree.root.voter!.log
    tree.root.crash(false)
    expect(tree.until(() => tree.roots.length === 1)).toBeLessThan(200)
    expect(tree.root.voter!.reignEpoch).toBe(2)
    expect(tree.root.voter!.log.committed).toBeGreaterThan(committed)
  })

  it("the candidate fetches what only another signer has", () => {
    grow({ voters: 5 })
    const [first, second, third, ...rest] = tree.machines
    // Only the third stores what the root orders now; the second stands first.
    for (const machine of [second!, ...rest]) tree.network.cut(first!.name, machine.name)
    for (let i = 0; i < 5; i++) tree.order(first!)
    tree.run(20)
    const { last } = third!.voter!.log
    first!.crash(false)
    // The cut hides the crash from the others: they wait for the lease.
    tree.until(() => tree.roots.length === 1)
    expect(tree.root.voter!.log.positionOf(last.number)).toMatchObject(last)
  })

  it.each([
    [true, 1],
    [false, 2],
  ])("a voter that flaps does not depose a good root (pre-vote %s)", (preVote, atLeast) => {
    grow({ voters: 3, rules: { preVote } })
    for (let i = 0; i < 5; i++) {
      tree.cutOff(tree.machine(3))
      tree.run(3000)
      tree.network.healAll()
      tree.run(1500)
    }
    const epoch = tree.root.voter!.reignEpoch!
    if (preVote) expect(epoch).toBe(atLeast)
    else expect(epoch).toBeGreaterThanOrEqual(atLeast)
  })

  it("an origin's message that is in the log already stays a duplicate after a promotion", () => {
    grow({ voters: 3 })
    tree.order(tree.root)
    tree.run(300)
    tree.root.crash(false)
    tree.until(() => tree.roots.length === 1)
    const proposal = { stream: "s", origin: "o", sequence: 1, lowest: 1, payload: new Uint8Array(0) }
    expect(tree.root.voter!.order(proposal).type).toBe("duplicate")
  })
})

describe("R3", () => {
  it("a coordinator that is down deposes nobody and promotes nobody", () => {
    grow({ voters: 3, external: true })
    tree.store!.available = false
    tree.run(20_000)
    expect(tree.roots).toEqual([tree.machine(1)])
    expect(tree.root.voter!.reignEpoch).toBe(1)
    expect(tree.order(tree.root)).toBe("ordered")
    tree.root.crash(false)
    tree.run(10_000)
    expect(tree.roots).toEqual([])
    tree.store!.available = true
    expect(tree.until(() => tree.roots.length === 1)).toBeLessThan(3000)
  })

  it("a promotion does not wait for the coordinator's sessions", () => {
    grow({ voters: 3, external: true })
    tree.root.crash(false)
    expect(tree.until(() => tree.roots.length === 1)).toBeLessThan(200)
  })
})

describe("R4", () => {
  it("a root that was stopped has no authority when it goes on", () => {
    grow({ voters: 3 })
    const old = tree.root
    old.pause()
    expect(tree.until(() => tree.roots.some(machine => machine !== old))).toBeLessThan(2000)
    expect(tree.order(old)).toBe("refused")
    old.resume()
    tree.run(1000)
    expect(tree.roots).not.toContain(old)
    expect(old.voter!.root!.epoch).toBe(2)
  })

  it("a refusal at an address that is not direct proves nothing", () => {
    grow({ voters: 3, direct: false })
    tree.root.crash(false)
    expect(tree.until(() => tree.roots.length === 1)).toBeGreaterThan(1000)
  })

  it("a root that loses power is followed when lease and margin are over", () => {
    grow({ voters: 3 })
    tree.root.crash(true)
    const ms = tree.until(() => tree.roots.length === 1)
    expect(ms).toBeGreaterThan(1300)
    expect(ms).toBeLessThan(2000)
  })

  it("a root that hears its majority again in time keeps its reign", () => {
    grow({ voters: 3 })
    tree.cutOff(tree.root)
    tree.run(1000)
    tree.network.healAll()
    tree.run(3000)
    expect(tree.root.voter!.reignEpoch).toBe(1)
  })
})

describe("R5", () => {
  it("what a root ordered alone is taken back when it comes back", () => {
    grow({ voters: 3 })
    const old = tree.root
    tree.cutOff(old)
    for (let i = 0; i < 5; i++) expect(tree.order(old)).toBe("ordered")
    const alone = old.voter!.log.last.number
    tree.until(() => tree.roots.some(machine => machine !== old))
    tree.network.healAll()
    tree.run(2000)
    expect(tree.told.get(old)).toContainEqual({ type: "rewound", after: alone - 5, epoch: 2 })
    expect(old.voter!.log.last).toEqual(tree.root.voter!.log.last)
  })
})

describe("R6", () => {
  it("a root in the minority orders nothing once its lease is over", () => {
    grow({ voters: 5 })
    const old = tree.root
    tree.cutOff(old)
    tree.run(1400)
    expect(tree.order(old)).toBe("ordered")
    tree.run(200)
    expect(tree.order(old)).toBe("refused")
    expect(old.voter!.reignEpoch).toBe(1)
  })
})

describe("R7", () => {
  it("a hand-over takes a few milliseconds and loses nothing", () => {
    grow({ voters: 3 })
    const old = tree.root
    for (let i = 0; i < 10; i++) tree.order(old)
    expect(old.voter!.handOver()).toBe(true)
    // It orders until the successor is told that it reigns.
    expect(tree.order(old)).toBe("ordered")
    const took = tree.until(() => {
      tree.order(old)
      return tree.roots.length === 1 && tree.root !== old
    })
    expect(took).toBeLessThan(50)
    const { last } = old.voter!.log
    expect(last.number).toBeGreaterThan(12)
    expect(tree.root.voter!.log.positionOf(last.number)).toMatchObject({ epoch: last.epoch })
    expect(tree.order(old)).toBe("refused")
  })

  it("works with a single voter, which may leave", () => {
    grow({ voters: 1, machines: 2 })
    const [first, second] = tree.machines
    expect(first!.voter!.handOver()).toBe(false)
    first!.voter!.addVoter(second!.entry)
    tree.until(() => first!.voter!.handOver({ to: second!.id, leaving: true }))
    tree.until(() => second!.voter!.hasAuthority() && second!.voter!.record!.voters.length === 1)
    first!.crash(false)
    tree.run(5000)
    expect(tree.order(second!)).toBe("ordered")
  })

  it("a root that has signed for its successor, and has not told it, signs for nobody while it orders", () => {
    grow({ voters: 3 })
    const old = tree.root
    const heir = tree.machine(2)
    const granted: boolean[] = []
    const { oracle } = tree
    const said = oracle.said.bind(oracle)
    oracle.said = (to, frame) => {
      if (to === heir.id && frame.message.type === "signature") granted.push(frame.message.granted)
      said(to, frame)
    }
    expect(old.voter!.handOver({ to: heir.id })).toBe(true)
    old.disk.slowMs = 1000
    tree.run(50)
    const { record } = old.voter!
    const { generation, tree: name, revision } = record!
    const frame = { tree: name, generation, from: heir.id, to: old.id, incarnation: 1 }
    old.voter!.receive({ ...frame, message: { type: "sign", epoch: 2, revision, released: 0 } })
    expect(tree.order(old)).toBe("ordered")
    tree.run(50)
    expect(granted).toEqual([false])
    old.disk.slowMs = 0
    tree.until(() => tree.roots.length === 1 && tree.root === heir)
    tree.until(() => granted.includes(true))
  })

  it("a successor that is gone costs a moment, then the root reigns on", () => {
    grow({ voters: 3 })
    const old = tree.root
    tree.cutOff(tree.machine(2))
    tree.order(old)
    const given: unknown[] = []
    expect(old.voter!.handOver({ to: tree.machine(2).id }, outcome => given.push(outcome))).toBe(true)
    tree.run(1100)
    expect(given).toEqual([undefined])
    expect(tree.order(old)).toBe("ordered")
    expect(old.voter!.reignEpoch).toBe(1)
  })
})
