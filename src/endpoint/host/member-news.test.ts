import { describe, expect, it } from "vitest"
import { MemberNews } from "./member-news.ts"

const [a, b, host] = [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(9)]

describe("MemberNews", () => {
  it("tells of one that has moved that it arrived, and nothing else", () => {
    const news = new MemberNews()
    news.depart(a)
    news.arrive({ endpointId: a, name: "ada", hostId: host, attach: 1 })
    expect(news.arrived).toEqual([{ endpointId: a, name: "ada", hostId: host, attach: 1 }])
    expect(news.departed).toEqual([])
  })

  it("tells of one that came and went that it went, for it may have been known before", () => {
    const news = new MemberNews()
    news.arrive({ endpointId: a, name: "ada", hostId: host, attach: 1 })
    news.arrive({ endpointId: b, name: "ben", hostId: host, attach: 1 })
    news.depart(a)
    expect(news.arrived.map(({ name }) => name)).toEqual(["ben"])
    expect(news.departed).toEqual([a])
  })
})
