import { describe, expect, it } from "vitest"
import { headerBytes } from "../message/header.ts"
import { encodeTopic, TopicKind } from "../message/topic.ts"
import { FrameLog } from "./frame-log.ts"
import { TopicTable } from "./topic-table.ts"

const topic = new TopicTable(1).of(encodeTopic(TopicKind.Nearest, "a"))

function append(log: FrameLog, bytes: number, fill = 0): number {
  return log.append(topic, new Uint8Array(headerBytes), new Uint8Array(bytes).fill(fill))
}

describe("FrameLog", () => {
  it("keeps frames by number until released, as they were when appended", () => {
    const log = new FrameLog({ messagesMax: 1000, bytesMax: 1_000_000, after: 7 })
    for (let n = 8; n < 300; n++) expect(append(log, 100, n & 255)).toBe(n)
    log.releaseThrough(99)
    expect([log.first, log.last, log.size]).toEqual([100, 299, 200])
    expect(log.payload(99)).toBeUndefined()
    for (let n = 100; n < 300; n++) expect(log.payload(n)).toEqual(new Uint8Array(100).fill(n & 255))
  })

  it("says when it is full, and makes room by dropping the oldest", () => {
    const log = new FrameLog({ messagesMax: 10, bytesMax: 10_000, after: 0 })
    for (let n = 1; n <= 10; n++) append(log, 100)
    expect(log.hasRoom(1)).toBe(false)
    log.makeRoom(5000)
    expect(log.hasRoom(5000)).toBe(true)
    expect(log.first).toBe(2)
    log.makeRoom(9900)
    expect(log.size).toBe(0)
    expect(log.bytes).toBe(0)
  })

  it("a payload that others may hold on to keeps little else alive", () => {
    const log = new FrameLog({ messagesMax: 1000, bytesMax: 10_000_000, after: 0 })
    for (const bytes of [6 * 1024, 10_000, 20_000, 100_000]) {
      append(log, 50)
      const payload = log.payload(append(log, bytes))!
      expect(payload.buffer.byteLength).toBeLessThan(bytes + 1024)
    }
  })
})
