/**
 * What a host does about subscribers that do not keep up (§11). Two things show one: a mark that it has not reported for
 * too long, and a queue without room. What follows is the policy's.
 */
import { writeU64 } from "../../core/bytes.ts"
import { encodeExtensions } from "../../message/extension.ts"
import { At, Flag, headerBytes, Kind } from "../../message/header.ts"
import { TopicKind } from "../../message/topic.ts"
import type { PublisherSocket } from "../../transport/transport.ts"
import type { SlowPolicy } from "../api.ts"
import type { Node } from "../node.ts"
import { isPrivate } from "../private-topic.ts"
import { Conflation } from "./conflation.ts"
import type { HostSlowOptions } from "./host-options.ts"
import type { EndLink, Link, Tell } from "./link.ts"
import type { LinkTable } from "./link-table.ts"
import type { Publication } from "./publication.ts"
import { SlowRelays } from "./slow-relays.ts"

/** Octets that may wait for one subscriber, unless told otherwise. */
const hwmBytesDefault = 32 * 1024 * 1024
const hwmMessagesDefault = 10_000
/** Origins that one conflated frame can stand for: what fits its extensions. */
const coversMax = 2048
/** Between two events about one subscriber. */
const warnEveryMs = 1000

/** Most that waits for one subscriber: in its queue, and as many octets again conflated beside it. */
export function subscriberLimits(options: HostSlowOptions): { readonly messages: number; readonly bytes: number } {
  return {
    messages: options.hwm?.messages ?? hwmMessagesDefault,
    bytes: options.hwm?.bytes ?? hwmBytesDefault,
  }
}

export interface SlowSubscribersOptions {
  readonly node: Node
  readonly slow: HostSlowOptions
  readonly links: Pick<LinkTable, "has">
  readonly publication: Pick<Publication, "published" | "marked" | "lagSince">
  /** The queues of subscribers. */
  readonly queues: Pick<PublisherSocket, "waiting" | "clear" | "sendTo">
  readonly tell: Tell
  readonly end: EndLink
  readonly heartbeatMs: number
}

export class SlowSubscribers {
  readonly #o: SlowSubscribersOptions
  readonly #node: Node
  readonly #bytesMax: number
  readonly #conflated = new Map<Link, Conflation>()
  readonly #relays: SlowRelays

