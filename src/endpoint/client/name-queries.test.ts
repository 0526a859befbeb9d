import { describe, expect, it } from "vitest"
import { utf8 } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"
import { NameQueries } from "./name-queries.ts"

describe("NameQueries", () => {
  it("gives each answer to its own question, and passes over answers to none", async () => {
    const names = new NameQueries()
    const asked: number[] = []
    const [first, second] = [names.ask(id => asked.push(id)), names.ask(id => asked.push(id))]
    names.answered(99, [])
    names.answered(asked[1]!, [utf8("b")])
    names.answered(asked[0]!, [utf8("a")])
    expect([await first, await second]).toEqual([[utf8("a")], [utf8("b")]])
  })

  it("fails all that wait, once", async () => {
    const names = new NameQueries()
    const waiting = names.ask(() => {})
    names.fail(new ZincError("PeerLost", "gone"))
    names.answered(1, [])
    await expect(waiting).rejects.toMatchObject({ code: "PeerLost" })
  })
})
