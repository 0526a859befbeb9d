/**
 * How a host answers a repair request (L6): finds what its ring still keeps of the ranges asked for, says what it does
 * not, and sends it in parts small enough to leave room for heartbeats.
 */
import { patternTakesIn } from "../../message/topic.ts"
import type { FrameLog } from "../frame-log.ts"
import { isPrivate } from "../private-topic.ts"
import type { Range } from "../repair-range.ts"

export interface RepairPlan {
  /** Publish numbers to send, rising. */
  readonly numbers: readonly number[]
  readonly lost: readonly Range[]
  /** There are more, with numbers above these. */
  readonly cut: boolean
  /** What it cost. */
  readonly steps: number
}

/** Most work for one client between two heartbeats; its further requests wait. */
export const stepsPerHeartbeat: number = 2 * 1024 * 1024
/** Most work for one request, some tens of milliseconds; what is not reached counts as lost. A step is a frame looked at. */
export const stepsMax: number = 4 * 1024 * 1024
/** What it costs to take one. */
export const stepsPerFrame = 8

/**
 * `allows` says which topics the asker may see; `droppedThrough` is what its slow policy took from it; `lastOf` is the
 * last number published on a topic. Nothing is looked for beyond the first `partBytes` of what a prefix takes in.
 */
export function planRepair(
  ring: FrameLog,
  ranges: readonly Range[],
  allows: (topic: Uint8Array) => boolean,
  droppedThrough: number,
  lastOf: (topic: Uint8Array) => number,
  partBytes: number = Number.POSITIVE_INFINITY,
): RepairPlan {
  const numbers = new Set<number>()
  const lost: Range[] = []
  let steps = 0
  let end = ring.last
  for (const range of ranges) {
    steps++
    if (steps > stepsMax) {
      lost.push(range)
      continue
    }
    // Direct messages are kept whatever the policy.
    const floor = isPrivate(range.topic) ? ring.first - 1 : Math.max(ring.first - 1, droppedThrough)
    const through = Math.min(range.through, end)
    const whole = range.topic[range.topic.length - 1] === 0
    if (!whole) {
      if (range.after < floor) lost.push({ topic: range.topic, after: range.after, through: Math.min(floor, through) })
      let bytes = 0
      for (let number = Math.max(range.after, floor) + 1; number <= through; number++) {
        steps++
        const topic = ring.topic(number)!.bytes
        if (!patternTakesIn(range.topic, topic) || !allows(topic)) continue
        steps += stepsPerFrame
        numbers.add(number)
        bytes += ring.bytesOf(number)
        if (bytes >= partBytes && number < through) {
          end = number
          break
        }
      }
      continue
    }
    if (!allows(range.topic)) continue
    // From the topic's last the chain of "previous on this topic" leads back. The range itself may end at a number of
    // another topic: after a rejoin it ends at the last of all.
    let number = lastOf(range.topic)
    while (number > range.after && number > floor && patternTakesIn(range.topic, ring.topic(number)!.bytes)) {
      steps += stepsPerFrame
      if (number <= through) numbers.add(number)
      number = ring.previous(number)
    }
    if (number > range.after)
      lost.push({ topic: range.topic, after: range.after, through: Math.min(number, range.through) })
  }
  return { numbers: [...numbers].sort((a, b) => a - b), lost, cut: end < ring.last, steps }
}
