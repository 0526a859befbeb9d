import { beforeEach, describe, expect, it } from "vitest"
import { deferred } from "../../core/deferred.ts"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import { openQueriesMax } from "../client/name-queries.ts"
import type { Link } from "./link.ts"
import { NameDesk } from "./name-desk.ts"

describe("NameDesk", () => {
  const [eager, other] = [{ name: "eager" }, { name: "other" }] as unknown as [Link, Link]
  let clock: SimulatedClock
  let told: string[]
  beforeEach(() => {
    clock = new SimulatedClock()
    told = []
  })
  const desk = (resolve: (name: string) => Promise<Uint8Array[]> | Uint8Array[]) =>
    new NameDesk({
      clock,
      resolve,
      tell: (link, body) => told.push(`${link.name} ${(body.value as { id: number }).id}`) > 0,
    })

  it("answers one client after the other, however much one asks", async () => {
    const names = desk(() => [])
    for (let id = 1; id <= 1000; id++) names.asked(eager, id, "n")
    names.asked(other, 7, "n")
    await clock.advance(1)
    expect(told.indexOf("other 7")).toBeLessThan(3)
    expect(told).toHaveLength(1001)
  })

  it("has so many open above for each, and goes on as answers come; none goes to who has left", async () => {
    const asked: ReturnType<typeof deferred<Uint8Array[]>>[] = []
    const names = desk(() => {
      const answer = deferred<Uint8Array[]>()
      asked.push(answer)
      return answer.promise
    })
    for (let id = 1; id <= openQueriesMax + 1; id++) names.asked(eager, id, "n")
    await clock.advance(1)
    expect(asked).toHaveLength(openQueriesMax)
    asked[0]!.resolve([])
    await clock.advance(1)
    await clock.advance(1)
    expect([asked.length, told]).toEqual([openQueriesMax + 1, ["eager 1"]])
    names.forget(eager)
    for (const { resolve } of asked) resolve([])
    await clock.advance(1)
    expect(told).toEqual(["eager 1"])
  })

  it("does not keep more than a number of questions of one client", () => {
    const names = desk(() => [])
    const ask = () => {
      for (let id = 1; id <= 5000; id++) names.asked(eager, id, "n")
    }
    expect(ask).toThrow(expect.objectContaining({ code: "BadFrame" }))
  })
})
