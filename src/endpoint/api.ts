/**
 * What an endpoint offers, in types only. `MessageEndpoint` (message-endpoint.ts) implements it; the front door's
 * `Endpoint` adds documents. Everything that sits above endpoints is written against these.
 */
import type { Clock } from "../core/clock.ts"
import type { ErrorCode, ZincError } from "../core/errors.ts"
import type { EndpointId } from "../core/id.ts"
import type { CloseReason, State } from "../core/lifecycle.ts"
import type { Logger } from "../core/logger.ts"
import type { Random } from "../core/random.ts"
import type { Codec } from "../message/codec.ts"
import type { Route } from "../message/topic.ts"
import type { QueueLimits, Transport } from "../transport/transport.ts"
import type { Authenticator } from "./authenticator.ts"
import type { Roster } from "./roster/roster-view.ts"

export type { Roster, RosterChange, RosterEntry } from "./roster/roster-view.ts"
export type { Rates } from "./roster/traffic.ts"

// ---- opening ----

export interface EndpointOptions {
  /** For people and for direct messages by name; 1–64 octets of UTF-8. Default: the first eight digits of the id. */
  readonly name?: string
  /** The front door's default: `new ZmtpTransport()`. */
  readonly transport?: Transport
  /** How values are encoded unless a topic or message says otherwise: a known name or a codec. Default "json". */
  readonly codec?: CodecName | Codec
  /** Codecs of the user's own, by their numbers 128–255. Every endpoint that reads them needs them. */
  readonly codecs?: readonly Codec[]
  /** Codecs by topic name or pattern; what a topic declares counts before `codec`. Needed for Protocol Buffers schemas. */
  readonly topicCodecs?: Readonly<Record<string, CodecName | Codec>>
  /** What is kept of own sent frames until the root has them. Default 10,000 messages and 16 MiB; then `send` is false. */
  readonly sendWindow?: QueueLimits
  /** Largest payload sent or accepted, in octets. Default 16 MiB. */
  readonly maxPayloadBytes?: number
  /**
   * How often it tells the tree how it fares, at most; 0: never, and as a relay nothing of those below either. An idle
   * one tells every ten times that. Default 1,000.
   */
  readonly statusMs?: number
  /** Default: the machine's. A simulated one lets tests advance time. */
  readonly clock?: Clock
  /** Default: the machine's. */
  readonly random?: Random
  /**
   * Where the endpoint says what happens to it. Default: silent, but errors that nobody else hears of, such as a handler
   * that throws while nobody listens for `handlerFailed`, become process warnings.
   */
  readonly logger?: Logger
  /** Ends the opening. */
  readonly signal?: AbortSignal
}

export type CodecName = "raw" | "json" | "msgpack"

export interface HostOptions extends EndpointOptions, HostingOptions {
  /** Where to listen: one or more addresses, such as "tcp://*:7700", "ipc:///run/zinc.sock". */
  readonly listen: string | readonly string[]
  /** Name of the tree; a joiner that asks for another is refused. Default "zinc". */
  readonly tree?: string
}

/** How an endpoint hosts its cluster, at the root of a tree or as a relay. */
export interface HostingOptions {
  /** Decides who may join, and what they may do. Default: everyone, everything. */
  readonly authenticator?: Authenticator
  /** Accepts that a transport without `supports.subscriberIdentity` cannot keep strangers from subscribing (L3). */
  readonly unguarded?: boolean
  /** Most clients; more are refused with `Full`. Default 10,000. */
  readonly maxClients?: number
  /**
   * Clients taken before others are sent on to relays below that have room, while there are such relays; at most
   * `maxClients`. Default 32.
   */
  readonly fanOut?: number
  /** Most links from the root to an endpoint in this host's part of the tree, 1 to 8; joins that would go deeper are refused. Default 8. */
  readonly maxDepth?: number
  /** Time between heartbeats. Default 250. */
  readonly heartbeatMs?: number
  /** Heartbeats without an answer until a peer is dead. Default 3. */
  readonly heartbeatMisses?: number
  /** How long a session without a connection is kept. Default 10,000. */
  readonly sessionKeepMs?: number
  /** What is kept of published frames for repair. Default 16 MiB and 65,536 messages. */
  readonly replay?: QueueLimits
  /** What to do with subscribers that fall behind. */
  readonly slow?: SlowOptions
}

