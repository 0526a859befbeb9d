import { describe, expect, it } from "vitest"
import { fromHex, toHex } from "../core/bytes.ts"
import { encodeGreeting, GreetingReader, greetingBytes } from "./greeting.ts"

function read(bytes: Uint8Array, step = bytes.length) {
  const reader = new GreetingReader()
  for (let at = 0; at < bytes.length; at += step) reader.read(bytes.subarray(at, at + step), 0)
  return reader
}

function changed(changes: Record<number, number>): Uint8Array {
  const bytes = encodeGreeting("NULL")
  for (const [at, value] of Object.entries(changes)) bytes[Number(at)] = value
  return bytes
}

describe("greeting", () => {
  it("G1 is libzmq's, octet by octet", () => {
    expect(toHex(encodeGreeting("NULL"))).toBe(
      `ff00000000000000017f${"0301"}4e554c4c${"00".repeat(16)}00${"00".repeat(31)}`,
    )
    expect(encodeGreeting("NULL")).toHaveLength(greetingBytes)
  })

  it("G1 is read at any pace, and leaves what follows", () => {
    for (const step of [1, 7, 10, 64]) {
      expect(read(encodeGreeting("NULL"), step).greeting).toEqual({
        version: { major: 3, minor: 1 },
        mechanism: "NULL",
        asServer: false,
      })
    }
    const reader = new GreetingReader()
    const bytes = new Uint8Array(70)
    bytes.set(encodeGreeting("NULL"))
    expect(reader.read(bytes, 0)).toBe(64)
  })

  it("G2 takes any padding and either as-server", () => {
    expect(read(changed({ 1: 0x55, 8: 0xaa })).greeting).toBeDefined()
    expect(read(changed({ 32: 1 })).greeting?.asServer).toBe(true)
  })

  it("G3 takes a higher major as 3.1 and any minor as it is", () => {
    expect(read(changed({ 10: 4, 11: 0 })).greeting?.version).toEqual({ major: 4, minor: 1 })
    expect(read(changed({ 11: 0 })).greeting?.version.minor).toBe(0)
    expect(read(changed({ 11: 9 })).greeting?.version.minor).toBe(9)
  })

  it("G4 refuses ZMTP 1.0 and 2.0 at the first octet that tells", () => {
    for (const early of ["01 00", "ff 0000000000000001 7e", "ff 0000000000000001 7f 00", "ff 0000000000000001 7f 01"]) {
      const { fault } = read(fromHex(early), 1)
      expect(fault?.code).toBe("VersionMismatch")
      expect(fault?.message).toContain("libzmq 4.0 or later")
    }
    expect(read(changed({ 10: 2 })).greeting).toBeDefined()
  })
})
