import { create, fromBinary, toBinary } from "@bufbuild/protobuf"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { decodeAck, encodeAck } from "./ack.ts"
import { ControlSchema } from "./generated/control_pb.ts"

const count = fc.maxSafeNat().map(BigInt)
const ack = fc.record({ received: count, rooted: count, resend: fc.boolean() })
const generally = (value: { received: bigint; rooted: bigint; resend: boolean }, after = 0n) =>
  toBinary(ControlSchema, create(ControlSchema, { after, body: { case: "ack", value } }))

describe("an ACK", () => {
  it("is written as Protocol Buffers writes it", () => {
    fc.assert(fc.property(ack, value => void expect(encodeAck(value)).toEqual(generally(value))))
    expect(encodeAck({})).toEqual(generally({ received: 0n, rooted: 0n, resend: false }))
  })

  it("is read as Protocol Buffers reads it, up to numbers that only the general way takes", () => {
    fc.assert(
      fc.property(ack, value => {
        const read = decodeAck(generally(value))
        if (value.received < 2n ** 49n && value.rooted < 2n ** 49n) expect(read).toMatchObject(value)
        else expect(read).toBeUndefined()
      }),
    )
  })

  it("of any octets is read as Protocol Buffers reads them, or left to it", () => {
    const octet = fc.oneof(fc.constantFrom(0x08, 0x10, 0x18, 0, 1, 0x80), fc.integer({ min: 0, max: 255 }))
    const body = fc.array(octet, { maxLength: 12 })
    let read = 0
    const octets = body.map(each => Uint8Array.from([0x8a, 0x01, each.length, ...each]))
    fc.assert(
      fc.property(octets, bytes => {
        const ours = decodeAck(bytes)
        if (ours === undefined) return
        read++
        const { after, body: theirs } = fromBinary(ControlSchema, bytes)
        expect({ after, theirs }).toEqual({ after: 0n, theirs: { case: "ack", value: ours } })
      }),
      { numRuns: 5000 },
    )
    expect(read).toBeGreaterThan(0)
  })

  it("leaves other messages to the general way", () => {
    const value = { received: 3n, rooted: 2n, resend: false }
    expect(decodeAck(generally(value, 7n))).toBeUndefined()
    expect(decodeAck(generally(value).subarray(0, 5))).toBeUndefined()
    expect(decodeAck(Uint8Array.from([0x8a, 0x01, 2, 0x18, 2]))).toBeUndefined()
    expect(decodeAck(new Uint8Array(0))).toBeUndefined()
  })
})
