/** What an endpoint offers the document layer (see document-port.ts). */
import type { Clock } from "../core/clock.ts"
import { ZincError } from "../core/errors.ts"
import type { EndpointId } from "../core/id.ts"
import type { Logger } from "../core/logger.ts"
import type { Random } from "../core/random.ts"
import { Kind } from "../message/header.ts"
import { encodeTopic, type TopicKind } from "../message/topic.ts"
import type { DirectMessages, Service } from "./direct-messages.ts"
import type { DocumentPort, Follow, FollowHandler, LinkChange, ReceivedFragment } from "./document-port.ts"
import type { Frame } from "./frame.ts"
import type { Node } from "./node.ts"
import { idOf } from "./received-message.ts"
import type { Origin, Receiver, TopicState } from "./topic-state.ts"

export interface EndpointDocumentPortOptions {
  readonly node: Node
  readonly direct: DirectMessages
  readonly isRoot: () => boolean
  readonly keeps: () => boolean
  readonly linked: () => boolean
  readonly host: () => EndpointId | undefined
  readonly follow: (receiver: Receiver) => Promise<void>
  readonly unfollow: (receiver: Receiver) => void
  readonly onRoom: (callback: () => void) => void
  readonly rooted: () => Promise<void>
  readonly outbound: () => boolean
  /** Whether the host's side lets that client read, or write, on the topic. */
  readonly allows: (from: EndpointId, way: "receive" | "send", topic: Uint8Array) => boolean
  readonly isRelay: (from: EndpointId) => boolean
  readonly reaches: (endpoint: EndpointId, from: EndpointId) => boolean
}

/** Octets of a request that are Zinc's own: raw. */
const rawCodec = 0

export class EndpointDocumentPort implements DocumentPort {
  readonly #o: EndpointDocumentPortOptions
  readonly #linkListeners = new Set<(change: LinkChange) => void>()
  readonly #goneListeners = new Set<(id: EndpointId) => void>()
  readonly #followers = new Set<FragmentReceiver>()

  constructor(options: EndpointDocumentPortOptions) {
    this.#o = options
  }

  get id(): EndpointId {
    return this.#o.node.id
  }
  get clock(): Clock {
    return this.#o.node.clock
  }
  get random(): Random {
    return this.#o.node.random
  }
  get logger(): Logger {
    return this.#o.node.logger
  }
  get isRoot(): boolean {
    return this.#o.isRoot()
  }
  get keeps(): boolean {
    return this.#o.keeps()
  }
  get linked(): boolean {
    return this.#o.linked()
  }

  get outbound(): boolean {
    return this.#o.outbound()
  }