  constructor(options: SlowSubscribersOptions) {
    this.#o = options
    this.#node = options.node
    this.#bytesMax = subscriberLimits(options.slow).bytes
    const { heartbeatMs, tell } = options
    this.#relays = new SlowRelays({
      clock: this.#node.clock,
      tell,
      heartbeatMs,
      onOver: link => this.#lookAgain(link),
    })
  }

  /** How old the oldest mark is that it has not reported, in milliseconds; undefined before its first baseline. */
  lagOf(link: Link, now: number): number | undefined {
    return link.baselineAt === undefined ? undefined : this.#o.publication.lagSince(link.mark, now)
  }

  /** Called at each heartbeat of a link that lives. */
  watch(link: Link, now: number): void {
    const lag = this.lagOf(link, now)
    if (lag === undefined) return
    const limit = this.#o.slow.maxLagMs
    if (limit > 0 && lag > limit) this.#act(link, now, lag)
    else if (limit > 0 && lag > limit / 2) this.#warn(link, now, lag, "warn")
    else if (limit > 0) this.#relays.caughtUp(link)
  }

  /** Its queue had no room for these frames. Called from within a publish. */
  full(link: Link, frames: readonly Uint8Array[]): void {
    const { policy } = this.#o.slow
    if (policy === "conflate") {
      this.#conflate(link, frames)
      return
    }
    const now = this.#node.clock.now()
    if (policy === "dropOldest") this.#act(link, now, this.lagOf(link, now) ?? 0)
    else if (policy === "warn") this.#warn(link, now, this.lagOf(link, now) ?? 0, "warn")
    // Ending a link from within a publish would change what is being published to: do it right after.
    else this.#node.clock.soon(() => this.#act(link, now, this.lagOf(link, now) ?? 0))
  }

  /** Before anything is published: a subscriber that has got room since must have what was kept for it first. */
  flush(): void {
    if (this.#conflated.size > 0) for (const behind of [...this.#conflated.keys()]) this.room(behind)
  }

  /** Its queue has room again: what was conflated meanwhile goes out, as far as it fits. */
  room(link: Link): void {
    const kept = this.#conflated.get(link)
    if (kept === undefined) return
    for (const [key, { topic, header, payload, covers }] of kept.entries()) {
      const extension = encodeExtensions({ covers: [...covers.values()].slice(-coversMax) })
      const out = new Uint8Array(headerBytes + extension.length)
      out.set(header.subarray(0, headerBytes))
      out.set(extension, headerBytes)
      out[At.Flags]! |= Flag.Covers
      out[At.ExtensionLength] = extension.length >>> 8
      out[At.ExtensionLength + 1] = extension.length & 0xff
      writeU64(out, At.Previous, 0)
      if (!this.#o.queues.sendTo(link.subscriber, [topic.bytes, out, payload])) return
      kept.delete(key)
    }
    this.#conflated.delete(link)
  }

  /** It has ended, or subscribes anew: nothing is kept for it. */
  forget(link: Link): void {
    this.#conflated.delete(link)
  }

  /** A relay has had its time to let its clients go. */
  #lookAgain(link: Link): void {
    const now = this.#node.clock.now()
    const lag = this.lagOf(link, now) ?? 0
    const limit = this.#o.slow.maxLagMs
    if (this.#waiting(link).messages > 0 || (limit > 0 && lag > limit / 2)) this.#act(link, now, lag)
    else this.#relays.caughtUp(link)
  }

  #act(link: Link, now: number, lagMs: number): void {
    if (!this.#o.links.has(link)) return
    const { policy } = this.#o.slow
    switch (policy) {
      case "warn":
      case "conflate":
        this.#warn(link, now, lagMs, policy)
        break
      case "dropOldest":
        this.#warn(link, now, lagMs, policy)
        if (link.subscriber === 0) break
        this.#o.queues.clear(link.subscriber)
        link.droppedThrough = this.#o.publication.published
        link.mark = this.#o.publication.marked
        break
      default:
        this.#dismiss(link, now, lagMs, policy)
    }
  }

  /** The suicidal snail: it is told, and its session ends. */
  #dismiss(link: Link, now: number, lagMs: number, policy: SlowPolicy): void {
    if (this.#relays.isAwaited(link, lagMs)) {
      this.#warn(link, now, lagMs, "warn")
      return
    }
    link.slowWarnedAt = Number.NEGATIVE_INFINITY
    this.#warn(link, now, lagMs, policy)
    const waiting = this.#waiting(link)
    this.#o.tell(link, {
      case: "slow",
      value: {
        policy,
        lagMs: Math.round(lagMs),
        waitingMessages: BigInt(waiting.messages),
        waitingBytes: BigInt(waiting.bytes),
        last: BigInt(this.#o.publication.published),
      },
    })
    this.#o.end(link, "TooSlow", `it fell ${Math.round(lagMs)} ms and ${waiting.messages} messages behind`)
  }

  #warn(link: Link, now: number, lagMs: number, acted: SlowPolicy): void {
    if (now - link.slowWarnedAt < warnEveryMs) return
    link.slowWarnedAt = now
    const waiting = this.#waiting(link)
    this.#node.events.emit({ type: "slow", peer: link.info(now, lagMs), lagMs, waiting, acted })
  }

  #waiting(link: Link): { readonly messages: number; readonly bytes: number } {
    const waiting = link.subscriber === 0 ? undefined : this.#o.queues.waiting(link.subscriber)
    return waiting ?? { messages: 0, bytes: 0 }
  }

  /** Keeps the latest per key while the subscriber has no room (L8). */
  #conflate(link: Link, frames: readonly Uint8Array[]): void {
    const now = this.#node.clock.now()
    this.#warn(link, now, this.lagOf(link, now) ?? 0, "conflate")
    const topic = this.#node.topics.of(frames[0]!)
    const payload = frames[2]!
    // What comes later stands for all before it, lost or not.
    if (frames[1]![At.Kind] === Kind.Gap) return
    // Of these every one counts: the subscriber finds them missing and has them from the ring.
    if (isPrivate(topic.bytes) || topic.kind === TopicKind.Document || topic.kind === TopicKind.Sequenced) return
    let kept = this.#conflated.get(link)
    if (kept === undefined) {
      kept = new Conflation(this.#bytesMax)
      this.#conflated.set(link, kept)
    }
    const key = topic.kind === TopicKind.System ? "" : this.#keyOf(topic.name, payload)
    kept.set(`${topic.kind} ${topic.name}\0${key}`, { topic, header: frames[1]!.slice(), payload: payload.slice() })
  }

  /** The user's own key; one that throws counts as none. */
  #keyOf(topic: string, payload: Uint8Array): string {
    try {
      return this.#o.slow.key?.(topic, payload) ?? ""
    } catch (error) {
      this.#node.logger.error("the key function of slow.key failed", { topic, error })
      return ""
    }
  }
}
