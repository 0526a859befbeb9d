/** What docs/protocol shows in octets is what the golden vectors hold, and what it lists is all there is. */
import { describe, expect, it } from "vitest"
import { ExtensionType } from "../../src/message/extension.ts"
import { ControlSchema } from "../../src/message/generated/control_pb.ts"
import { VoteSchema } from "../../src/message/generated/election_pb.ts"
import { Flag, Kind } from "../../src/message/header.ts"
import { TopicKind } from "../../src/message/topic.ts"
import { textOf } from "./source.ts"

const envelope = textOf("docs/protocol/envelope.md")
const control = textOf("docs/protocol/control.md")
const documents = textOf("docs/protocol/document.md")
const election = textOf("docs/protocol/election.md")
const vectors = ["topics", "headers", "control", "document", "election"].map(name =>
  textOf(`docs/protocol/vectors/${name}.json`),
)
const known = new Set(
  vectors.flatMap(text => [...text.matchAll(/"hex": "([^"]*)"/g)].map(match => match[1]!.replaceAll(" ", ""))),
)

/** The octets of each fenced block of "hex": what stands before two blanks and a remark. */
function blocks(page: string): string[] {
  return [...page.matchAll(/```hex\n([\s\S]*?)```/g)].map(match =>
    match[1]!
      .split("\n")
      .map(line => /^((?:[0-9a-f]{2})+(?: {1,2}(?:[0-9a-f]{2})+)*)(?=\s|$)/.exec(line)?.[1] ?? "")
      .join("")
      .replaceAll(" ", ""),
  )
}

/** Bodies of the message without a heading on the page. */
function unexplained(page: string, schema: typeof ControlSchema | typeof VoteSchema): string[] {
  const headings = new Set([...page.matchAll(/^### ([A-Z_]+)/gm)].map(match => match[1]))
  return schema.oneofs[0]!.fields.map(field => field.name.toUpperCase()).filter(name => !headings.has(name))
}

describe("docs/protocol", () => {
  for (const [name, page] of [
    ["envelope.md", envelope],
    ["control.md", control],
    ["document.md", documents],
    ["election.md", election],
  ] as const) {
    it(`shows only octets of the vectors in ${name}`, () => {
      expect(blocks(page).length).toBeGreaterThan(0)
      expect(blocks(page).filter(block => !known.has(block))).toEqual([])
    })
  }

  it("shows only records of the vectors in records.md", () => {
    const { roots, hosts } = JSON.parse(textOf("docs/protocol/vectors/records.json")) as {
      roots: { text: string }[]
      hosts: { text: string }[]
    }
    const texts = new Set([...roots, ...hosts].map(each => each.text))
    const shown = [...textOf("docs/protocol/records.md").matchAll(/```json\n(.*)\n```/g)].map(match => match[1]!)
    expect(shown.length).toBeGreaterThan(0)
    expect(shown.filter(each => !texts.has(each))).toEqual([])
  })

  it("lists every kind of topic, kind of message, flag and extension by its number", () => {
    const row = (...cells: string[]) => new RegExp(`^\\| ${cells.join(" \\| ")} `, "m")
    for (const [name, octet] of Object.entries(TopicKind))
      expect(envelope).toMatch(row(name.toLowerCase(), `\`${octet.toString(16)}\``))
    for (const [name, number] of Object.entries(Kind)) expect(envelope).toMatch(row(String(number), name.toLowerCase()))
    for (const [name, bit] of Object.entries(Flag))
      expect(envelope).toMatch(row(`\`${bit.toString(16).padStart(2, "0")}\``, name.toLowerCase()))
    for (const [name, type] of Object.entries(ExtensionType))
      expect(envelope).toMatch(row(String(type), name.toLowerCase()))
  })

  it("explains every control message under its own heading", () => {
    expect(unexplained(control, ControlSchema)).toEqual([])
  })

  it("explains every vote under its own heading", () => {
    expect(unexplained(election, VoteSchema)).toEqual([])
  })
})
