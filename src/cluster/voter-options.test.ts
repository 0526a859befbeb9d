import { describe, expect, it } from "vitest"
import { checkPlaces } from "./voter-options.ts"

describe("checkPlaces", () => {
  it("takes addresses that can be dialled", () => {
    checkPlaces({})
    checkPlaces({ seeds: [], advertise: ["tcp://[::1]:7700"] })
    checkPlaces({ seeds: ["tcp://10.0.0.1:7700", "ipc:///tmp/a", "wss://hub.example/zinc"] })
  })

  it.each(["nonsense", "", "tcp://*:7700", "tcp://10.0.0.1:0", "tcp://10.0.0.1"])(
    "refuses %j as a seed, and to advertise it",
    address => {
      expect(() => checkPlaces({ seeds: [address] })).toThrow(expect.objectContaining({ code: "BadAddress" }))
      expect(() => checkPlaces({ advertise: [address] })).toThrow(expect.objectContaining({ code: "BadAddress" }))
    },
  )

  it("refuses an address that is given twice, and what is no list", () => {
    const badOption = expect.objectContaining({ code: "BadOption" })
    expect(() => checkPlaces({ seeds: ["tcp://a:1", "tcp://b:1", "tcp://a:1"] })).toThrow(badOption)
    expect(() => checkPlaces({ seeds: "tcp://a:1" as unknown as string[] })).toThrow(badOption)
    expect(() => checkPlaces({ seeds: [7 as unknown as string] })).toThrow(badOption)
    expect(() => checkPlaces({ advertise: [] })).toThrow(badOption)
  })
})
