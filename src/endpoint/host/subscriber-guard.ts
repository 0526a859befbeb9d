/**
 * Who subscribes (L3): a connection of the publish leg is nobody's until it subscribes to a topic private to a link,
 * which only that link's client knows. Then it is granted what the link may receive, and no more.
 */
import { ZincError } from "../../core/errors.ts"
import type { PublisherSocket } from "../../transport/transport.ts"
import type { Node } from "../node.ts"
import { isPrivate } from "../private-topic.ts"
import { Crowd, strangerMs, strangersMax } from "./crowd.ts"
import type { Link } from "./link.ts"
import type { LinkTable } from "./link-table.ts"
import { reportViolation } from "./violation.ts"

export interface SubscriberGuardOptions {
  readonly node: Node
  readonly publisher: Pick<PublisherSocket, "grant" | "disconnect">
  readonly links: LinkTable
  /** The link has another connection for its subscriptions than before. */
  readonly onBound: (link: Link) => void
  /** The link subscribed to one of its private topics. */
  readonly onPrivate: (link: Link, topic: Uint8Array) => void
}

export class SubscriberGuard {
  readonly #o: SubscriberGuardOptions
  /** Since when each has been there. */
  readonly #strangers: Crowd<number>

  constructor(options: SubscriberGuardOptions) {
    this.#o = options
    this.#strangers = new Crowd(strangersMax, oldest => this.#o.publisher.disconnect(oldest))
  }

  connected(connection: number): void {
    this.#strangers.arrive(connection, this.#o.node.clock.now())
  }

  disconnected(connection: number): void {
    this.#strangers.delete(connection)
    this.#o.links.subscriberClosed(connection)
  }

  /** `connection` is 0 where the transport does not know its subscribers. */
  subscribed(connection: number, prefix: Uint8Array): void {
    if (!isPrivate(prefix)) return
    const { links, node, publisher } = this.#o
    const link = links.ofPrivateTopic(prefix)
    if (link === undefined) {
      // A guess, or a client whose link ended while it dialled: either way it has no place here.
      if (connection !== 0 && this.#strangers.delete(connection)) {
        node.statistics.deadSession++
        publisher.disconnect(connection)
      }
      return
    }
    const bound = links.ofSubscriber(connection)
    if (bound !== undefined && bound !== link) {
      const error = new ZincError("Unauthorized", "it asked for a private topic that is not its own")
      reportViolation(node, `client "${bound.name}"`, error)
      publisher.disconnect(connection)
      return
    }
    link.confirmed = true
    if (connection !== 0 && link.subscriber !== connection) {
      const before = links.subscribedBy(link, connection)
      if (before !== 0) publisher.disconnect(before)
      this.#strangers.delete(connection)
      this.#o.onBound(link)
      publisher.grant(connection, asked => link.mayReceive(asked))
    }
    this.#o.onPrivate(link, prefix)
  }

  /** Cuts strangers that have been here for too long. */
  tick(now: number): void {
    for (const [connection, since] of this.#strangers) {
      if (now - since <= strangerMs) continue
      this.#strangers.delete(connection)
      this.#o.publisher.disconnect(connection)
    }
  }
}
