/** Names of files and of the things in them. */
import { describe, expect, it } from "vitest"
import { filesBelow, findings, isGenerated, production, typescriptBelow } from "./source.ts"

const ours = [...typescriptBelow("src"), ...typescriptBelow("test")].filter(file => !isGenerated(file.path))

describe("Names", () => {
  it("of code files are kebab-case", () => {
    const folders = ["src", "test", "scripts", "benchmarks", "examples"]
    const paths = folders.flatMap(filesBelow).filter(path => !isGenerated(path) && /\.(m?[jt]s)$/.test(path))
    const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/
    expect(paths.filter(path => !path.split("/").every(name => kebab.test(name)))).toEqual([])
  })

  it("say what a thing is: no utils, helpers, managers, common", () => {
    const vague = /(^|[/-])(utils?|helpers?|managers?|common|misc|stuff)(s?)([/.-]|$)/
    const paths = [...filesBelow("src"), ...filesBelow("test")]
    expect(paths.filter(path => vague.test(path))).toEqual([])
    const declared = /\b(?:class|interface|type|function|const)\s+\w*(?:Utils?|Helpers?|Manager)\b/g
    expect(ours.flatMap(file => findings(file, declared))).toEqual([])
  })

  it("have no I before and no Impl after", () => {
    const pattern = /\b(?:class|interface|type)\s+(?:I[A-Z][a-z]\w*|\w+Impl)\b/g
    expect(ours.flatMap(file => findings(file, pattern))).toEqual([])
  })

  it("belong to const objects, never to an enum", () => {
    expect(ours.flatMap(file => findings(file, /\benum\s+[A-Z]/g))).toEqual([])
  })

  it("have types: no any", () => {
    expect(ours.flatMap(file => findings(file, /(?::|\bas|<|\|)\s*any\b(?!\w)/g))).toEqual([])
  })

  it("are exported by hand from the doors", () => {
    const doors = production.filter(file => file.path.endsWith("/index.ts"))
    expect(doors.flatMap(file => findings(file, /export\s+\*/g))).toEqual([])
  })
})
