/** docs/protocol/vectors/election.json, read both ways. It was written by an encoder of another language than ours. */
import { readFileSync } from "node:fs"
import { fromJson, type JsonObject, toBinary } from "@bufbuild/protobuf"
import { describe, expect, it } from "vitest"
import { fromHex, toHex } from "../../core/bytes.ts"
import { VoteSchema } from "../../message/generated/election_pb.ts"
import { decodeVoterFrame, encodeVoterFrame } from "./wire.ts"

interface Vectors {
  readonly votes: readonly { readonly meaning: string; readonly json: JsonObject; readonly hex: string }[]
  readonly invalid: readonly { readonly meaning: string; readonly hex: string }[]
}

const url = new URL("../../../docs/protocol/vectors/election.json", import.meta.url)
const { votes, invalid } = JSON.parse(readFileSync(url, "utf8")) as Vectors

describe("Election vectors", () => {
  it("show every message that there is", () => {
    const shown = new Set(votes.flatMap(({ json }) => Object.keys(json)))
    expect(VoteSchema.oneofs[0]!.fields.map(field => field.jsonName).filter(name => !shown.has(name))).toEqual([])
  })

  it.each(votes)("$meaning", ({ json, hex }) => {
    expect(toHex(toBinary(VoteSchema, fromJson(VoteSchema, json)))).toBe(hex)
    expect(toHex(encodeVoterFrame(decodeVoterFrame(fromHex(hex))!))).toBe(hex)
  })

  it.each(invalid)("refused: $meaning", ({ hex }) => {
    expect(() => decodeVoterFrame(fromHex(hex))).toThrow(expect.objectContaining({ code: "BadFrame" }))
  })

  it("are ignored when their body is of a later version", () => {
    const [vote] = votes
    const bytes = toBinary(
      VoteSchema,
      fromJson(VoteSchema, { tree: "plant", from: vote!.json.from!, to: vote!.json.to! }),
    )
    expect(decodeVoterFrame(bytes)).toBe(undefined)
  })
})
