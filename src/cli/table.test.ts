import { describe, expect, it } from "vitest"
import { count, duration, shownWidth, size, table } from "./table.ts"

describe("table", () => {
  it("aligns by what is shown, not by what is stored", () => {
    const text = table([
      ["\u001b[32mok\u001b[39m", "tcp", "bound"],
      ["fail", "日本", "refused"],
    ])
    expect(text).toBe("\u001b[32mok\u001b[39m    tcp   bound\nfail  日本  refused")
  })

  it("leaves no blanks at the end of a line", () => {
    expect(
      table([
        ["a", ""],
        ["bcd", "e"],
      ]),
    ).toBe("a\nbcd  e")
  })
})

describe("shownWidth", () => {
  it("counts combining marks as nothing and emoji as two", () => {
    expect(shownWidth("e\u0301🙂")).toBe(3)
  })
})

describe("numbers for people", () => {
  it("group thousands", () => expect(count(1_234_567)).toBe("1,234,567"))
  it("choose a unit of time", () => expect([0.4242, 12.3, 3_400].map(duration)).toEqual(["0.42 ms", "12 ms", "3.4 s"]))
  it("choose a unit of size", () => expect([812, 4096, 8 << 20].map(size)).toEqual(["812 B", "4.0 KiB", "8.0 MiB"]))
})
