import { describe, expect, it } from "vitest"
import type { EndpointId } from "../core/id.ts"
import { SeededRandom } from "../core/random.ts"
import { SimulatedClock } from "../core/simulated-clock.ts"
import { HeldList, heldWaitMs } from "./held-list.ts"

const voter = "0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0" as EndpointId
const other = "1f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0" as EndpointId

function list() {
  const clock = new SimulatedClock()
  return { clock, held: new HeldList(clock, new SeededRandom(1)) }
}

/** Whether it has been answered, as of each look. */
function watch(held: HeldList, from: EndpointId) {
  const seen = { answered: false }
  void held.more(from).then(() => {
    seen.answered = true
  })
  return seen
}

describe("A held list", () => {
  it("names documents in the order in which they last changed, each once, a page at a time", async () => {
    const { clock, held } = list()
    for (const name of ["a", "b", "c", "d"]) held.changed(name)
    await clock.run(10_000)
    held.changed("b")
    expect(held.after(0, 2)).toEqual({ names: ["a", "c"], through: 3 })
    expect(held.after(3, 2)).toEqual({ names: ["d", "b"], through: 5 })
    expect(held.after(5, 2)).toEqual({ names: [], through: 5 })
    expect(held.last).toBe(5)
  })

  it("tells a document that goes on changing every ten seconds, the last change too", async () => {
    const { clock, held } = list()
    for (let ms = 0; ms < 35_000; ms += 100) {
      held.changed("busy")
      await clock.run(100)
    }
    expect(held.last).toBe(4)
    await clock.run(10_000)
    expect(held.last).toBe(5)
    await clock.run(60_000)
    expect(held.last).toBe(5)
  })

  it("stays as long as there are documents, however often they change", async () => {
    const { clock, held } = list()
    for (let n = 0; n < 50; n++) {
      for (const name of ["a", "b", "c"]) held.changed(name)
      await clock.run(10_000)
    }
    expect(held.after(0, 10)).toEqual({ names: ["a", "b", "c"], through: 150 })
    expect(held.after(147, 10).names).toEqual(["a", "b", "c"])
    expect(held.after(148, 10).names).toEqual(["b", "c"])
  })

  it("answers who waits when there is something, or after a while", async () => {
    const { clock, held } = list()
    const first = watch(held, voter)
    await clock.run(heldWaitMs - 1)
    expect(first.answered).toBe(false)
    held.changed("a")
    await clock.run(0)
    expect(first.answered).toBe(true)
    const second = watch(held, voter)
    held.changed("a")
    await clock.run(heldWaitMs - 1)
    expect(second.answered).toBe(false)
    await clock.run(1)
    expect(second.answered).toBe(true)
  })

  it("answers nobody who is gone, and nobody when the reign is over", async () => {
    const { clock, held } = list()
    const gone = watch(held, other)
    const there = watch(held, voter)
    held.gone(other)
    held.changed("a")
    await clock.run(0)
    expect([gone.answered, there.answered]).toEqual([false, true])
    const last = watch(held, voter)
    held.close()
    held.changed("b")
    await clock.run(60_000)
    expect([gone.answered, last.answered, held.last]).toEqual([false, false, 1])
  })

  it("has the oldest of too many questions answered at once", async () => {
    const { clock, held } = list()
    const questions = Array.from({ length: 65 }, () => watch(held, voter))
    await clock.run(0)
    expect(questions.map(({ answered }) => answered)).toEqual([true, ...Array.from({ length: 64 }, () => false)])
  })
})
