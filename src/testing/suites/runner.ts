/** The two functions a suite needs of a test runner: vitest's, node:test's, mocha's. Suites assert by throwing. */
export interface TestRunner {
  describe(name: string, body: () => void): void
  it(name: string, body: () => void | Promise<void>): void
}
