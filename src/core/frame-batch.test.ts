import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { utf8 } from "./bytes.ts"
import { FrameBatch } from "./frame-batch.ts"

describe("FrameBatch", () => {
  it("gives back the messages it was given, batch after batch", () => {
    const message = fc.array(fc.uint8Array({ maxLength: 6 }), { minLength: 1, maxLength: 4 })
    const batches = fc.array(fc.array(message, { maxLength: 8 }), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(batches, batches => {
        const batch = new FrameBatch()
        for (const messages of batches) {
          for (const frames of messages) batch.addMessage(frames)
          expect(batch.count).toBe(messages.length)
          expect(messages.map((_, index) => batch.message(index))).toEqual(messages)
          expect(messages.map((_, index) => batch.framesOf(index))).toEqual(messages.map(frames => frames.length))
          batch.clear()
          expect([batch.count, batch.frames]).toEqual([0, 0])
        }
      }),
    )
  })

  it("holds frames as parts of shared buffers, without a copy", () => {
    const chunk = utf8("topicpayload")
    const batch = new FrameBatch()
    batch.addFrame(chunk, 0, 5)
    batch.addFrame(chunk, 5, 12)
    batch.endMessage()
    expect(batch.frame(0, 1)).toEqual(utf8("payload"))
    expect(batch.frame(0, 1).buffer).toBe(chunk.buffer)
  })

  it("lets go of the buffers when it is cleared", () => {
    const batch = new FrameBatch()
    batch.addMessage([new Uint8Array(9), new Uint8Array(9)])
    batch.clear()
    expect(batch.buffers.every(buffer => buffer.length === 0)).toBe(true)
  })
})
