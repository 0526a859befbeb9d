import { describe, it } from "vitest"
import { fromHex } from "../../src/core/bytes.ts"
import { msgpackCodec } from "../../src/message/msgpack-codec.ts"
import { codecSuite } from "../../src/testing/suites/codec-suite.ts"

const cycle: { self?: unknown } = {}
cycle.self = cycle

codecSuite({
  runner: { describe, it },
  name: "msgpack",
  codec: msgpackCodec,
  values: [
    { a: [1, -2.5, null, true, "ü€😀"] },
    0,
    null,
    Number.MAX_SAFE_INTEGER,
    new Uint8Array([1, 2, 3]),
    new Date(1_700_000_000_123),
    "z".repeat(70_000),
  ],
  unwritable: [10n, { deep: [10n] }, () => 1, cycle],
  unreadable: [new Uint8Array(0), fromHex("c1"), fromHex("92 01"), fromHex("01 02"), fromHex("a3 61")],
})
