/**
 * The links of a host, found by whatever a message names them with. A link enters with `add` and leaves every index with
 * `end`; in between its three connections come and go, each through one door, which keeps index and link in step.
 */
import { ByteMap, sameBytes } from "../../core/byte-map.ts"
import type { Random } from "../../core/random.ts"
import { privatePrefixBytes } from "../private-topic.ts"
import type { Link } from "./link.ts"

export class LinkTable implements Iterable<Link> {
  readonly #all = new Map<number, Link>()
  readonly #bySession: ByteMap<Link>
  readonly #byPrefix: ByteMap<Link>
  readonly #byPeer: ByteMap<Link>
  readonly #byName = new Map<string, Set<Link>>()
  readonly #byControl = new Map<number, Link>()
  readonly #byPush = new Map<number, Link>()
  readonly #bySubscriber = new Map<number, Link>()
  /** The last one found by session: pushers come in runs. */
  #last: Link | undefined

  constructor(random: Random) {
    this.#bySession = new ByteMap(random.u32())
    this.#byPrefix = new ByteMap(random.u32())
    this.#byPeer = new ByteMap(random.u32())
  }

  get size(): number {
    return this.#all.size
  }

  /** Oldest first; links may end on the way. */
  [Symbol.iterator](): IterableIterator<Link> {
    return this.#all.values()
  }

  /** Whether it has not ended. */
  has(link: Link): boolean {
    return this.#all.has(link.id)
  }

  add(link: Link): void {
    this.#all.set(link.id, link)
    const namesakes = this.#byName.get(link.name)
    if (namesakes === undefined) this.#byName.set(link.name, new Set([link]))
    else namesakes.add(link)
    this.#bySession.set(link.session, link)
    this.#byPrefix.set(link.prefix, link)
    this.#byPeer.set(link.peer.bytes, link)
  }

  /** Takes it out of every index; false if it had ended before. It still names its connections, for the caller to close. */
  end(link: Link): boolean {
    if (!this.#all.delete(link.id)) return false
    const namesakes = this.#byName.get(link.name)
    namesakes?.delete(link)
    if (namesakes?.size === 0) this.#byName.delete(link.name)
    this.#bySession.delete(link.session)
    this.#byPrefix.delete(link.prefix)
    if (this.#byPeer.get(link.peer.bytes) === link) this.#byPeer.delete(link.peer.bytes)
    this.#byControl.delete(link.control)
    this.#bySubscriber.delete(link.subscriber)
    this.#byPush.delete(link.push)
    if (this.#last === link) this.#last = undefined
    return true
  }

  // ---- by what a message says ----

  /** The link whose session's sixteen octets stand at `at`. */
  ofSession(buffer: Uint8Array, at: number): Link | undefined {
    const last = this.#last
    if (last !== undefined && sameBytes(last.session, buffer, at, at + 16)) return last
    const found = this.#bySession.get(buffer, at, at + 16)
    if (found !== undefined) this.#last = found
    return found
  }

  /** The link that a topic is private to. */
  ofPrivateTopic(topic: Uint8Array): Link | undefined {
    return topic.length > privatePrefixBytes ? this.#byPrefix.get(topic, 0, privatePrefixBytes) : undefined
  }

  ofPeer(id: Uint8Array): Link | undefined {
    return this.#byPeer.get(id)
  }

  /** Names are not unique; the oldest, `most` at most. */
  named(name: string, most: number = Number.POSITIVE_INFINITY): Link[] {
    const found: Link[] = []
    for (const link of this.#byName.get(name) ?? []) {
      if (found.length >= most) break
      found.push(link)
    }
    return found
  }

  // ---- by connection ----

  ofControl(connection: number): Link | undefined {
    return this.#byControl.get(connection)
  }

  ofSubscriber(connection: number): Link | undefined {
    return this.#bySubscriber.get(connection)
  }

  /** From now on this is its control connection. The one it had, 0 for none, is the caller's to close. */
  controlledBy(link: Link, connection: number): number {
    const before = link.control
    this.#byControl.delete(before)
    link.control = connection
    this.#byControl.set(connection, link)
    return before
  }

  /** From now on it pushes by this connection. */
  pushedBy(link: Link, connection: number): void {
    this.#byPush.delete(link.push)
    link.push = connection
    this.#byPush.set(connection, link)
  }

  /** From now on it subscribes by this connection. The one it had, 0 for none, is the caller's to close. */
  subscribedBy(link: Link, connection: number): number {
    const before = link.subscriber
    this.#bySubscriber.delete(before)
    link.subscriber = connection
    this.#bySubscriber.set(connection, link)
    return before
  }

  /** A control connection closed. The link that has none now, if any. */
  controlClosed(connection: number): Link | undefined {
    const link = this.#byControl.get(connection)
    this.#byControl.delete(connection)
    if (link?.control !== connection) return undefined
    link.control = 0
    return link
  }

  pushClosed(connection: number): void {
    const link = this.#byPush.get(connection)
    this.#byPush.delete(connection)
    if (link?.push === connection) link.push = 0
  }

  subscriberClosed(connection: number): void {
    const link = this.#bySubscriber.get(connection)
    this.#bySubscriber.delete(connection)
    if (link?.subscriber === connection) link.subscriber = 0
  }
}
