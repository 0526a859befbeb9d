/** What must not be in any committed file. */
import { describe, expect, it } from "vitest"
import { filesBelow, textOf } from "./source.ts"

const binary = /\.(gz|png|jpg|ico|woff2?|bin|wasm|tgz)$/
const self = "test/tidy/text.test.ts"
const paths = filesBelow(".").filter(path => !binary.test(path) && path !== self && !path.endsWith(".log"))

function lines(pattern: RegExp, among: readonly string[] = paths): string[] {
  return among.flatMap(path =>
    textOf(path)
      .split("\n")
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim().slice(0, 120)}`] : [])),
  )
}

describe("Committed text", () => {
  it("names no package registry", () => {
    expect(
      lines(/registry\.(npmjs|yarnpkg)|npmmirror|artifactory|verdaccio|jfrog|"resolved": "http|[/.@]nexus[./]/i),
    ).toEqual([])
  })

  it("leaves nothing to be done later without a decision", () => {
    expect(lines(/\b(TODO|FIXME|XXX|HACK)\b/)).toEqual([])
  })

  it("names no folder of somebody's machine", () => {
    expect(lines(/["'`(\s=](\/root\/|\/home\/[a-z]|\/Users\/[A-Za-z])/)).toEqual([])
  })

  it("skips no test for good", () => {
    const tests = paths.filter(path => /\.test\.m?ts$/.test(path))
    expect(lines(/\b(?:it|describe|test)\.(?:skip|only|todo|fails)\(/, tests)).toEqual([])
  })
})
