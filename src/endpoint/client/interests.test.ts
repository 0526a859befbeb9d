import { describe, expect, it } from "vitest"
import { ZincError } from "../../core/errors.ts"
import { encodeTopic, TopicKind } from "../../message/topic.ts"
import type { Receiver } from "../topic-state.ts"
import { type Asked, Interests } from "./interests.ts"

const a = encodeTopic(TopicKind.Nearest, "a")
const ab = encodeTopic(TopicKind.Nearest, "a/b")
const c = encodeTopic(TopicKind.Nearest, "c")
/** Takes in `a` and `a/b`. */
const underA = a.subarray(0, a.length - 1)

function receiver(prefixes: readonly Uint8Array[], told: string[] = []): Receiver {
  return {
    prefixes,
    take() {},
    baseline: () => told.push("baseline"),
    refused: reason => told.push(`refused: ${reason}`),
  }
}

function setUp() {
  const news = { count: 0 }
  const interests = new Interests(() => news.count++)
  const askAll = () => interests.ask({ interests: interests.takeAll(), settling: [], all: true })
  const askNew = () => interests.ask({ interests: interests.takeNew(), settling: [], all: false })
  /** The whole way of a baseline. */
  const answer = (number: number, published: number, anew = false) => {
    const answered = interests.answered(number, [])!
    interests.begin(answered, published, anew)
    interests.tell(answered)
  }
  return { news, interests, askAll, askNew, answer }
}

describe("Interests", () => {
  it("counts who wants a prefix, and gives it up with the last", () => {
    const { interests } = setUp()
    const [one, two] = [receiver([a, c]), receiver([a])]
    void interests.follow(one)
    void interests.follow(two)
    expect(interests.unfollow(one)).toEqual([c])
    expect([interests.isWanted(a), interests.isWanted(c)]).toEqual([true, false])
    expect(interests.unfollow(one)).toEqual([])
    expect(interests.unfollow(two)).toEqual([a])
    expect(interests.isWanted(a)).toBe(false)
  })

  it("says once that there is something to ask for, until it is taken", () => {
    const { news, interests } = setUp()
    void interests.want(a)
    void interests.want(c)
    void interests.want(a)
    expect([news.count, interests.hasNew]).toEqual([1, true])
    expect(interests.takeNew().map(({ prefix }) => prefix)).toEqual([a, c])
    expect(interests.hasNew).toBe(false)
    void interests.want(ab)
    expect(news.count).toBe(2)
    expect(interests.takeAll().map(({ prefix }) => prefix)).toEqual([a, c, ab])
    expect(interests.hasNew).toBe(false)
  })

  it("waits for the baseline, and knows from then on since when everything comes", async () => {
    const { interests, askNew, answer } = setUp()
    const told: string[] = []
    const followed = interests.follow(receiver([a], told))
    const number = askNew()
    expect([interests.baseOf(a), interests.isFollowed(a)]).toEqual([undefined, false])
    answer(number, 7)
    await followed
    expect([interests.baseOf(a), interests.isFollowed(a), interests.baseOf(c)]).toEqual([7, true, undefined])
    expect(told).toEqual(["baseline"])
    expect(interests.answered(number, [])).toBeUndefined()
  })

  it("takes the lowest base of all prefixes that take a topic in", () => {
    const { interests, askNew, answer } = setUp()
    void interests.want(ab)
    answer(askNew(), 9)
    void interests.want(underA)
    answer(askNew(), 20)
    expect([interests.baseOf(ab), interests.baseOf(a)]).toEqual([9, 20])
  })

  it("keeps a base when asked again, unless what came in between is to be repaired", () => {
    const { interests, askAll, answer } = setUp()
    void interests.want(a)
    answer(askAll(), 5)
    answer(askAll(), 8)
    expect(interests.baseOf(a)).toBe(5)
    answer(askAll(), 9, true)
    expect(interests.baseOf(a)).toBe(9)
  })

  it("tells new prefixes from those followed before, also after the host began anew", () => {
    const { interests, askAll, answer } = setUp()
    void interests.want(a)
    answer(askAll(), 5)
    interests.forgetBases()
    expect([interests.baseOf(a), interests.isFollowed(a)]).toEqual([undefined, true])
    void interests.want(c)
    const answered = interests.answered(askAll(), [])!
    expect(answered.followed.map(({ prefix }) => prefix)).toEqual([a])
    expect(answered.fresh.map(({ prefix }) => prefix)).toEqual([c])
  })

  it("a refused prefix rejects, tells its receivers why, and is not followed", async () => {
    const { interests, askNew } = setUp()
    const told: string[] = []
    const [allowed, refused] = [interests.follow(receiver([a])), interests.follow(receiver([c], told))]
    const answered = interests.answered(askNew(), [{ prefix: c, reason: "secret" }])!
    expect(answered.fresh.map(({ prefix }) => prefix)).toEqual([a])
    interests.begin(answered, 3, false)
    interests.tell(answered)
    await allowed
    await expect(refused).rejects.toMatchObject({ code: "Refused", message: expect.stringContaining("secret") })
    expect([interests.baseOf(c), interests.isFollowed(c)]).toEqual([undefined, false])
    expect(told).toEqual(["refused: secret"])
  })

  it("asks again what was not answered between two retries, and only that", () => {
    const { interests, askNew, answer } = setUp()
    const again = () => {
      const prefixes: Uint8Array[][] = []
      interests.retry((asked: Asked) => prefixes.push(asked.interests.map(({ prefix }) => prefix)))
      return prefixes
    }
    void interests.want(a)
    answer(askNew(), 1)
    void interests.want(ab)
    const late = askNew()
    expect(again()).toEqual([])
    void interests.want(c)
    askNew()
    expect(again()).toEqual([[ab]])
    expect(interests.answered(late, [])).toBeUndefined()
    interests.forgetAsked()
    expect(again()).toEqual([])
  })

  it("remembers no more than 32 questions", () => {
    const { interests, askAll } = setUp()
    const numbers = Array.from({ length: 33 }, askAll)
    expect(numbers.map(number => interests.answered(number, []) !== undefined)).toEqual([
      false,
      ...new Array<boolean>(32).fill(true),
    ])
  })

  it("at the end whoever waits is told why", async () => {
    const { interests } = setUp()
    const followed = interests.follow(receiver([a]))
    interests.end(new ZincError("Closed", "over"))
    await expect(followed).rejects.toMatchObject({ code: "Closed" })
  })

  it("tells a receiver of what others follow already, and had its baseline", async () => {
    const interests = new Interests(() => {})
    const prefix = encodeTopic(TopicKind.Document, "notes")
    void interests.want(prefix)
    const number = interests.ask({ interests: interests.takeNew(), settling: [], all: true })
    const answered = interests.answered(number, [])!
    interests.begin(answered, 5, false)
    interests.tell(answered)
    let baselines = 0
    await interests.follow({ prefixes: [prefix], take: () => {}, baseline: () => baselines++ })
    expect(baselines).toBe(1)
  })
})
