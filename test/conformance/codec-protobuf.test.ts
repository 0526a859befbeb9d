import { create } from "@bufbuild/protobuf"
import { describe, expect, it } from "vitest"
import { fromHex, toHex } from "../../src/core/bytes.ts"
import type { Codec } from "../../src/message/codec.ts"
import { AddressesSchema, HeartbeatSchema } from "../../src/message/generated/control_pb.ts"
import { protobufCodec } from "../../src/message/protobuf-codec.ts"
import { codecSuite } from "../../src/testing/suites/codec-suite.ts"

codecSuite({
  runner: { describe, it },
  name: "protobuf",
  codec: protobufCodec(HeartbeatSchema) as Codec,
  values: [{ count: 41n, epoch: 7 }, create(HeartbeatSchema, { published: 1n << 60n }), {}],
  comesBackAs: value => create(HeartbeatSchema, value as object),
  unwritable: [
    undefined,
    null,
    1,
    "text",
    { count: "many" },
    { cuont: 1n },
    create(AddressesSchema, { control: "tcp://a:1" }),
  ],
  unreadable: [fromHex("08"), fromHex("fa 01 ff 01"), fromHex("07")],
})

describe("protobufCodec", () => {
  const codec = protobufCodec(HeartbeatSchema, 200)

  it("is named after its message type and takes a number of the user's", () => {
    expect(codec).toMatchObject({ name: "protobuf:zinc.v1.Heartbeat", number: 200 })
  })

  it("keeps fields it does not know", () => {
    // Field 1 = 41, and field 500 = "new".
    const bytes = fromHex("08 29  a2 1f 03 6e 65 77")
    expect(toHex(codec.encode(codec.decode(bytes)))).toBe(toHex(bytes))
  })
})
