import { describe, expect, it } from "vitest"
import { fromUtf8, utf8 } from "../../core/bytes.ts"
import { type Deferred, deferred } from "../../core/deferred.ts"
import type { Link } from "./link.ts"
import { SubtreeInterest } from "./subtree-interest.ts"

const link = (id: number): Link => ({ id }) as unknown as Link

function setUp() {
  const said: string[] = []
  const answers = new Map<string, Deferred<void>>()
  const interest = new SubtreeInterest({
    want: prefix => {
      said.push(`+${fromUtf8(prefix)}`)
      const answer = deferred<void>()
      answers.set(fromUtf8(prefix), answer)
      return answer.promise
    },
    unwant: prefix => said.push(`-${fromUtf8(prefix)}`),
  })
  return { interest, said, answers, a: link(1), b: link(2) }
}

const prefixes = (...names: string[]) => names.map(name => utf8(name))

describe("SubtreeInterest", () => {
  it("asks above for what the first wants, and takes it back with the last", () => {
    const { interest, said, a, b } = setUp()
    interest.want(a, prefixes("x", "y"), false)
    interest.want(b, prefixes("x"), false)
    interest.want(b, prefixes("x"), false)
    interest.unwant(a, prefixes("x", "z"))
    expect(said).toEqual(["+x", "+y"])
    interest.unwant(b, prefixes("x"))
    expect(said).toEqual(["+x", "+y", "-x"])
    interest.forget(a)
    expect([said.at(-1), interest.size]).toEqual(["-y", 0])
  })

  it("forgets what a client that came back does not name any more", () => {
    const { interest, said, a } = setUp()
    interest.want(a, prefixes("x", "y"), true)
    interest.want(a, prefixes("y", "z"), true)
    expect(said).toEqual(["+x", "+y", "+z", "-x"])
  })

  it("is answered when the host above has answered for each, and says what is refused", async () => {
    const { interest, answers, a } = setUp()
    interest.want(a, prefixes("x", "y"), false)
    const answered = interest.answered(prefixes("x", "y"))
    expect(answered).toBeDefined()
    answers.get("x")!.resolve()
    answers.get("y")!.reject(new Error("not granted"))
    await answered
    expect(interest.answered(prefixes("x", "y"))).toBeUndefined()
    expect(interest.refused(prefixes("x", "y")).map(({ reason }) => reason)).toEqual(["not granted"])
  })
})
