import { describe, it } from "vitest"
import { fromHex, utf8 } from "../../src/core/bytes.ts"
import { jsonCodec } from "../../src/message/json-codec.ts"
import { codecSuite } from "../../src/testing/suites/codec-suite.ts"

const cycle: { self?: unknown } = {}
cycle.self = cycle

codecSuite({
  runner: { describe, it },
  name: "json",
  codec: jsonCodec,
  // Around 1,365 units the short way ends.
  values: [
    { a: [1, -2.5, null, true, "ü€😀"] },
    0,
    "",
    null,
    "x".repeat(1363),
    "€".repeat(1363),
    "€".repeat(1364),
    "y".repeat(9_000),
  ],
  unwritable: [undefined, () => 1, Symbol("s"), 10n, { deep: [10n] }, cycle],
  unreadable: [new Uint8Array(0), utf8("{"), utf8("{'a':1}"), utf8("1 2"), fromHex("22 ff 22")],
})