export interface JoinOptions extends EndpointOptions, HostingOptions {
  /**
   * Where to listen for clients of its own: one or more addresses. Such an endpoint is a relay: a client above and a host
   * below. Default: none. The options of hosting count only with it.
   */
  readonly listen?: string | readonly string[]
  /** For the host's authenticator. */
  readonly token?: string | Uint8Array
  /** The tree to join; another is refused. Default: whichever the host is in. */
  readonly tree?: string
  /** How to come back after the host is lost. `false`: close instead. */
  readonly reconnect?: ReconnectOptions | false
  /** How long one attempt to join may take, dialling included. Default 5,000. */
  readonly joinTimeoutMs?: number
}

/** Full jitter: each wait is drawn from [0, min(maxMs, minMs × 2ⁿ)). */
export interface ReconnectOptions {
  /** Default 100. */
  readonly minMs?: number
  /** Default 5,000. */
  readonly maxMs?: number
}

/** DESIGN §11. Whichever limit is passed first counts. */
export interface SlowOptions {
  /** Queue of one subscriber at the host. Default 10,000 messages, 32 MiB. */
  readonly hwm?: QueueLimits
  /** Age, by the host's clock, of the oldest mark the subscriber has not reported. Default 10,000; 0 for no limit. */
  readonly maxLagMs?: number
  /** Default "disconnect". */
  readonly policy?: SlowPolicy
  /** For "conflate": the key of a message; the last of each key is kept. Default: its topic. */
  readonly key?: (topic: string, payload: Uint8Array) => string
}
/**
 * - "disconnect": the suicidal snail: it is told SLOW, stops itself, and rejoins by itself with a fresh baseline
 * - "die": as above, but it closes for good
 * - "conflate": it gets the latest per key when it has caught up
 * - "dropOldest": it gets the newest, and a gap event
 * - "warn": only events
 */
export type SlowPolicy = "disconnect" | "die" | "conflate" | "dropOldest" | "warn"

// ---- messages ----

/** What a handler gets. The payload's octets are a view: copy them if you keep them beyond the handler. */
export interface Message {
  /** The topic's name, without kind or terminator. */
  readonly topic: string
  /** "nearest" or "ordered", as it was sent. */
  readonly route: Route
  /** Who sent it: an id. Names are for people and may repeat; put one into the value if the receiver shall show it. */
  readonly origin: EndpointId
  /** The origin's number on this topic, from 1. */
  readonly sequence: number
  /** On ordered topics the root's number, else undefined. */
  readonly order: { readonly epoch: number; readonly number: number } | undefined
  /** Whether it was sent to this endpoint alone. */
  readonly direct: boolean
  /** Number of the codec it was sent in: 0 raw, 1 JSON, 2 MessagePack, 3 Protocol Buffers, from 128 your own. */
  readonly codec: number
  /** The encoded value. */
  readonly payload: Uint8Array
  /** Decodes the payload by its codec, once. Throws `BadPayload`. */
  readonly value: unknown
  /** For requests: aborted when the requester cancels, is lost, or its deadline passes. */
  readonly signal: AbortSignal | undefined
}

/** User code. For a request, what it returns (or resolves to) is the reply. */
export type MessageHandler = (message: Message) => unknown

/** A handler that is a module: its default export (or `export`) runs in a pool of worker threads. */
export interface HandlerModule {
  /** A file URL or absolute path of an ES module. */
  readonly module: string | URL
  /** Name of the exported function. Default "default". It gets a plain copy of the message: `WorkerMessage`. */
  readonly export?: string
  /** Worker threads. Default: the number of cores less one, at least one. */
  readonly threads?: number
}

/** What a handler module's function gets. */
export interface WorkerMessage {
  readonly topic: string
  readonly origin: EndpointId
  readonly sequence: number
  readonly payload: Uint8Array
  readonly value: unknown
}

