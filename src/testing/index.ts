export { type CodecSuiteOptions, codecSuite } from "./suites/codec-suite.ts"
export { type DocumentTypeSuiteOptions, documentTypeSuite } from "./suites/document-type-suite.ts"
export type { TestRunner } from "./suites/runner.ts"
export { type StorageSuiteOptions, storageSuite } from "./suites/storage-suite.ts"
