/** A host's record of one client: its session, its three connections, what has come and what it is owed. */
import type { ControlBody } from "../../message/control.ts"
import { encodePattern, patternTakesIn, TopicKind } from "../../message/topic.ts"
import type { PeerInfo } from "../api.ts"
import type { Grants } from "../authenticator.ts"
import { isPrivate, markTopic } from "../private-topic.ts"
import { idOf } from "../received-message.ts"
import type { Range } from "../repair-range.ts"
import type { Origin, TopicState } from "../topic-state.ts"
import { Notices } from "./notices.ts"
import { PendingSyncs } from "./pending-syncs.ts"
import type { RelayRoom } from "./relay-room.ts"

/** Sends a control message to that client; false when it could not. `after` is the publish number it follows. */
export type Tell = (link: Link, body: ControlBody, after?: number) => boolean
/** Sends that client the notices that have not gone out. */
export type Notify = (link: Link) => void
/** Ends that client's session for good; nothing happens if it has ended. */
export type EndLink = (link: Link, code: string, reason: string) => void

/** What was told of an up leg, and when. */
export interface Told {
  received: number
  rooted: number
  at: number
  inARow: number
  dueAt: number | undefined
}

export class Link {
  /** Public; never used again by this host. */
  readonly id: number
  /** Secret; on up legs only. */
  readonly session: Uint8Array
  readonly ticket: Uint8Array
  readonly peer: Origin
  readonly name: string
  readonly relay: boolean
  readonly prefix: Uint8Array
  readonly directTopic: TopicState
  /** Of a relay: what there is room for below it. */
  readonly room: RelayRoom | undefined
  remote = ""
  /** The address it dialled. */
  dialled = ""
  /** When this link was made. */
  since = 0
  /** When it was last asked to join another host. */
  askedToMoveAt: number = Number.NEGATIVE_INFINITY
  /** Since when it is to have its clients join other hosts, for it does not keep up. */
  sendsAwaySince: number | undefined
  /** How often it has asked a host to take it, with the JOIN that made this link or took it up again. */
  attach = 0
  /** Where that stands among what relays told of it (`Members`). */
  adoptedAt = 0
  /** Connection numbers; 0 for none. */
  control = 0
  push = 0
  subscriber = 0
  /** Last leg number received. */
  received = 0
  /** Last leg number of which the root has everything up to it (L7). */
  rooted = 0
  /** There was no room above for what it sent: from there on it is to send again. */
  stalled = false
  /** Its next SYNC names all that it wants. */
  isFresh = true
  /** SYNCs of it that wait for the host above. */
  awaited = 0
  /** Baselines it is owed. */
  readonly syncs: PendingSyncs = new PendingSyncs()
  /** What it must hear of frames that went no further. */
  readonly notices: Notices = new Notices()
  /** Topics on which it sent without leave, and was told so. */
  readonly denied: WeakSet<TopicState> = new WeakSet()
  heardAt = 0
  /** Undefined while its control connection is up. */
  awaySince: number | undefined
  /** It was accepted, and has not had a baseline since: it is not in yet (L2). */
  joining: { readonly resumed: boolean } | undefined
  /** Its `joined` was told, and no `left` since. */
  joined = false
  /** Silent for several heartbeats, but connected. */
  silent = false
  /** It has shown that it got our ACCEPT. Until then its id may be claimed again: that ACCEPT may be lost. */
  confirmed = false
  /** The leg numbers last told to it, when that was, and how many times since a quiet while; when it is due to be told next. */
  readonly acknowledged: Told = { received: 0, rooted: 0, at: Number.NEGATIVE_INFINITY, inARow: 0, dueAt: undefined }
  /** When a resend was last asked for. */
  resendAskedAt: number = Number.NEGATIVE_INFINITY
  /** The last mark it reported. */
  mark = 0
  /** When it first had a baseline; lag counts from there. */
  baselineAt: number | undefined
  /** The last of its direct messages that it must have, and those that the last heartbeats spoke of. */
  directSure = 0
  readonly directTold: number[] = []
  heartbeatAt = 0
  heartbeatCount = 0
  roundTripMs: number | undefined
  /** Frames up to here were dropped for this link by its slow policy: a repair of them answers "lost". */
  droppedThrough = 0
  slowWarnedAt: number = Number.NEGATIVE_INFINITY
  /** What answering it has cost since the last heartbeat, and its repair requests that wait for the next. */
  steps = 0
  readonly repairs: { readonly id: number; readonly ranges: readonly Range[] }[] = []
  /** It said that it had sent more than came, and is looked at again soon. */
  tailWatched = false
  /** It said goodbye. */
  leaving = false
  readonly #receive: readonly Uint8Array[] | undefined
  readonly #send: readonly Uint8Array[] | undefined
  readonly #sendAllowed = new WeakMap<TopicState, boolean>()

  constructor(options: {
    readonly id: number
    readonly session: Uint8Array
    readonly ticket: Uint8Array
    readonly peer: Origin
    readonly name: string
    readonly relay: boolean
    readonly prefix: Uint8Array
    readonly directTopic: TopicState
    readonly room?: RelayRoom | undefined
    readonly grants: Grants | undefined
  }) {
    this.id = options.id
    this.session = options.session
    this.ticket = options.ticket
    this.peer = options.peer
    this.name = options.name
    this.relay = options.relay
    this.prefix = options.prefix
    this.directTopic = options.directTopic
    this.room = options.room
    this.#receive = patterns(options.grants?.receive)
    this.#send = patterns(options.grants?.send)
  }

  info(now: number, lagMs: number | undefined): PeerInfo {
    void now
    return {
      id: idOf(this.peer),
      name: this.name,
      role: "client",
      remote: this.remote,
      state: this.awaySince !== undefined ? "away" : this.silent ? "degraded" : "up",
      lagMs,
      roundTripMs: this.roundTripMs === undefined ? undefined : Math.round(this.roundTripMs * 1000) / 1000,
    }
  }

  /** Whether it may follow what the prefix takes in. */
  mayReceive(prefix: Uint8Array): boolean {
    if (prefix.length === 0) return false
    if (isPrivate(prefix)) return patternTakesIn(this.prefix, prefix)
    if (prefix[0] === TopicKind.System) return patternTakesIn(markTopic, prefix)
    return this.#receive === undefined || this.#receive.some(granted => patternTakesIn(granted, prefix))
  }

  maySend(topic: TopicState): boolean {
    // Who is present, and how far things are, is the host's to tell.
    if (topic.kind === TopicKind.Presence || topic.kind === TopicKind.System) return false
    if (this.#send === undefined) return true
    let allowed = this.#sendAllowed.get(topic)
    if (allowed === undefined) {
      allowed = this.#send.some(granted => patternTakesIn(granted, topic.bytes))
      this.#sendAllowed.set(topic, allowed)
    }
    return allowed
  }
}

/** A grant is by name and holds for every kind of topic. */
function patterns(names: readonly string[] | undefined): Uint8Array[] | undefined {
  if (names === undefined) return undefined
  const kinds = [TopicKind.Nearest, TopicKind.Ordered, TopicKind.Document, TopicKind.Sequenced, TopicKind.Presence]
  return names.flatMap(name => kinds.map(kind => encodePattern(kind, name)))
}
