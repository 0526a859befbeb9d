import { describe, expect, it } from "vitest"
import { utf8 } from "../core/bytes.ts"
import type { EndpointId } from "../core/id.ts"
import { PresenceSayings } from "./presence-sayings.ts"

const [ada, ben, relay] = ["ada", "ben", "relay"] as unknown as [EndpointId, EndpointId, EndpointId]
const nobody = () => false
const names = (sayings: PresenceSayings) => sayings.take(nobody).map(({ endpoint, state }) => [endpoint, state?.length])

describe("PresenceSayings", () => {
  it("tell the latest of each, once", () => {
    const sayings = new PresenceSayings()
    sayings.say(ada, 1, utf8("a"))
    sayings.say(ben, 2, utf8("b"))
    sayings.say(ada, 1, utf8("aa"))
    expect(names(sayings)).toEqual([
      [ada, 2],
      [ben, 1],
    ])
    expect(sayings.hasUntold(nobody)).toBe(false)
  })

  it("tell again what may not have arrived, unless there is something newer", () => {
    const sayings = new PresenceSayings()
    sayings.say(ada, 1, utf8("a"))
    const part = sayings.take(nobody)
    sayings.say(ada, 1, utf8("aaa"))
    sayings.take(nobody)
    sayings.failed(part)
    expect(sayings.hasUntold(nobody)).toBe(false)
    const again = (sayings.tellAll(), sayings.take(nobody))
    sayings.failed(again)
    expect(names(sayings)).toEqual([[ada, 3]])
  })

  it("forget who is gone when the host has heard of it, and not before", () => {
    const sayings = new PresenceSayings()
    sayings.say(ada, 1, utf8("a"))
    sayings.take(nobody)
    sayings.gone(ada)
    sayings.take(nobody)
    sayings.tellAll()
    const part = sayings.take(nobody)
    expect(part).toMatchObject([{ endpoint: ada, state: undefined }])
    sayings.told(part)
    sayings.tellAll()
    expect(sayings.hasUntold(nobody)).toBe(false)
  })

  it("have nothing more to tell of one who is gone, though a baseline came before the host's answer", () => {
    const sayings = new PresenceSayings()
    sayings.say(ada, 1, utf8("a"))
    sayings.gone(ada)
    const part = sayings.take(nobody)
    sayings.tellAll()
    sayings.told(part)
    expect(sayings.take(nobody)).toEqual([])
  })

  it("let nobody take away one that has moved", () => {
    const sayings = new PresenceSayings()
    sayings.say(ada, 1, utf8("a"), relay)
    sayings.say(ada, 1, utf8("b"), ada)
    sayings.take(nobody)
    sayings.gone(relay)
    expect(sayings.hasUntold(nobody)).toBe(false)
  })

  it("refuse two under one client number, until one is gone", () => {
    const sayings = new PresenceSayings()
    sayings.say(ada, 1, utf8("a"))
    expect(() => sayings.say(ben, 1, utf8("b"))).toThrow(expect.objectContaining({ code: "Refused" }))
    sayings.gone(ada)
    sayings.say(ben, 1, utf8("b"))
    expect(names(sayings)).toEqual([
      [ada, undefined],
      [ben, 1],
    ])
  })

  it("hold back one and not the others", () => {
    const sayings = new PresenceSayings()
    sayings.say(ada, 1, utf8("a"))
    sayings.say(ben, 2, utf8("b"))
    const holdsBack = (endpoint: EndpointId) => endpoint === ada
    expect(sayings.take(holdsBack).map(({ endpoint }) => endpoint)).toEqual([ben])
    expect(sayings.hasUntold(holdsBack)).toBe(false)
    expect(names(sayings)).toEqual([[ada, 1]])
  })
})
