// For mocha, with the tests of zeromq.js: skips what compat-skips.mjs names, and notes all that did not run, and why.
import { readFileSync, writeFileSync } from "node:fs"
import { testsSkipped } from "./compat-skips.mjs"

const skipped = {}
const used = new Set()
const again = []

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
  afterEach() {
    if (this.currentTest.currentRetry() > 0) again.push(this.currentTest.fullTitle())
  },
  afterAll() {
    const noted = new Set(Object.values(skipped).flat())
    for (const test of testsOf(this.test.parent)) {
      const title = test.fullTitle()
      if (!test.isPending() || noted.has(title)) continue
      const reason = ownReason(test)
      skipped[reason] = [...(skipped[reason] ?? []), title]
    }
    const stale = testsSkipped.filter(([pattern]) => !used.has(pattern)).map(([pattern]) => String(pattern))
    writeFileSync(process.env.ZINC_COMPAT_REPORT, JSON.stringify({ skipped, stale, again: [...new Set(again)] }))
  },
}

function* testsOf(suite) {
  yield* suite.tests
  for (const each of suite.suites) yield* testsOf(each)
}

/** A test that skips itself: by what its file says. */
function ownReason(test) {
  const body = String(test.body ?? test.fn ?? "")
  if (/getGcOrSkipTest/.test(body)) return "skips itself (SKIP_GC_TESTS): it watches the collector free native memory"
  const draft = test.file !== undefined && /draft/i.test(readFileSync(test.file, "utf8")) && /draft/i.test(body)
  if (draft) return "skips itself: it wants a libzmq built with drafts"
  return "zeromq.js itself skips it"
}
