import { describe, expect, it } from "vitest"
import { SeededRandom } from "../../core/random.ts"
import type { Candidate, LineageLists } from "../lineage.ts"
import { hasOthers, plainStep, planReturn, type ReturnPlan, withPatience } from "./candidates.ts"

const idOf = (name: string) => new Uint8Array(16).fill(name.charCodeAt(0))
const at = (name: string): Candidate => ({
  endpointId: idOf(name),
  name,
  addresses: [`sim://${name}`],
  voterId: new Uint8Array(0),
})
const lists = (ancestors: string, succession = "", voters = ""): LineageLists => ({
  ancestors: [...ancestors].map(at),
  succession: [...succession].map(at),
  voters: [...voters].map(at),
})
const plan = (self: string, lineage: LineageLists, more: Partial<ReturnPlan> = {}): ReturnPlan => ({
  lineage,
  self: idOf(self),
  addresses: ["sim://seed"],
  schemes: ["sim"],
  lost: { address: "sim://p", id: idOf("p") },
  isSilent: false,
  random: new SeededRandom(1),
  ...more,
})
const addresses = (given: ReturnPlan) =>
  planReturn(given).map(({ address, takeover }) => `${address.slice(6)}${takeover === undefined ? "" : "!"}`)

describe("planReturn", () => {
  it("lets the first in succession ask for the dead host's place, and the others follow it by rank", () => {
    const lineage = lists("rgp", "abc")
    expect(addresses(plan("a", lineage))).toEqual(["p", "g!", "r", "seed"])
    expect(addresses(plan("b", lineage))).toEqual(["p", "a", "g!", "r", "seed"])
    expect(addresses(plan("c", lineage))).toEqual(["p", "a", "b", "g!", "r", "seed"])
    expect(addresses(plan("x", lineage))).toEqual(["p", "a", "b", "c", "g", "r", "seed"])
  })

  it("dials a host that does not answer last, and asks nobody for a dead root's place but who may take it", () => {
    expect(addresses(plan("a", lists("rgp", "ab"), { isSilent: true }))).toEqual(["g!", "r", "p", "seed"])
    expect(addresses(plan("a", lists("p", "ab", "vw")))).toEqual(["p", "v", "w", "seed"])
  })

  it("knows the lost host among the voters by its addresses, for they are told without an id", () => {
    const voter = (name: string): Candidate => ({ ...at(name), endpointId: new Uint8Array(0) })
    const lineage = { ...lists("p"), voters: ["v", "p", "w"].map(voter) }
    expect(addresses(plan("a", lineage, { isSilent: true }))).toEqual(["v", "w", "p", "seed"])
    const elsewhere = { address: "sim://proxy", id: idOf("p") }
    expect(addresses(plan("a", lineage, { isSilent: true, lost: elsewhere }))).toEqual(["v", "w", "proxy", "seed"])
    expect(hasOthers(plan("a", { ...lineage, voters: [voter("p")] }))).toBe(false)
  })

  it("gives the host little time where there are others, and all that the user allows where there are none", () => {
    expect(planReturn(plan("a", lists("gp", "a")))[0]!.timeoutMs).toBe(500)
    const alone = plan("a", lists("p", "a"), { addresses: ["sim://p"] })
    expect(planReturn(alone)).toEqual([
      { address: "sim://p", id: idOf("p"), waitMs: 0, timeoutMs: undefined, takeover: undefined },
    ])
    expect([hasOthers(alone), hasOthers(plan("a", lists("gp", "a"))), hasOthers(plan("x", lists("p", "a")))]).toEqual([
      false,
      true,
      false,
    ])
  })

  it("dials no address that the transport cannot, and two of one candidate at most", () => {
    const many = { ...at("g"), addresses: ["ws://g", "nonsense", "sim://g1", "sim://g2", "sim://g3"] }
    const lineage = { ...lists("p"), ancestors: [many, at("p")] }
    expect(addresses(plan("x", lineage))).toEqual(["p", "g1", "g2", "seed"])
  })
})

describe("withPatience", () => {
  it("gives more time with each round that was slow, up to a limit, and none less", () => {
    const [step] = planReturn(plan("x", lists("rgp")))
    const times = [0, 1, 2, 3, 10].map(slowRounds => withPatience(step!, slowRounds).timeoutMs! / step!.timeoutMs!)
    expect(times).toEqual([1, 2, 4, 4, 4])
    expect(withPatience(plainStep("sim://seed"), 5).timeoutMs).toBeUndefined()
  })
})