export interface HandleOptions {
  /** Only topics of that route; default both. */
  readonly route?: Route
  /** What must stay in order: all of a topic, all with the same key, or nothing. Default "topic". */
  readonly order?: "topic" | "none" | ((message: Message) => string)
  /** Most calls under way at once, over all keys. Default 1 for "topic" per topic, else 16. */
  readonly concurrency?: number
  /** Messages that wait for this handler. Default 10,000; when full the policy acts, by default "dropNewest"; a request dropped so fails with `Full`. */
  readonly mailbox?: { readonly messages?: number; readonly whenFull?: "dropOldest" | "dropNewest" }
  /** Times a failed message is tried again while it holds its key. Default 0. */
  readonly retries?: number
}

/** What `handle` returns. */
export interface Handling extends AsyncDisposable {
  /** The host knows of the subscription and everything from now on comes (L2). Rejects with `Refused` if it is not allowed. */
  readonly ready: Promise<void>
  /** Stops; messages already taken are finished. Idempotent. */
  close(): Promise<void>
}

export interface SendOptions {
  /** Default "nearest": the shortest way. "ordered": the root numbers it, and everyone sees one order. */
  readonly route?: Route
  /** Default: what the topic declares, else the endpoint's. */
  readonly codec?: CodecName | Codec
}

/**
 * Who has it when the promise resolves (DESIGN D5): the nearest host; the root; or, for ordered messages in a tree with
 * voters, a majority of these, so that no promotion loses it.
 */
export type AckTier = "received" | "rooted" | "replicated"

export interface AckOptions extends SendOptions {
  readonly ack: AckTier
  /** Ends the waiting, with `Aborted`; the message may have gone out. */
  readonly signal?: AbortSignal
}

export interface RequestOptions {
  /** Of the question. Default: what the topic declares, else the endpoint's. */
  readonly codec?: CodecName | Codec
  /** Default 5,000. */
  readonly deadlineMs?: number
  /** Cancels: the handler's signal aborts and the promise rejects with `Aborted`. */
  readonly signal?: AbortSignal
}

/** An id, a name, or one of several holders of a name. */
export type Target = EndpointId | string | { readonly any: string }

// ---- peers and events ----

/** The root of a tree, a host that has one above itself, or a leaf. */
export type EndpointRole = "host" | "relay" | "client"

export interface PeerInfo {
  readonly id: EndpointId
  readonly name: string
  readonly role: "host" | "client"
  /** Where it was seen, for people. */
  readonly remote: string
  readonly state: "up" | "degraded" | "away"
  /** Age of the oldest mark not yet reported, in milliseconds; hosts only. */
  readonly lagMs: number | undefined
  /** Round trip of the last answered heartbeat, in milliseconds, as the host measured it; undefined before that. */
  readonly roundTripMs: number | undefined
}

/** Somebody below a host, at any depth. */
export interface MemberInfo {
  readonly id: EndpointId
  readonly name: string
  /** The host it is a client of. */
  readonly host: EndpointId
}

