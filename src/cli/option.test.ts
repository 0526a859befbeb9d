import { describe, expect, it } from "vitest"
import { choice, milliseconds, octets, wholeNumber } from "./option.ts"

const limits = { least: 1, most: 1_000_000_000 }

describe("Options", () => {
  it("read whole numbers", () => expect(wholeNumber("--count", "1_000", limits)).toBe(1_000))

  for (const text of ["", "0", "1.5", "-3", "ten", "1e3", "0x10", "99999999999999999999"])
    it(`refuse "${text}" as a whole number, naming the option`, () =>
      expect(() => wholeNumber("--count", text, limits)).toThrow(
        expect.objectContaining({ code: "BadOption", message: expect.stringContaining("--count") }),
      ))

  it("read sizes", () =>
    expect(["512", "64k", "8m", "8MiB", "0.5g"].map(text => octets("--max-size", text, limits))).toEqual([
      512, 65_536, 8_388_608, 8_388_608, 536_870_912,
    ]))
  it("refuse other sizes", () =>
    expect(() => octets("--max-size", "8 potatoes", limits)).toThrow(expect.objectContaining({ code: "BadOption" })))

  it("read times", () =>
    expect(["250", "250ms", "1.5s", "2m"].map(text => milliseconds("--deadline", text, limits))).toEqual([
      250, 250, 1_500, 120_000,
    ]))
  it("refuse other times", () =>
    expect(() => milliseconds("--deadline", "soon", limits)).toThrow(expect.objectContaining({ code: "BadOption" })))

  it("read choices", () => expect(choice("--transport", "zmtp", ["zmtp", "native"])).toBe("zmtp"))
  it("refuse others, listing what would do", () =>
    expect(() => choice("--transport", "carrier pigeon", ["zmtp", "native"])).toThrow(/zmtp, native/))
})
