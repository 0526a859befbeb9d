/** Options of the drop-in door do something, or docs/reference/zeromq.md says that they do not. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { contextOptions, socketOptions } from "../../src/zeromq/option-table.ts"
import { root } from "./source.ts"

const folder = join(root, "src/zeromq")
const sources = readdirSync(folder)
  .filter(name => name.endsWith(".ts") && !name.endsWith(".test.ts") && name !== "option-table.ts")
  .map(name => readFileSync(join(folder, name), "utf8"))
  .join("\n")

/** The rows that say so. */
const kept = readFileSync(join(root, "docs/reference/zeromq.md"), "utf8")
  .split("\n")
  .filter(line => /^\|.*\| kept, without (effect|meaning)/.test(line))
  .flatMap(line => [...line.split("|")[1]!.matchAll(/`([\w.]+)`/g)].map(match => match[1]!))

it("are read somewhere, or named as kept without effect; and not both", () => {
  const read = new Set(
    [...sources.matchAll(/\b(?:bool|number|octets|text|value(?:<[^>]*>)?|put)\((\d+)/g)].map(match => Number(match[1])),
  )
  // Subscribing, and naming the next peer, are calls of their own.
  for (const [, id] of sources.matchAll(/option === (\d+)/g)) read.add(Number(id))
  for (const { name, id } of socketOptions) {
    if (name === "") expect(read.has(id), `socket option ${id} is read`).toBe(true)
    else expect(kept.includes(name), `${name} is read (${read.has(id)}), so it is listed`).toBe(!read.has(id))
  }
  for (const { name } of contextOptions) {
    const used = new RegExp(`context\\.${name}\\b`).test(sources)
    if (name === "maxSocketsLimit") continue
    const listed = kept.includes(name) || kept.includes(`Context.${name}`)
    // A socket's option of the same name is another one.
    if (name !== "maxMessageSize") expect(listed, `the context's ${name} is read (${used})`).toBe(!used)
    else expect(kept).toContain("Context.maxMessageSize")
  }
})
