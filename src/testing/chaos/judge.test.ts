import { describe, expect, it } from "vitest"
import type { HistoryEntry } from "./history-entry.ts"
import { judgeHistory } from "./judge.ts"

const ids = {
  "root.1": "00000000-0000-4000-8000-000000000001",
  "a.1": "00000000-0000-4000-8000-00000000000a",
  "b.1": "00000000-0000-4000-8000-00000000000b",
}
type LifeName = keyof typeof ids

/** Entries a millisecond apart, each in the name of a life. */
class Story {
  readonly entries: HistoryEntry[] = []
  #t = 0

  constructor() {
    for (const life of Object.keys(ids) as LifeName[]) {
      this.tell(life, { e: "open", id: ids[life], role: life === "root.1" ? "host" : "client" })
      this.tell(life, { e: "follow", pattern: "n" })
      this.tell(life, { e: "ready", pattern: "n" })
      this.tell(life, { e: "follow", pattern: "o.n" })
      this.tell(life, { e: "ready", pattern: "o.n" })
    }
  }
  tell(life: LifeName, entry: object): this {
    this.#t += 1000
    this.entries.push({ t: this.#t, life, ...entry } as HistoryEntry)
    return this
  }
  got(life: LifeName, from: LifeName, n: number, more: object = {}): this {
    return this.tell(life, { e: "got", pattern: "n", topic: "n", origin: ids[from], sequence: n, from, n, ...more })
  }
  ordered(life: LifeName, from: LifeName, n: number, epoch: number, number: number): this {
    return this.got(life, from, n, { pattern: "o.n", topic: "o.n", order: { epoch, number } })
  }
  sent(life: LifeName, n: number, topic = "n", ack = false): this {
    return this.tell(life, { e: "send", topic, n, ack })
  }
  async broken(voters = false): Promise<string[]> {
    const { violations } = await judgeHistory(this.entries, { rootLost: false, voters })
    return violations.map(each => each.invariant)
  }
}

describe("A judged history", () => {
  it("is clean when everyone heard everything once, and counts it", async () => {
    const story = new Story().sent("a.1", 1).got("root.1", "a.1", 1).got("b.1", "a.1", 1)
    expect(await judgeHistory([...story.entries].reverse(), { rootLost: false })).toMatchObject({
      violations: [],
      sends: 1,
      deliveries: 2,
    })
  })

  it("has a number again that found no room", async () => {
    const story = new Story().sent("a.1", 1).tell("a.1", { e: "unsent", topic: "n", n: 1 }).sent("a.1", 1)
    expect(await story.got("root.1", "a.1", 1).got("b.1", "a.1", 1).broken()).toEqual([])
  })

  it("shows what is lost and nobody was told of", async () => {
    const story = new Story().sent("a.1", 1).sent("a.1", 2).got("root.1", "a.1", 1).got("root.1", "a.1", 2)
    story.got("b.1", "a.1", 2)
    expect(await story.broken()).toEqual(["silent loss"])
    story.tell("b.1", { e: "event", type: "gap", topic: "n", origin: ids["a.1"], first: 1, last: 1, reason: "lost" })
    expect(await story.broken()).toEqual([])
  })

  it("shows what comes twice, in another order, or from nobody", async () => {
    const twice = new Story().sent("a.1", 1).got("root.1", "a.1", 1).got("b.1", "a.1", 1).got("b.1", "a.1", 1)
    expect(await twice.broken()).toEqual(["duplicate"])
    const unsent = new Story().got("b.1", "a.1", 1)
    expect(await unsent.broken()).toEqual(["unsent"])
  })

  it("shows an acknowledgement of what no root has, though the root writes it down later", async () => {
    const story = new Story()
      .sent("a.1", 1, "n", true)
      .tell("a.1", { e: "acked", topic: "n", n: 1 })
      .got("b.1", "a.1", 1)
    expect(await story.broken()).toContain("acknowledgement")
    expect(await story.got("root.1", "a.1", 1).broken()).toEqual([])
  })

  it("shows two messages under one number of one epoch, and an epoch that goes back", async () => {
    const story = () => new Story().sent("a.1", 1, "o.n").sent("b.1", 1, "o.n")
    const same = story().ordered("root.1", "a.1", 1, 4, 1).ordered("b.1", "a.1", 1, 4, 1)
    same.ordered("root.1", "b.1", 1, 4, 2).ordered("a.1", "b.1", 1, 4, 1)
    expect(await same.broken()).toEqual(["order"])
    const back = story().ordered("root.1", "a.1", 1, 4, 1).ordered("b.1", "a.1", 1, 4, 1)
    back.ordered("root.1", "b.1", 1, 3, 2).ordered("a.1", "b.1", 1, 3, 2)
    expect(await back.broken()).toEqual(["order"])
  })

  it("with voters, lets a new root take back what its predecessor numbered, when that is told", async () => {
    const heard = () => new Story().sent("a.1", 1, "o.n").ordered("b.1", "a.1", 1, 4, 1).sent("root.1", 1, "o.n")
    const again = (story: Story) =>
      story.ordered("b.1", "root.1", 1, 5, 1).ordered("a.1", "root.1", 1, 5, 1).ordered("b.1", "a.1", 1, 5, 2)
    expect(await again(heard()).broken(true)).toContain("rewind")
    const told = heard().tell("b.1", { e: "event", type: "diverged", topic: "o.n", first: 1, last: 1, epoch: 5 })
    const whole = again(told).ordered("root.1", "a.1", 1, 5, 2)
    expect(await whole.broken(true)).toEqual([])
    const { losses } = await judgeHistory(whole.entries, { rootLost: false, voters: true })
    expect(losses.voided).toBe(1)
  })

  it("with voters, shows an acknowledged message that the order has lost", async () => {
    const story = new Story().sent("a.1", 1, "o.n", true).tell("a.1", { e: "acked", topic: "o.n", n: 1 })
    expect(await story.tell("a.1", { e: "killed" }).broken(true)).toEqual(["acknowledgement"])
  })

  it("with voters, counts rooted marks of those that are gone, and misses those of who is there", async () => {
    const story = () => {
      const told = new Story().tell("a.1", { e: "mark", document: "plan", n: 1 })
      return told.tell("a.1", { e: "marked", document: "plan", n: 1 })
    }
    const kept = story().tell("b.1", { e: "document", document: "plan", text: "" })
    expect(await kept.broken(true)).toEqual(["acknowledgement"])
    const killed = story().tell("a.1", { e: "killed" }).tell("b.1", { e: "document", document: "plan", text: "" })
    const judgement = await judgeHistory(killed.entries, { rootLost: false, voters: true })
    expect([judgement.violations, judgement.lostMarks]).toEqual([[], 1])
  })

  it("excuses who was killed", async () => {
    const story = new Story().sent("a.1", 1).got("root.1", "a.1", 1).tell("b.1", { e: "killed" })
    expect(await story.broken()).toEqual([])
  })

  it("compares documents, and looks for every mark that was rooted", async () => {
    const story = new Story().tell("a.1", { e: "mark", document: "plan", n: 1 })
    story.tell("a.1", { e: "marked", document: "plan", n: 1 })
    story.tell("a.1", { e: "document", document: "plan", text: "<a.1 1>" })
    story.tell("b.1", { e: "document", document: "plan", text: "<a.1 1>" })
    expect(await story.broken()).toEqual([])
    expect(await story.tell("root.1", { e: "document", document: "plan", text: "" }).broken()).toEqual(["convergence"])
    const lost = new Story().tell("a.1", { e: "mark", document: "plan", n: 1 })
    lost.tell("a.1", { e: "marked", document: "plan", n: 1 }).tell("a.1", { e: "document", document: "plan", text: "" })
    expect(await lost.broken()).toEqual(["acknowledgement"])
  })
})
