import { describe, it } from "vitest"
import { utf8 } from "../../src/core/bytes.ts"
import { rawCodec } from "../../src/message/raw-codec.ts"
import { codecSuite } from "../../src/testing/suites/codec-suite.ts"

codecSuite({
  runner: { describe, it },
  name: "raw",
  codec: rawCodec,
  values: [new Uint8Array(0), new Uint8Array([0, 255, 1]), new Uint8Array(100_000).fill(7), "", "grüß dich"],
  comesBackAs: value => (typeof value === "string" ? utf8(value) : value),
  unwritable: [undefined, null, 1, {}, [1, 2], () => 1],
})
