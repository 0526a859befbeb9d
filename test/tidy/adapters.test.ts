/** An adapter without its contract's suite is a promise nobody checks. */
import { posix } from "node:path"
import { describe, expect, it } from "vitest"
import { production, typescriptBelow } from "./source.ts"

/** Contract → the suite of `zincmq/testing` that every adapter of it must pass. */
const suites: Readonly<Record<string, string>> = {
  Carrier: "carrierSuite",
  Codec: "codecSuite",
  Transport: "transportSuite",
  Storage: "storageSuite",
  DocumentType: "documentTypeSuite",
  Coordinator: "coordinatorSuite",
  Discovery: "discoverySuite",
  VoteFolder: "voteFolderSuite",
}

/** Carriers that speak frames, not octets, to the peer: their octets are ZMTP or nothing, so whole transports are tried. */
const inFrames = ["src/transport/carrier/websocket.ts", "src/transport/carrier/browser-websocket.ts"]

const conformance = typescriptBelow("test/conformance").filter(file => file.path.endsWith(".test.ts"))

/** Adapters outside the test kit, as [contract, file]. */
const adapters = production
  .filter(file => !file.path.startsWith("src/testing/"))
  .flatMap(file =>
    Object.keys(suites)
      .filter(contract =>
        new RegExp(
          `\\bimplements\\s+(?:[\\w<>, ]+,\\s*)?${contract}\\b|export const \\w+: ${contract}(?:<[^=]*>)? =`,
        ).test(file.code),
      )
      .map(contract => ({ contract, path: file.path })),
  )

describe("Every adapter has its conformance test", () => {
  it("and every contract has an adapter", () => {
    expect(new Set(adapters.map(({ contract }) => contract))).toEqual(new Set(Object.keys(suites)))
  })

  for (const { contract, path } of adapters) {
    it(`${contract}: ${path}`, () => {
      const suite = inFrames.includes(path) ? "transportSuite" : suites[contract]!
      const door = posix.join(posix.dirname(path), "index.ts")
      const tests = conformance.filter(
        test => test.code.includes(`${suite}(`) && test.imports.some(each => each.path === path || each.path === door),
      )
      expect(
        tests.map(test => test.path),
        `no file in test/conformance imports ${path} (or its index.ts) and runs ${suite}`,
      ).not.toEqual([])
    })
  }
})
