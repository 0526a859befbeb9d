export { type CodecSuiteOptions, codecSuite } from "./suites/codec-suite.ts"
export type { TestRunner } from "./suites/runner.ts"
