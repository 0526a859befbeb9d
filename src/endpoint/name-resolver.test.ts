import { beforeEach, describe, expect, it } from "vitest"
import { newEndpointId } from "../core/id.ts"
import { SeededRandom } from "../core/random.ts"
import { SimulatedClock } from "../core/simulated-clock.ts"
import { NameResolver } from "./name-resolver.ts"

const random = new SeededRandom(7)
const [one, two] = [newEndpointId(random), newEndpointId(random)]

describe("NameResolver", () => {
  let clock: SimulatedClock
  let asked: string[]
  let bearers: string[]
  let names: NameResolver

  beforeEach(() => {
    clock = new SimulatedClock()
    asked = []
    bearers = [one]
    names = new NameResolver({
      clock,
      random,
      known: () => undefined,
      ask: name => {
        asked.push(name)
        return Promise.resolve(bearers as (typeof one)[])
      },
    })
  })

  it("takes an id as it is", async () => {
    expect(await names.resolve(two)).toBe(two)
    expect(asked).toEqual([])
  })

  it("asks once for a run of messages to one name, and anew after a while", async () => {
    expect([await names.resolve("printer"), await names.resolve("printer")]).toEqual([one, one])
    expect(asked).toEqual(["printer"])
    clock.advance(1000)
    bearers = [two]
    expect(await names.resolve("printer")).toBe(two)
  })

  it("asks anew when somebody was not where the name had led", async () => {
    await names.resolve("printer")
    bearers = [two]
    names.forget()
    expect(await names.resolve("printer")).toBe(two)
  })

  it("asks nobody at the root", async () => {
    const root = new NameResolver({
      clock,
      random,
      known: name => (name === "printer" ? [two] : []),
      ask: () => Promise.reject(new Error("nobody is above")),
    })
    expect(await root.resolve("printer")).toBe(two)
    await expect(root.resolve("plotter")).rejects.toMatchObject({ code: "NoSuchEndpoint", retryable: true })
  })

  it("draws one of several only when any will do, and each time anew", async () => {
    bearers = [one, two]
    await expect(names.resolve("printer")).rejects.toMatchObject({ code: "Ambiguous" })
    const drawn = new Set<string>()
    for (let i = 0; i < 32; i++) drawn.add(await names.resolve({ any: "printer" }))
    expect(drawn).toEqual(new Set([one, two]))
  })

  it("refuses what is no target", async () => {
    for (const target of ["", { any: "" }, null, 5]) {
      await expect(names.resolve(target as string)).rejects.toMatchObject({ code: "BadOption" })
    }
  })
})
