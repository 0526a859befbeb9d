import { describe, expect, it } from "vitest"
import { OrderReigns, Reigned } from "./order-reigns.ts"

/** Numbers 1 to `through`, given in epoch 3. */
function heard(through: number): OrderReigns {
  const reigns = new OrderReigns()
  for (let number = 1; number <= through; number++) {
    reigns.judge(3, number, number)
    reigns.note(3, number)
  }
  return reigns
}

describe("The reigns of an ordered topic", () => {
  it("take what follows, in the same reign and in the next", () => {
    const reigns = heard(5)
    expect(reigns.judge(3, 6, 6)).toBe(Reigned.Take)
    reigns.note(3, 6)
    expect(reigns.judge(4, 7, 7)).toBe(Reigned.Take)
    expect(reigns.begins(4)).toBe(true)
  })

  it("go back when a higher reign gives a number that was heard of a lower one", () => {
    expect(heard(5).judge(4, 4, 6)).toBe(Reigned.Rewind)
  })

  it("know each reign once, when what they were told of comes besides", () => {
    const told = [
      { epoch: 1, first: 1 },
      { epoch: 2, first: 4 },
    ]
    const reigns = new OrderReigns()
    reigns.adopt(told)
    for (let number = 1; number <= 6; number++) reigns.note(number < 4 ? 1 : 2, number)
    expect(reigns.runs).toEqual(told)
  })

  it("learn from a host what was before the first that came here, and keep what came since", () => {
    const reigns = new OrderReigns()
    for (let number = 1095; number <= 1100; number++) reigns.note(14, number)
    reigns.note(15, 1101)
    const told = [
      { epoch: 12, first: 1 },
      { epoch: 13, first: 1043 },
      { epoch: 14, first: 1079 },
    ]
    reigns.adopt(told)
    expect(reigns.runs).toEqual([...told, { epoch: 15, first: 1101, after: 1100 }])
    // One that knows less, or of other reigns only, has nothing to tell.
    reigns.adopt([{ epoch: 12, first: 900 }])
    reigns.adopt([{ epoch: 16, first: 1200 }])
    expect(reigns.runs).toEqual([...told, { epoch: 15, first: 1101, after: 1100 }])
  })

  it("know where a reign began whose first numbers were lost on the way, and tell others so", () => {
    const told = [
      { epoch: 3, first: 1 },
      { epoch: 4, first: 6 },
    ]
    const [before, later] = [heard(5), heard(5)]
    before.told(told)
    for (const reigns of [before, later]) {
      reigns.judge(4, 9, 6)
      expect(reigns.note(4, 9)).toBe(6)
      expect(reigns.note(4, 10)).toBeUndefined()
    }
    later.adopt(told)
    for (const { runs } of [before, later])
      expect(runs).toEqual([
        { epoch: 3, first: 1 },
        { epoch: 4, first: 6, after: 5 },
      ])
    // Nobody's word puts it among what was heard of the reign before, or behind what was heard of it.
    later.adopt([{ epoch: 4, first: 2 }])
    later.adopt([{ epoch: 4, first: 12 }])
    expect(later.runs.at(-1)).toEqual({ epoch: 4, first: 6, after: 5 })
  })

  it("know between which numbers a reign began, and more of it from who knows more", () => {
    const reigns = heard(5)
    reigns.judge(4, 12, 6)
    reigns.note(4, 12)
    expect(reigns.runs.at(-1)).toEqual({ epoch: 4, first: 12, after: 5 })
    reigns.adopt([{ epoch: 4, first: 10, after: 7 }])
    expect(reigns.runs.at(-1)).toEqual({ epoch: 4, first: 10, after: 7 })
    reigns.adopt([{ epoch: 4, first: 9 }])
    expect(reigns.runs.at(-1)).toEqual({ epoch: 4, first: 9, after: 8 })
  })

  it("say where a reign may have begun only if that is not where it was heard first, and others were heard before", () => {
    expect(new OrderReigns().note(4, 9)).toBeUndefined()
    expect(heard(5).note(4, 6)).toBeUndefined()
    expect(heard(5).note(4, 8)).toBe(6)
  })

  it("say which reigns a host tells that are news", () => {
    const [told, reigns] = [[3, 4, 5].map(epoch => ({ epoch, first: 10 * epoch })), heard(5)]
    expect(reigns.told(told.slice(0, 1))).toEqual([])
    expect(reigns.told(told)).toEqual(told.slice(1))
    expect(reigns.told(told)).toEqual([])
    expect(new OrderReigns().told(told)).toEqual([])
  })

  it("know a duplicate of the same reign", () => {
    expect(heard(5).judge(3, 4, 6)).toBe(Reigned.Take)
  })

  it("pass over what a lower reign gave at or above the first number of a higher one", () => {
    const reigns = heard(5)
    reigns.judge(4, 4, 6)
    reigns.cut(3)
    reigns.note(4, 4)
    expect(reigns.judge(3, 5, 5)).toBe(Reigned.Stale)
    expect(reigns.judge(3, 4, 5)).toBe(Reigned.Stale)
    // What both have in common may still come.
    expect(reigns.judge(3, 3, 5)).toBe(Reigned.Take)
  })

  it("pass over what comes late of a lower reign, when the host has said where a higher one began", () => {
    const reigns = heard(5)
    reigns.told([
      { epoch: 3, first: 1 },
      { epoch: 4, first: 5 },
    ])
    expect(reigns.judge(3, 6, 6)).toBe(Reigned.Stale)
    expect(reigns.judge(3, 5, 5)).toBe(Reigned.Stale)
    expect(reigns.judge(3, 4, 5)).toBe(Reigned.Take)
    expect(reigns.judge(4, 5, 5)).toBe(Reigned.Take)
    // A host that is behind says nothing new.
    reigns.told([{ epoch: 3, first: 1 }])
    expect(reigns.judge(3, 5, 5)).toBe(Reigned.Stale)
    expect(reigns.judge(3, 4, 5)).toBe(Reigned.Take)
  })

  it("go back for each of the reigns that were missed, though the host has told of a higher one already", () => {
    const reigns = heard(5)
    reigns.told([
      { epoch: 3, first: 1 },
      { epoch: 4, first: 3 },
      { epoch: 5, first: 9 },
    ])
    expect(reigns.judge(3, 6, 6)).toBe(Reigned.Stale)
    expect(reigns.judge(4, 3, 6)).toBe(Reigned.Rewind)
    expect(reigns.judge(3, 2, 6)).toBe(Reigned.Take)
  })

  it("adopt what a host says only where nothing was heard", () => {
    const reigns = new OrderReigns()
    reigns.adopt([
      { epoch: 1, first: 1 },
      { epoch: 2, first: 40 },
    ])
    reigns.adopt([{ epoch: 9, first: 1 }])
    expect(reigns.runs).toEqual([
      { epoch: 1, first: 1 },
      { epoch: 2, first: 40 },
    ])
  })
})