  follow(kind: TopicKind, name: string, handler: FollowHandler): Follow {
    const receiver = new FragmentReceiver(encodeTopic(kind, name), handler, this.#o.node)
    this.#followers.add(receiver)
    this.#o.node.topics.addReceiver(receiver)
    this.#o.follow(receiver).catch(() => {})
    if (this.isRoot) this.clock.soon(() => this.#followers.has(receiver) && handler.onBaseline())
    return {
      close: () => {
        if (!this.#followers.delete(receiver)) return
        this.#o.node.topics.removeReceiver(receiver)
        this.#o.unfollow(receiver)
      },
    }
  }

  followOthers(kind: TopicKind, handler: (name: string, fragments: readonly ReceivedFragment[]) => void): Follow {
    const receiver = new StrayReceiver(kind, handler, this.#o.node)
    this.#o.node.topics.addReceiver(receiver)
    return { close: () => this.#o.node.topics.removeReceiver(receiver) }
  }

  publish(kind: TopicKind, name: string, fragment: Uint8Array, forOthers = false): boolean {
    if (!forOthers && !this.outbound) return false
    return this.#o.node.originate(this.#o.node.topics.of(encodeTopic(kind, name)), Kind.Fragment, rawCodec, fragment)
  }

  rooted(): Promise<void> {
    return this.#o.rooted()
  }

  onRoom(callback: () => void): void {
    this.#o.onRoom(callback)
  }

  ask(
    topic: string,
    payload: Uint8Array,
    options: { readonly deadlineMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    const host = this.#o.host()
    if (host === undefined || !this.linked) {
      return Promise.reject(
        new ZincError("PeerLost", `"${topic}" cannot be asked: no link to a host now`, { retryable: true }),
      )
    }
    return this.#o.direct.request(host, topic, rawCodec, payload, {
      deadlineMs: options.deadlineMs ?? 5000,
      signal: options.signal,
      raw: true,
    }) as Promise<Uint8Array>
  }

  answer(topic: string, handler: Service): () => void {
    return this.#o.direct.addService(topic, handler)
  }

  allows(from: EndpointId, way: "receive" | "send", kind: TopicKind, name: string): boolean {
    return this.#o.allows(from, way, encodeTopic(kind, name))
  }

  isRelay(from: EndpointId): boolean {
    return this.#o.isRelay(from)
  }

  reaches(endpoint: EndpointId, from: EndpointId): boolean {
    return this.#o.reaches(endpoint, from)
  }

  onGone(listener: (id: EndpointId) => void): () => void {
    this.#goneListeners.add(listener)
    return () => this.#goneListeners.delete(listener)
  }

  peerGone(id: EndpointId): void {
    for (const listener of [...this.#goneListeners]) listener(id)
  }

  onLink(listener: (change: LinkChange) => void): () => void {
    this.#linkListeners.add(listener)
    return () => this.#linkListeners.delete(listener)
  }

  linkChanged(change: LinkChange): void {
    for (const listener of [...this.#linkListeners]) listener(change)
  }

  closed(): void {
    this.#linkListeners.clear()
    this.#goneListeners.clear()
    this.#followers.clear()
  }
}

/** Gathers the fragments of one arrival. */
class FragmentReceiver implements Receiver {
  readonly prefixes: readonly Uint8Array[]
  readonly #handler: FollowHandler
  readonly #node: Node
  #gathered: ReceivedFragment[] = []

  constructor(prefix: Uint8Array, handler: FollowHandler, node: Node) {
    this.prefixes = [prefix]
    this.#handler = handler
    this.#node = node
  }

  take(_topic: TopicState, frame: Frame, origin: Origin, sequence: number): void {
    if (this.#gathered.length === 0) this.#node.atBatchEnd(this)
    this.#gathered.push({ origin: idOf(origin), sequence, payload: frame.payload() })
  }

  batchEnded(): void {
    const fragments = this.#gathered
    this.#gathered = []
    if (fragments.length > 0) this.#handler.onFragments(fragments)
  }

  lost(): void {
    this.#handler.onGap()
  }
  baseline(): void {
    this.#handler.onBaseline()
  }
  refused(reason: string): void {
    this.#handler.onRefused(reason)
  }
}

/** Gathers what comes on topics of a kind that no other receiver takes. */
class StrayReceiver implements Receiver {
  readonly prefixes: readonly Uint8Array[]
  readonly #handler: (name: string, fragments: readonly ReceivedFragment[]) => void
  readonly #node: Node
  readonly #gathered = new Map<string, ReceivedFragment[]>()

  constructor(kind: TopicKind, handler: (name: string, fragments: readonly ReceivedFragment[]) => void, node: Node) {
    this.prefixes = [Uint8Array.of(kind)]
    this.#handler = handler
    this.#node = node
  }

  take(topic: TopicState, frame: Frame, origin: Origin, sequence: number): void {
    if (topic.receivers.length > 1) return
    if (this.#gathered.size === 0) this.#node.atBatchEnd(this)
    const fragment = { origin: idOf(origin), sequence, payload: frame.payload() }
    const others = this.#gathered.get(topic.name)
    if (others === undefined) this.#gathered.set(topic.name, [fragment])
    else others.push(fragment)
  }

  batchEnded(): void {
    const gathered = [...this.#gathered]
    this.#gathered.clear()
    for (const [name, fragments] of gathered) this.#handler(name, fragments)
  }
}
