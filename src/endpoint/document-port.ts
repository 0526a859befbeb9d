/**
 * What the document layer needs of an endpoint, and no more. `MessageEndpoint` offers it as `endpoint.documentPort`.
 */
import type { Clock } from "../core/clock.ts"
import type { EndpointId } from "../core/id.ts"
import type { Logger } from "../core/logger.ts"
import type { Random } from "../core/random.ts"
import type { TopicKind } from "../message/topic.ts"

/** One fragment as it came. The octets are a view, valid for as long as they are held, but copy small ones to keep. */
export interface ReceivedFragment {
  readonly origin: EndpointId
  readonly sequence: number
  readonly payload: Uint8Array
}

export interface FollowHandler {
  /** All fragments of one arrival, in order. Own ones never come. */
  onFragments(fragments: readonly ReceivedFragment[]): void
  /** The host knows of the subscription: whatever it publishes from now on comes. Again after every rejoin. */
  onBaseline(): void
  /** Fragments were lost for good: exchange versions. */
  onGap(): void
  /** The subscription is not allowed. */
  onRefused(reason: string): void
}

export interface Follow {
  close(): void
}

/**
 * - "up": after a join, when the first baseline may begin
 * - "down": the link is lost, or this endpoint is the root no more
 * - "regenerated": the host above has no memory of before
 * - "root": this endpoint has become the root of a tree with voters
 */
export type LinkChange = "up" | "down" | "regenerated" | "root"

export interface DocumentPort {
  readonly id: EndpointId
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** True at the root: nobody above to ask. In a tree with voters it changes: `onLink`. */
  readonly isRoot: boolean
  /** It votes on who is root: it keeps what is written in its tree, whoever has it open. */
  readonly keeps: boolean
  /** A host is above and the link is up. */
  readonly linked: boolean
  /** Follows a document's topic. At a host, fragments of its clients come too; there `onBaseline` comes at once. */
  follow(kind: TopicKind, name: string, handler: FollowHandler): Follow
  /** At a host: fragments of that kind on topics that nobody follows here, all of one arrival by topic. */
  followOthers(kind: TopicKind, handler: (name: string, fragments: readonly ReceivedFragment[]) => void): Follow
  /** False while the user keeps the outbound channel closed: `publish` takes nothing, and `onRoom` waits for the opening. */
  readonly outbound: boolean
  /**
   * Sends a fragment to all who follow. False: no room now; `onRoom` tells when to try again. Never echoed back. `forOthers`: it
   * passes on what another wrote, and goes whether or not the outbound channel is open.
   */
  publish(kind: TopicKind, name: string, fragment: Uint8Array, forOthers?: boolean): boolean
  /** Resolves when all published so far is rooted. */
  rooted(): Promise<void>
  /** Calls back when `publish` may succeed again, once. */
  onRoom(callback: () => void): void
  /** Asks the host above. Rejects as `MessagingSurface.request` does, or with `PeerLost` when there is no link. */
  ask(
    topic: string,
    payload: Uint8Array,
    options?: { readonly deadlineMs?: number; readonly signal?: AbortSignal },
  ): Promise<Uint8Array>
  /** Answers those below (and local asks at the root are not sent). One handler per topic. */
  answer(
    topic: string,
    handler: (payload: Uint8Array, from: EndpointId) => Uint8Array | Promise<Uint8Array>,
  ): () => void
  /** Whether one of those below may read, or write, that document. */
  allows(from: EndpointId, way: "receive" | "send", kind: TopicKind, name: string): boolean
  /** Whether that one directly below is a relay, which speaks for others. */
  isRelay(from: EndpointId): boolean
  /** Whether that endpoint is `from` itself or below it, as far as is known here now: it may have moved. */
  reaches(endpoint: EndpointId, from: EndpointId): boolean
  /** At a host: runs when one of those below is gone for good. */
  onGone(listener: (id: EndpointId) => void): () => void
  /** Runs at each change of what is above. */
  onLink(listener: (change: LinkChange) => void): () => void
}
