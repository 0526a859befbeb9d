import { describe, expect, it } from "vitest"
import { dialableAddresses } from "./announcing.ts"

const at = (address: string, internal = false) => ({ address, internal }) as never
const interfaces = {
  lo: [at("127.0.0.1", true), at("::1", true)],
  eth0: [at("2001:db8::7"), at("10.0.0.7"), at("fe80::1")],
}

describe("dialableAddresses", () => {
  it("names every address of the machine where a host listens at all of them, IPv4 first", () => {
    const listening = { asked: ["tcp://*:0"], bound: ["tcp://127.0.0.1:4711"], interfaces }
    expect(dialableAddresses(listening)).toEqual(["tcp://10.0.0.7:4711", "tcp://[2001:db8::7]:4711"])
    expect(dialableAddresses({ ...listening, asked: ["tcp://0.0.0.0:0"] })).toEqual(["tcp://10.0.0.7:4711"])
  })

  it("leaves an address alone that was meant", () => {
    const asked = ["tcp://10.0.0.7:0", "ipc:///run/zinc.sock"]
    const bound = ["tcp://10.0.0.7:4711", "ipc:///run/zinc.sock"]
    expect(dialableAddresses({ asked, bound, interfaces })).toEqual(bound)
  })

  it("falls back to this machine alone where there is no network", () => {
    const alone = { asked: ["tcp://*:0"], bound: ["tcp://127.0.0.1:4711"], interfaces: { lo: interfaces.lo } }
    expect(dialableAddresses(alone)).toEqual(["tcp://127.0.0.1:4711", "tcp://[::1]:4711"])
  })

  it("says so where there is nothing to dial", () => {
    const nothing = { asked: ["tcp://*:0"], bound: ["tcp://127.0.0.1:4711"], interfaces: {} }
    expect(() => dialableAddresses(nothing)).toThrow(expect.objectContaining({ code: "BadOption" }))
  })
})
