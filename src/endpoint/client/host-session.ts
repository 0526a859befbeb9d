/**
 * The session with the host: who it is, in which reign, and what lets this endpoint take the session up again. It writes
 * the JOIN, which says what is remembered here (L1, L7), and takes from the ACCEPT what counts from then on.
 */
import { equalBytes } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"
import { type EndpointId, endpointIdFromBytes } from "../../core/id.ts"
import type { Accept, ControlBody } from "../../message/control.ts"
import { topicBytesMax } from "../../message/topic.ts"
import type { Node } from "../node.ts"
import { directUpTopic, isPrivate } from "../private-topic.ts"
import { type RoomNumbers, sameRoom } from "../room.ts"
import type { TopicState } from "../topic-state.ts"
import type { ClientSideOptions } from "./client-options.ts"
import type { DownLeg } from "./down-leg.ts"
import type { JoinWay } from "./join-way.ts"
import type { UpBuffer } from "./up-buffer.ts"

export interface HostSessionOptions extends Pick<ClientSideOptions, "name" | "tree" | "token" | "idSecret" | "relay"> {
  readonly node: Node
  readonly up: Pick<UpBuffer, "session" | "first" | "last" | "firstSequences">
  readonly down: Pick<DownLeg, "link" | "incarnation">
}

const envelopeVersion = 1
/** What a host may say of its time, as its own options are held to. */
const heartbeatRange = [10, 60_000] as const
const heartbeatMissesRange = [1, 100] as const
const sessionKeepRange = [100, 86_400_000] as const
/** Hosts whose tickets are kept. */
const ticketsMax = 16
/** How long it takes before a host of another generation is asked again: the address may be that of our tree by then. */
const foreignWaitMs = 1000
/** Octets of own topics named in a JOIN: a host takes at most 2 MiB of control message. */
const memoryBytesMax = 1024 * 1024

export class HostSession {
  hostId: EndpointId | undefined
  hostName = ""
  heartbeatMs = 250
  heartbeatMisses = 3
  sessionKeepMs = 10_000
  readonly #o: HostSessionOptions
  /** JOINs said. */
  #joins = 0
  /** The session of our last link is worth taking up again. */
  #isResumable = false
  #ticket = new Uint8Array(0)
  /** Tickets of the last hosts, by the addresses they were dialled at. */
  readonly #tickets = new Map<string, Uint8Array>()
  #generation = new Uint8Array(0)
  #votes = false
  /** What the host knows of the room below. */
  #roomTold: RoomNumbers | undefined

  constructor(options: HostSessionOptions) {
    this.#o = options
  }

  get generation(): Uint8Array {
    return this.#generation
  }

  joinMessage(dialled: string, { redirects, settle, step }: JoinWay): ControlBody & { case: "join" } {
    const { node, up, down, relay } = this.#o
    // The session is a secret between us and the host it is of.
    const toOther = redirects > 0 || (step?.id !== undefined && this.hostId !== endpointIdFromBytes(step.id))
    const takeover = step?.takeover === undefined || redirects > 0 ? undefined : { deadId: step.takeover }
    const room = relay?.room()
    this.#roomTold = room
    return {
      case: "join",
      value: {
        versionMin: envelopeVersion,
        versionMax: envelopeVersion,
        tree: step?.id === undefined ? this.#o.tree : node.place.tree,
        generation: this.#generation,
        token: this.#o.token,
        endpointId: node.self.bytes,
        idSecret: this.#o.idSecret,
        name: this.#o.name,
        session: this.#isResumable && !toOther ? up.session : new Uint8Array(0),
        ticket: this.#tickets.get(dialled) ?? (toOther ? new Uint8Array(0) : this.#ticket),
        legFirst: BigInt(up.first),
        legLast: BigInt(up.last),
        memory: this.#memory(),
        epoch: node.epoch,
        link: down.link,
        incarnation: down.incarnation,
        relay: relay !== undefined,
        height: relay?.height() ?? 0,
        addresses: [...(relay?.addresses() ?? [])],
        redirects,
        settle,
        dialled,
        attach: ++this.#joins,
        ...(room === undefined ? {} : { room }),
        ...(takeover === undefined ? {} : { takeover }),
      },
    }
  }

