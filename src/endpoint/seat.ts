/**
 * The place of a voter in its tree: root, or relay below the root. Whoever runs the votes says which (src/cluster); the
 * seat has both sides of the endpoint follow. Its clients notice a longer or shorter path, and no more.
 */

import { sleep, type Timer } from "../core/clock.ts"
import { type Deferred, deferred } from "../core/deferred.ts"
import { ZincError } from "../core/errors.ts"
import type { CloseReason } from "../core/lifecycle.ts"
import { TopicKind } from "../message/topic.ts"
import type { EndpointRole } from "./api.ts"
import type { Authority, Inheritance } from "./authority.ts"
import type { ClientSide } from "./client-side.ts"
import { Crown } from "./crown.ts"
import type { Heir } from "./host/drain.ts"
import type { VoterReception } from "./host/voter-gate.ts"
import type { HostSide } from "./host-side.ts"
import { LateDirects } from "./late-directs.ts"
import type { Candidate } from "./lineage.ts"
import type { Node } from "./node.ts"

export interface SeatOptions {
  readonly node: Node
  readonly client: ClientSide
  readonly host: HostSide
  readonly closed: Promise<CloseReason>
  /** It has become the root, or is the root no more. */
  readonly onRole: (role: "host" | "relay") => void
}

export interface ReignOptions {
  readonly authority: Authority
  readonly inheritance: Inheritance
  readonly tree: string
  /** Sixteen octets. */
  readonly generation: Uint8Array
  /** Whom those below shall ask when this root is gone. */
  readonly voters: readonly Candidate[]
  /** When a numbered message is passed on: at once, or when a majority of the voters has stored it. */
  readonly deliver: "ordered" | "majority"
  readonly reason: string
}

/** How often a voter looks whether its part of the tree has a root, and how long one may be missing: in which sends wait. */
const watchMs = 50
const unsoundMs = 2000
/** How often it is looked whether a voter has its place again. */
const placedLookMs = 2

export class Seat {
  readonly #o: SeatOptions
  #role: EndpointRole = "relay"
  #crown: Crown | undefined
  #directs: LateDirects | undefined
  readonly #watch: Timer
  /** For how many looks on end its part of the tree has had no root with authority: looks, so that a stalled loop counts once. */
  #unsound = 0
  readonly #seated: Deferred<void> = deferred()

  constructor(options: SeatOptions) {
    this.#o = options
    this.#seated.promise.catch(() => {})
    this.#watch = options.node.clock.every(watchMs, () => this.#look())
    // Whoever comes over from a lost host finds here what it missed of any ordered topic.
    for (const kind of [TopicKind.Ordered, TopicKind.Sequenced])
      options.client.want(Uint8Array.of(kind)).catch(() => {})
    void options.closed.then(({ error }) =>
      this.#seated.reject(error ?? new ZincError("Closed", "the endpoint was closed before it was part of a tree")),
    )
  }