export type EndpointEvent =
  /** A client joined this host and has its baseline, or this client joined its host. `resumed`: its session went on. */
  | { readonly type: "joined"; readonly peer: PeerInfo; readonly resumed: boolean }
  /** A client that had joined left this host, or this client lost its host (it may come back). */
  | { readonly type: "left"; readonly peer: PeerInfo; readonly code: string; readonly reason: string }
  /** Somebody joined, or left for good, a relay below this host. Its own clients are told of by `joined` and `left`. */
  | { readonly type: "arrived"; readonly member: MemberInfo }
  | { readonly type: "departed"; readonly member: MemberInfo }
  /** A join was refused, at this host; or a voter with a copy of another voter's folder, with the code `Duplicate`. */
  | { readonly type: "refused"; readonly name: string; readonly code: string; readonly reason: string }
  /** A joiner was sent on to one of these addresses, at the host that did so. */
  | { readonly type: "redirected"; readonly name: string; readonly to: readonly string[] }
  /** This endpoint, and all below it, hangs at another host of the tree than before; `reason` says why it left the other. */
  | { readonly type: "moved"; readonly from: EndpointId; readonly to: EndpointId; readonly reason: string }
  /** The way from the root to this endpoint is another; `reason` says where it changed: at this endpoint, or further up. */
  | { readonly type: "path"; readonly path: readonly EndpointId[]; readonly reason: string }
  /** The host this client came back to has no memory of before: another incarnation, or another tree generation. */
  | { readonly type: "regenerated"; readonly host: EndpointId }
  /**
   * Frames of a topic are lost for good, for this receiver; of direct messages the topic is "~to". `origin` is absent when
   * it is not known whose.
   */
  | {
      readonly type: "gap"
      readonly topic: string
      readonly origin: EndpointId | undefined
      readonly from: number
      readonly through: number
      readonly reason: GapReason
    }
  /**
   * Messages of an ordered topic that were heard are not part of its order: the root that numbered them was lost before a
   * majority of the voters had them. What takes these numbers comes anew, the same messages or others.
   */
  | {
      readonly type: "diverged"
      readonly topic: string
      /** The reign in which the numbers are given anew. */
      readonly epoch: number
      readonly from: number
      readonly through: number
    }
  /** A voter of the tree became its root, or is root no more (R1 to R7). `host` is the role of a root. */
  | {
      readonly type: "role"
      readonly from: EndpointRole
      readonly to: EndpointRole
      readonly epoch: number
      readonly reason: string
    }
  /**
   * Whether ordered topics refuse what is sent here (`NoAuthority`), because the top of this part of the tree reaches no
   * majority of the tree's voters (R6). Told at every endpoint of that part some two seconds after, and when it is over.
   */
  | { readonly type: "readOnly"; readonly isReadOnly: boolean; readonly reason: string }
  /** A voter can keep its votes no longer (a full disk, a folder that was removed): it votes no more, and is no root. */
  | { readonly type: "storageFailed"; readonly error: ZincError }
  /** A subscriber falls behind, at its host; `acted` is the policy when it was applied. */
  | {
      readonly type: "slow"
      readonly peer: PeerInfo
      readonly lagMs: number
      readonly waiting: { readonly messages: number; readonly bytes: number }
      readonly acted: SlowPolicy
    }
  /** This client was told that it is too slow. */
  | { readonly type: "tooSlow"; readonly lagMs: number; readonly policy: SlowPolicy }
  /** A handler threw. */
  | { readonly type: "handlerFailed"; readonly topic: string; readonly error: unknown; readonly attempt: number }
  /** A mailbox was full and its policy dropped a message. */
  | { readonly type: "mailboxFull"; readonly topic: string; readonly dropped: number }
  /** The host does not let this client send on the topic: what it sends there goes nowhere. Once per topic and session. */
  | { readonly type: "denied"; readonly topic: string; readonly code: ErrorCode; readonly reason: string }
  /** A direct message or request of yours had nobody to go to. */
  | { readonly type: "undeliverable"; readonly target: EndpointId; readonly code: ErrorCode }
  /** Bytes of a peer broke the protocol; its connection was closed or the frame dropped. */
  | { readonly type: "violation"; readonly from: string; readonly error: ZincError }

/** "lost": no host has it any more. "slow": the host gave up on it for a subscriber that fell behind. */
export type GapReason = "lost" | "slow"

/** Counters since opening; all whole numbers. */
export interface EndpointStatistics {
  /** Frames of its own: messages, fragments of documents, requests and replies. */
  readonly sent: number
  /** Frames that came from its host and its clients, duplicates included. */
  readonly received: number
  /** Frames given to what here follows their topic, or meant for this endpoint. */
  readonly delivered: number
  /** Frames that had come before, and were dropped. */
  readonly duplicates: number
  /** Times that something was lost for good: of messages each is told by a `gap`; documents mend theirs. */
  readonly gaps: number
  /** Frames that came by a repair. */
  readonly repaired: number
  /** Frames sent up again, after a link was lost or because they did not arrive. */
  readonly resent: number
  /** Frames that came early and waited for those before them. */
  readonly parked: number
  /** Frames and subscriptions of sessions that this host does not know, or that are over. */
  readonly deadSession: number
  /** Times that a peer broke the protocol. */
  readonly violations: number
  /** Clients that joined here, and own joins. */
  readonly joins: number
  /** Times that it came back to a host. */
  readonly reconnects: number
}