  /** Where the numbers of our own topics begin, for a host that knows nothing of them. */
  #memory(): { topic: Uint8Array; first: bigint; acknowledged: bigint }[] {
    const { topics } = this.#o.node
    const memory: { topic: Uint8Array; first: bigint; acknowledged: bigint }[] = []
    const kept = this.#o.up.firstSequences()
    // Direct messages are numbered per target: those to a host that is no more say nothing of those to this one.
    kept.delete(topics.of(directUpTopic))
    let bytes = 0
    const remember = (topic: TopicState, first: number) => {
      bytes += topic.bytes.length + 24
      if (bytes <= memoryBytesMax)
        memory.push({ topic: topic.bytes, first: BigInt(first), acknowledged: BigInt(first - 1) })
    }
    // Those of which something will be sent again come first: for them it matters where their numbers begin.
    for (const [topic, first] of kept) remember(topic, first)
    for (const topic of topics.all) if (topic.sent > 0 && !kept.has(topic)) remember(topic, topic.sent + 1)
    return memory
  }

  /** What there is room for below, when the host does not know it; undefined when it does. */
  get newRoom(): RoomNumbers | undefined {
    const room = this.#o.relay?.room()
    return room !== undefined && !sameRoom(room, this.#roomTold) ? room : undefined
  }
  roomTold(room: RoomNumbers): void {
    this.#roomTold = room
  }

  /** We vote in that generation, whoever is its root. */
  voteIn(generation: Uint8Array): void {
    this.#generation = generation.slice()
    this.#votes = true
  }

  /** Throws `BadFrame` when nothing could be built on the ACCEPT, and `Refused` when its host cannot be above us. */
  check(accept: Accept): void {
    checkAccept(accept)
    const { node } = this.#o
    if (pathOf(accept).some(id => equalBytes(id, node.self.bytes)))
      throw new ZincError("Refused", "the host is below this endpoint: joining it would close a loop [Loop]", {
        retryable: true,
      })
    const isSameTree = equalBytes(this.#generation, accept.generation)
    if (!isSameTree && this.#generation.length > 0 && (node.epoch > 0 || this.#votes))
      throw new ZincError("Refused", `${accept.hostName} is of another generation of the tree [WrongTree]`, {
        retryable: true,
        retryAfterMs: foreignWaitMs,
      })
    if (isSameTree && accept.epoch < node.epoch)
      throw new ZincError(
        "Refused",
        `${accept.hostName} is in reign ${accept.epoch}, and this endpoint has heard of ${node.epoch} [Epoch]`,
        { retryable: true, retryAfterMs: 20 },
      )
  }

  /** What another host says of itself: it is not the one we had, or its tree has begun anew. */
  compare(accept: Accept): { readonly isOther: boolean; readonly newReign: boolean } {
    return {
      isOther: this.hostId !== undefined && this.hostId !== endpointIdFromBytes(accept.hostId),
      newReign: this.#generation.length > 0 && !equalBytes(this.#generation, accept.generation),
    }
  }

  /** The host dialled at that address has taken us. */
  accepted(accept: Accept, dialled: string): void {
    this.#isResumable = true
    this.#ticket = accept.ticket.slice()
    this.#keepTicket(dialled, this.#ticket)
    this.#generation = accept.generation.slice()
    this.hostId = endpointIdFromBytes(accept.hostId)
    this.hostName = accept.hostName
    this.heartbeatMs = held(accept.limits?.heartbeatMs || 250, heartbeatRange)
    this.heartbeatMisses = held(accept.limits?.heartbeatMisses || 3, heartbeatMissesRange)
    this.sessionKeepMs = held(accept.limits?.sessionKeepMs || 10_000, sessionKeepRange)
  }

  /** With it a host that takes us for somebody else of our id, or still has an older link of ours, lets us in. */
  #keepTicket(address: string, ticket: Uint8Array): void {
    this.#tickets.delete(address)
    this.#tickets.set(address, ticket)
    if (this.#tickets.size > ticketsMax) this.#tickets.delete(this.#tickets.keys().next().value as string)
  }

  /** Nothing is taken up again: the next link begins a new session. */
  forsake(): void {
    this.#isResumable = false
  }

  /** There is no host any more, and the reign is that one. */
  end(generation: Uint8Array): void {
    this.#generation = generation.slice()
    this.#isResumable = false
    this.hostId = undefined
    this.hostName = ""
    this.#ticket = new Uint8Array(0)
  }
}

function held(value: number, [least, most]: readonly [number, number]): number {
  return Math.min(most, Math.max(least, value))
}

/** Ids from the root to the host; one that says nothing of a path is itself the root. */
export function pathOf({ path, hostId }: Pick<Accept, "path" | "hostId">): readonly Uint8Array[] {
  return path.length === 0 ? [hostId] : path
}

function checkAccept({ session, hostId, incarnation, privatePrefix, path }: Accept): void {
  const sound =
    session.length === 16 &&
    hostId.length === 16 &&
    path.every(id => id.length === 16) &&
    incarnation !== 0 &&
    isPrivate(privatePrefix) &&
    privatePrefix.length <= topicBytesMax / 2 &&
    !privatePrefix.includes(0)
  if (!sound) throw new ZincError("BadFrame", "the host's ACCEPT is not one: it has no session, id or private prefix")
}
