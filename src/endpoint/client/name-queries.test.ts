import { describe, expect, it } from "vitest"
import { utf8 } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"
import { NameQueries, openQueriesMax } from "./name-queries.ts"

describe("NameQueries", () => {
  it("gives each answer to its own question, and passes over answers to none", async () => {
    const names = new NameQueries()
    const asked: number[] = []
    const [first, second] = [names.ask(id => asked.push(id) > 0), names.ask(id => asked.push(id) > 0)]
    names.answered(99, [])
    names.answered(asked[1]!, [utf8("b")])
    names.answered(asked[0]!, [utf8("a")])
    expect([await first, await second]).toEqual([[utf8("a")], [utf8("b")]])
  })

  it("fails all that wait, once", async () => {
    const names = new NameQueries()
    const waiting = names.ask(() => true)
    names.fail(new ZincError("PeerLost", "gone"))
    names.answered(1, [])
    await expect(waiting).rejects.toMatchObject({ code: "PeerLost" })
  })

  it("asks for so many at once, and for the others as answers come", async () => {
    const names = new NameQueries()
    const asked: number[] = []
    const answers = Array.from({ length: openQueriesMax + 2 }, () => names.ask(id => asked.push(id) > 0))
    expect(asked).toHaveLength(openQueriesMax)
    for (let at = 0; at < asked.length; at++) names.answered(asked[at]!, [])
    expect(await Promise.all(answers)).toHaveLength(openQueriesMax + 2)
  })

  it("asks again what could not be sent, and does not wait for ever for what is not answered", async () => {
    const names = new NameQueries()
    let tries = 0
    const late = names.ask(() => ++tries > 2)
    names.tick()
    names.tick()
    expect(tries).toBe(3)
    for (let beat = 0; beat < 8; beat++) names.tick()
    await expect(late).rejects.toMatchObject({ code: "Timeout", retryable: true })
    expect(tries).toBe(3)
  })
})
