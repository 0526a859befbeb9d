/** Every target for a short while, always with the same chances. `npm run fuzz` goes on for as long as you like. */
import { beforeAll, describe, expect, it } from "vitest"
import { campaign, repeat } from "./campaign.ts"
import { type FuzzTarget, must } from "./target.ts"
import { prepareBox, targets } from "./targets.ts"

/** Beside the seeds, each whole and cut twice. */
const inputs = Number(process.env.ZINC_FUZZ_INPUTS ?? 150)

beforeAll(prepareBox)

describe("Octets of strangers", () => {
  it.each(targets.map(target => [target.name, target] as const))("%s", async (_, target) => {
    const result = await campaign(target, { seed: 1, inputsMax: target.seeds().length * 3 + inputs })
    expect(
      result.findings.map(
        each => `${each.error}\ninput ${Buffer.from(each.input.bytes).toString("hex")} cut ${each.input.cut}`,
      ),
    ).toEqual([])
    expect(result.inputs).toBeGreaterThan(inputs)
  })

  it("are taken where they are as they should be", async () => {
    const refused: string[] = []
    for (const target of targets) {
      const outcomes: (string | Error)[] = []
      for (const bytes of target.seeds()) outcomes.push(await repeat(target, { bytes, cut: 0 }))
      if (outcomes.every(each => typeof each !== "string" || each.startsWith("refused"))) refused.push(target.name)
    }
    expect(refused).toEqual([])
  })
})

describe("The fuzzer", () => {
  const planted = (run: FuzzTarget["run"]): FuzzTarget => ({
    name: "planted",
    about: "a reader with a fault",
    seeds: () => [Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)],
    run,
  })

  it("finds what is thrown, makes it small, and can repeat it", async () => {
    const target = planted(({ bytes }) => {
      if (bytes.includes(0xff)) throw new RangeError("an octet too large")
      return "taken"
    })
    const { findings } = await campaign(target, { seed: 1, inputsMax: 2_000 })
    expect(findings).toHaveLength(1)
    expect([...findings[0]!.input.bytes]).toEqual([0xff])
    expect(await repeat(target, findings[0]!.input)).toBeInstanceOf(RangeError)
  })

  it("finds what only pieces show, and what is thrown where nobody waits", async () => {
    const cut = planted(input => {
      must(input.cut === 0, () => "it differs in pieces")
      return "taken"
    })
    expect((await campaign(cut, { seed: 1, inputsMax: 10 })).findings[0]?.input.cut).not.toBe(0)
    const stray = planted(async ({ bytes }) => {
      if (bytes.length > 8) void Promise.reject(new TypeError("lost on the way"))
      await new Promise(resolve => setImmediate(resolve))
      return "taken"
    })
    const { findings } = await campaign(stray, { seed: 1, inputsMax: 200 })
    expect(findings.map(each => each.kind.slice(0, 27))).toEqual(["TypeError: lost on the way "])
  })
})