/** The surface of an endpoint that messaging needs. */
export interface MessagingSurface extends AsyncDisposable {
  readonly id: EndpointId
  readonly name: string
  /** A relay is a client above and a host below. */
  readonly role: EndpointRole
  readonly state: State
  readonly closed: Promise<CloseReason>
  /** What others may dial to reach this host; empty for a client. */
  readonly addresses: readonly string[]
  /** At a host its clients, at a client its host, at a relay both; `roster` sees everyone. */
  readonly peers: readonly PeerInfo[]
  /** All below this endpoint, at any depth; empty for a client. The root knows of everyone. */
  readonly members: readonly MemberInfo[]
  /**
   * Who is in the tree and how each fares, kept up to date until it is closed. The root knows by itself; elsewhere the
   * tree is told to this endpoint while a roster is open. Throws `Closed`.
   */
  roster(): Roster
  /** Ids from the root of the tree to this endpoint, both included. */
  readonly path: readonly EndpointId[]
  /** This part of the tree reaches no majority of its voters: ordered topics refuse what is sent. The event `readOnly` tells of changes. */
  readonly isReadOnly: boolean
  readonly statistics: EndpointStatistics

  /** Calls the handler for messages on the topic, or on all that begin alike for a name ending in `*`. Throws `BadTopic`. */
  handle(topic: string, handler: MessageHandler | HandlerModule, options?: HandleOptions): Handling
  /** To everyone who handles the topic, but never back to the sender. False: the send window is full, nothing was taken. Throws `NoAuthority`. */
  send(topic: string, value: unknown, options?: SendOptions): boolean
  /** As above; resolves at the tier. Waits for room. Rejects with `Closed`, `Aborted`, `Unauthorized`, `Lost`, `NoAuthority` or `Unsupported`. */
  send(topic: string, value: unknown, options: AckOptions): Promise<void>
  /** To one endpoint. Resolves when rooted at the host where it turns down. Rejects with `NoSuchEndpoint`, `Ambiguous`, `Lost`. */
  sendTo(target: Target, topic: string, value: unknown, options?: Pick<SendOptions, "codec">): Promise<void>
  /**
   * Asks one endpoint and waits for its handler's answer. Rejects with `Timeout`, `Aborted`, `NoSuchEndpoint`, `Ambiguous`,
   * `NoHandler`, `HandlerFailed`, `PeerLost` or `Closed`.
   */
  request(target: Target, topic: string, value: unknown, options?: RequestOptions): Promise<unknown>
  /** Calls the listener for events of that type, or for all with "*". Returns what stops it. Throws `BadOption`. */
  on<T extends EndpointEvent["type"] | "*">(
    type: T,
    listener: (event: T extends "*" ? EndpointEvent : Extract<EndpointEvent, { type: T }>) => void,
  ): () => void
  /** Resolves when a `send` that was refused may succeed. */
  drained(): Promise<void>
  /** Resolves when everything sent so far is rooted. */
  flushed(options?: { readonly signal?: AbortSignal }): Promise<void>

  // The halves of this endpoint's channel (DESIGN §2). Both are open after opening; closing and opening is idempotent.

  /** Handlers get messages again, from a fresh subscription on: resolves when the host knows, or refused. Throws `Closed`. */
  openInbound(): Promise<void>
  /**
   * Handlers get no more messages: their topics are unsubscribed, direct messages dropped, requests answered `NoHandler`.
   * What is in a mailbox is finished. Documents go on, and so do replies to our own requests.
   */
  closeInbound(): void
  /** What documents wrote meanwhile goes out. Throws `Closed`. */
  openOutbound(): void
  /**
   * Nothing new of ours goes out: `send`, `sendTo` and `request` throw `Closed`, edits of documents wait for the opening.
   * What `send` took before goes on its way, and requests to us are answered.
   */
  closeOutbound(): void

  /** Drains: what was sent is rooted, handlers finish, then it leaves. At most `timeoutMs` (default 5,000). Idempotent. */
  close(options?: { readonly timeoutMs?: number }): Promise<void>
  /** Now: what waits is lost. */
  abort(reason?: ZincError): void
}
