import { PassThrough } from "node:stream"
import { describe, expect, it } from "vitest"
import { ZincError } from "../core/index.ts"
import { Output, printable, type TerminalStream } from "./output.ts"

function open(json: boolean, environment: Record<string, string> = {}, isTTY = false) {
  const stdout = Object.assign(new PassThrough(), { isTTY }) as TerminalStream & PassThrough
  const stderr = Object.assign(new PassThrough(), { isTTY }) as TerminalStream & PassThrough
  const output = new Output({ json, stdout, stderr, environment })
  return { output, out: () => String(stdout.read() ?? ""), err: () => String(stderr.read() ?? "") }
}

describe("Output", () => {
  it("gives machines one object a line and no words", () => {
    const { output, out, err } = open(true)
    output.note("joining")
    output.result({ event: "joined" }, "joined hub")
    expect(out()).toBe('{"event":"joined"}\n')
    expect(err()).toBe("")
  })

  it("gives people words, and notes beside the results", () => {
    const { output, out, err } = open(false)
    output.note("joining")
    output.result({ event: "joined" }, "joined hub")
    expect(out()).toBe("joined hub\n")
    expect(err()).toBe("joining\n")
  })

  it("says an error in one line with its code", () => {
    const { output, err } = open(false)
    output.error(new ZincError("BadFile", "first\n  second"))
    expect(err()).toBe("error [BadFile] first second\n")
  })

  it("says an error to machines as an object", () => {
    const { output, err } = open(true)
    output.error(new Error("broken"))
    expect(JSON.parse(err())).toEqual({ error: { code: "Internal", message: "broken" } })
  })

  it("colours for a terminal, but never against NO_COLOR", () => {
    const terminal = open(false, {}, true)
    terminal.output.error(new Error("x"))
    expect(terminal.err()).toContain("\u001b[31m")
    const plain = open(false, { NO_COLOR: "1" }, true)
    plain.output.error(new Error("x"))
    expect(plain.err()).toBe("error [Internal] x\n")
  })
})

describe("printable", () => {
  it("shows what would drive a terminal as escapes, and keeps text, tabs and line breaks", () => {
    expect(printable("a\u001b[2Jb\tc\nd é 🙂")).toBe("a\\u001b[2Jb\tc\nd é 🙂")
  })
})
