// For mocha, with the tests of zeromq.js: skips what compat-skips.mjs names, and notes it.
import { writeFileSync } from "node:fs"
import { testsSkipped } from "./compat-skips.mjs"

const skipped = {}
const used = new Set()

export const mochaHooks = {
  beforeEach() {
    const title = this.currentTest.fullTitle()
    for (const [pattern, reason] of testsSkipped) {
      if (!pattern.test(title)) continue
      used.add(pattern)
      skipped[reason] = [...(skipped[reason] ?? []), title]
      this.skip()
    }
  },
  afterAll() {
    const stale = testsSkipped.filter(([pattern]) => !used.has(pattern)).map(([pattern]) => String(pattern))
    writeFileSync(process.env.ZINC_COMPAT_REPORT, JSON.stringify({ skipped, stale }))
  },
}
