import { expect, it } from "vitest"
import { SaidOnce, saidMax } from "./said-once.ts"

it("says each thing once, and of too many that there are more, once", () => {
  const said = new SaidOnce()
  for (let round = 0; round < 2; round++)
    for (let i = 0; i < saidMax; i++) expect(said.say(`stranger ${i}`)).toBe(round === 0 ? "new" : "no")
  expect(said.say("one more")).toBe("last")
  for (let i = 0; i < 1000; i++) expect(said.say(`yet another ${i}`)).toBe("no")
})
