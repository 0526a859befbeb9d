/** Where a client begins (L2, L5): what it may not follow, and where each stream of what it does follow stands. */
import { writeU32 } from "../../core/bytes.ts"
import { encodeBaseline } from "../../message/control.ts"
import { At, headerBytes, headerVersion, Kind } from "../../message/header.ts"
import type { Node } from "../node.ts"
import { baselineTopicBytes, isPrivate } from "../private-topic.ts"
import type { StreamRun } from "../stream-runs.ts"
import type { TopicState } from "../topic-state.ts"
import type { Link } from "./link.ts"
import type { Publication } from "./publication.ts"
import { stepsPerHeartbeat } from "./repair-answer.ts"
import type { RefusedAbove } from "./subtree-interest.ts"

/** Positions in one baseline (L5). */
const positionsMax = 256
const noOrigin = new Uint8Array(0)

/**
 * Publishes the baseline of that SYNC on the link's private topic, behind all that was published before. `refusedAbove`
 * is what the host above does not let this one follow.
 */
export function publishBaseline(
  node: Node,
  publication: Publication,
  link: Link,
  number: number,
  prefixes: readonly Uint8Array[],
  refusedAbove: readonly RefusedAbove[] = [],
): void {
  const refused = [
    ...prefixes.filter(prefix => !link.mayReceive(prefix)).map(prefix => ({ prefix, reason: "not granted" })),
    ...refusedAbove,
  ]
  const allowed = prefixes.filter(prefix => link.mayReceive(prefix) && !isPrivate(prefix))
  const positions = positionsOf(node, link, allowed)
  const complete = positions.length <= positionsMax && link.steps <= stepsPerHeartbeat
  const payload = encodeBaseline({
    number,
    published: BigInt(publication.published),
    refused,
    positions: complete ? positions : [],
    positionsComplete: complete,
    incarnation: node.incarnation,
    mark: BigInt(publication.marked),
  })
  const header = new Uint8Array(headerBytes)
  header[At.Version] = headerVersion
  header[At.Kind] = Kind.Baseline
  header.set(node.self.bytes, At.Origin)
  writeU32(header, At.Epoch, node.epoch)
  const topic = node.topics.of(baselineTopicBytes(link.prefix, number))
  publication.publish(topic, header, payload, 0)
  node.topics.forget(topic)
  link.baselineAt ??= node.clock.now()
  link.mark = Math.max(link.mark, publication.marked)
}

interface BaselinePosition {
  readonly topic: Uint8Array
  readonly origin: Uint8Array
  readonly first: bigint
  readonly last: bigint
  readonly epoch: number
  readonly reigns: ReturnType<typeof reign>[]
}

/** Once there are more than a baseline takes, or looking for them has cost too much, the rest is left out. */
function positionsOf(node: Node, link: Link, prefixes: readonly Uint8Array[]): BaselinePosition[] {
  const positions: BaselinePosition[] = []
  const add = (topic: TopicState, origin: Uint8Array, first: number, last: number, epoch: number) =>
    positions.push({
      topic: topic.bytes,
      origin,
      first: BigInt(first),
      last: BigInt(last),
      epoch,
      // Only in trees with voters has a reign a number.
      reigns: origin === noOrigin ? topic.reigns.runs.filter(run => run.epoch > 0).map(reign) : [],
    })
  for (const prefix of prefixes) {
    if (link.steps > stepsPerHeartbeat) return positions
    link.steps += prefix[prefix.length - 1] === 0 ? 1 : node.topics.size
    for (const topic of node.topics.matching(prefix)) {
      if (topic.route === "ordered" && node.up !== undefined) {
        // What came up from below is passed on when it comes back numbered: only what came from above counts.
        const { order } = topic
        if (order !== undefined && !order.floating) add(topic, noOrigin, order.first, order.next - 1, node.epoch)
        for (const { origin, next, current } of topic.heardAll()) if (current) add(topic, origin.bytes, 1, next - 1, 0)
        if (positions.length > positionsMax) return positions
        continue
      }
      if (topic.route === "ordered") add(topic, noOrigin, 1, topic.ordered, node.epoch)
      if (topic.sent > 0) add(topic, node.self.bytes, 1, topic.sent, 0)
      for (const stream of topic.streams()) {
        add(topic, stream.key.bytes, stream.first, stream.next - 1, 0)
        if (positions.length > positionsMax) return positions
      }
      if (positions.length > positionsMax) return positions
    }
  }
  return positions
}

function reign({ epoch, first, after = first - 1 }: StreamRun): { epoch: number; first: bigint; missed: bigint } {
  return { epoch, first: BigInt(first), missed: BigInt(first - 1 - after) }
}