  /** Resolves when the endpoint is part of its tree for the first time: root, or joined below it. Rejects when it closes, or with `Aborted`. */
  seated(signal?: AbortSignal): Promise<void> {
    const abort = () =>
      this.#seated.reject(
        new ZincError("Aborted", "the opening was aborted before there was a root", { cause: signal?.reason }),
      )
    if (signal?.aborted) abort()
    else signal?.addEventListener("abort", abort, { once: true })
    return this.#seated.promise
  }
  /** Resolves when it is root or linked below it, as it may not be for a moment after the root has changed; or after that time. */
  async placed(withinMs: number): Promise<void> {
    const { node, client } = this.#o
    const until = node.clock.now() + withinMs
    while (this.#crown === undefined && !client.linked && node.clock.now() < until)
      await sleep(node.clock, placedLookMs)
  }
  /** At a root that will give its reign away: those below go to the heir, and lose nothing. Resolves when they have, or after that time. */
  drainTo(heir: Heir, withinMs: number): Promise<void> {
    return this.#o.host.drainTo(heir, withinMs)
  }
  /** Whether one of its clients is that voter. */
  hosts(heir: Heir): boolean {
    return this.#o.host.hosts(heir)
  }
  /** The link to the host above stands. */
  linked(): void {
    this.#seated.resolve()
  }

  /** Who hears the voters that call at the endpoint's addresses. */
  receiveVoters(reception: VoterReception | undefined): void {
    this.#o.host.receiveVoters(reception)
  }

  /** Somebody who wants to vote was refused here. */
  refusedVoter(name: string, code: string, reason: string): void {
    this.#o.node.events.emit({ type: "refused", name, code, reason })
  }

  /** It votes no more, and reigns no more. */
  storageFailed(error: ZincError): void {
    this.detach(error.message)
    this.#o.node.events.emit({ type: "storageFailed", error })
  }

  get role(): EndpointRole {
    return this.#role
  }
  /** Root, and its lease holds. Without it ordered topics are read-only. */
  get hasAuthority(): boolean {
    return this.#crown?.hasAuthority ?? false
  }
  get epoch(): number {
    return this.#o.node.epoch
  }

  /** This endpoint is the root from now on. */
  reign({ authority, inheritance, tree, generation, voters, deliver, reason }: ReignOptions): void {
    const { node, client, host } = this.#o
    this.#end()
    const from = this.#role
    node.epoch = authority.epoch
    this.voters(voters)
    const directs = new LateDirects({
      clock: node.clock,
      send: (target, header, payload) => host.sendDirect(target, header, payload),
      undeliverable: news => client.undeliverable(news),
    })
    const crown = new Crown({
      node,
      authority,
      deliver,
      onRooted: through => client.crownRooted(through),
      onRoom: () => client.pump(),
      onDirect: (header, payload) => directs.take(header, payload),
    })
    this.#crown = crown
    this.#directs = directs
    this.#role = "host"
    client.crowned(crown, generation)
    crown.inherit(inheritance)
    node.place.crowned(tree, generation)
    node.place.setReadOnly(false)
    client.beginReign()
    this.#o.onRole("host")
    node.events.emit({ type: "role", from, to: "host", epoch: authority.epoch, reason })
    this.#seated.resolve()
  }

  /** At the root: the voters are these now. */
  voters(voters: readonly Candidate[]): void {
    this.#o.node.lineage.learn({ ancestors: [], succession: [], voters }, "")
  }

  /** A majority of the voters has stored the log up to that entry. */
  committed(through: number): void {
    this.#crown?.committed(through)
  }

  /** This endpoint reigns no more, and who does is not known. Its clients stay, and wait. */
  detach(reason: string): void {
    if (this.#crown === undefined) return
    const { node, client } = this.#o
    this.#end()
    client.uncrowned()
    this.#role = "relay"
    this.#o.onRole("relay")
    node.events.emit({ type: "role", from: "host", to: "relay", epoch: node.epoch, reason })
  }

  /** The root of that generation of the tree, sixteen octets, is another, at one of these addresses. */
  follow(addresses: readonly string[], generation: Uint8Array, reason: string): void {
    this.detach(reason)
    this.#o.client.seek(addresses, generation)
  }

  end(): void {
    this.#watch.cancel()
    this.#end()
  }

  /** R6: the top of a part without a majority of the voters orders nothing, and says so to those below. */
  #look(): void {
    const { node, client } = this.#o
    const isSound = this.#crown?.hasAuthority ?? client.linked
    this.#unsound = isSound ? 0 : this.#unsound + 1
    if (this.#unsound * watchMs >= unsoundMs && node.rules.minority) node.place.setReadOnly(true)
    // A relay below another root hears from there how things are.
    else if (isSound && this.#crown !== undefined) node.place.setReadOnly(false)
  }

  #end(): void {
    this.#crown?.end()
    this.#directs?.end()
    this.#crown = undefined
    this.#directs = undefined
  }
}
