import { describe, expect, it } from "vitest"
import { utf8 } from "../../core/index.ts"
import { decodeText, encodeText, plainFormat } from "./text-format.ts"

describe("decodeText", () => {
  it("keeps a plain text as it is", () =>
    expect(decodeText(utf8("a\nb"), "f")).toEqual({ text: "a\nb", format: plainFormat }))

  for (const text of [
    "a\r\nb\r\n",
    "\ufeffa\nb",
    "\ufeffa\r\nb\r\n",
    "",
    "\ufeff",
    "a\nb\r\nc",
    "a\rb\r\n",
    "one line",
    "\n",
    "\n\r\n",
  ])
    it(`gives back ${JSON.stringify(text)} octet by octet`, () => {
      const bytes = utf8(text)
      const { text: decoded, format } = decodeText(bytes, "f")
      expect(encodeText(decoded, format, "f")).toEqual(bytes)
    })

  it("hides Windows lines and the byte order mark from the document", () =>
    expect(decodeText(utf8("\ufeffa\r\nb\r\n"), "f").text).toBe("a\nb\n"))

  it("takes mixed line ends as they are", () => expect(decodeText(utf8("a\r\nb\n"), "f").text).toBe("a\r\nb\n"))

  for (const [name, bytes] of [
    ["a zero octet", Uint8Array.of(0x61, 0, 0x62)],
    ["octets that are no UTF-8", Uint8Array.of(0x61, 0xff)],
    ["half a character at the end", Uint8Array.of(0x61, 0xc3)],
    ["UTF-16", Uint8Array.of(0xff, 0xfe, 0x61, 0)],
  ] as const)
    it(`refuses ${name}`, () =>
      expect(() => decodeText(bytes, "f")).toThrow(expect.objectContaining({ code: "BadFile" })))
})

describe("encodeText", () => {
  it("gives a Windows file Windows lines, also for lines that came from elsewhere", () =>
    expect(encodeText("a\nb\r\nc\n", { byteOrderMark: false, windowsLines: true }, "f")).toEqual(
      utf8("a\r\nb\r\nc\r\n"),
    ))

  it("refuses a document with a zero", () =>
    expect(() => encodeText("a\0b", plainFormat, "f")).toThrow(expect.objectContaining({ code: "BadFile" })))
})
