/**
 * The side of an endpoint that hosts a cluster: it lets clients join (L1), gives them baselines (L2) behind a guarded
 * publisher (L3), keeps their sessions (L4), numbers and keeps what it publishes (L6), acknowledges what they push (L7),
 * and watches whether they live (L9) and keep up (§11).
 */
import { ByteMap } from "../core/byte-map.ts"
import { equalBytes, readU64, toHex, writeU32, writeU64 } from "../core/bytes.ts"
import type { Timer } from "../core/clock.ts"
import { messageOf, ZincError } from "../core/errors.ts"
import type { FrameBatch } from "../core/frame-batch.ts"
import { type EndpointId, endpointIdFromBytes, endpointIdToBytes } from "../core/id.ts"
import {
  type Control,
  type ControlBody,
  decodeControl,
  encodeBaseline,
  encodeControl,
  encodeMark,
  type Join,
} from "../message/control.ts"
import { encodeExtensions, readExtensions } from "../message/extension.ts"
import { At, Flag, headerBytes, headerVersion, isHeader, Kind } from "../message/header.ts"
import { TopicKind } from "../message/topic.ts"
import type {
  HostAddresses,
  HostSockets,
  PublisherSocket,
  PullerSocket,
  RouterSocket,
  Transport,
} from "../transport/transport.ts"
import type { EndpointEvent, PeerInfo, SlowOptions, SlowPolicy } from "./api.ts"
import type { Authenticator, Verdict } from "./authenticator.ts"
import { Conflation } from "./conflation.ts"
import { Frame } from "./frame.ts"
import { FrameLog } from "./frame-log.ts"
import { Link } from "./link.ts"
import { type DownSide, hopsMax, type Node } from "./node.ts"
import {
  baselineTopicBytes,
  directTopicBytes,
  directUpTopic,
  isPrivate,
  markTopic,
  newPrivatePrefix,
  privatePrefixBytes,
  syncNumberOf,
} from "./private-topic.ts"
import { idOf } from "./received-message.ts"
import { planRepair } from "./repair-answer.ts"
import type { Origin, TopicState } from "./topic-state.ts"

export interface HostSideOptions {
  readonly node: Node
  readonly name: string
  readonly transport: Transport
  readonly authenticator: Authenticator | undefined
  readonly unguarded: boolean
  readonly tree: string
  readonly maxClients: number
  readonly heartbeatMs: number
  readonly heartbeatMisses: number
  readonly sessionKeepMs: number
  readonly maxPayloadBytes: number
  readonly replayMessages: number
  readonly replayBytes: number
  readonly slow: Required<Pick<SlowOptions, "policy" | "maxLagMs">> & SlowOptions
  /** A direct message for this endpoint itself. */
  readonly onDirect: (frame: Frame, origin: Origin, sequence: number) => void
}

/** A connection to the router that has not joined, or whose join is being decided. */
interface Stranger {
  readonly remote: string
  readonly since: number
  deciding: boolean
}

const envelopeVersion = 1
/** Positions in one baseline (L5). */
const positionsMax = 256
const noOrigin = new Uint8Array(0)
/** Strangers may stay this long without joining or binding. */
const strangerMs = 10_000
/** Most connections of one kind that are nobody's; the oldest makes room. */
const strangersMax = 1024
/**
 * Largest control message a client may send. The largest are a JOIN that names the topics its sender remembers, and a
 * SYNC or REPAIR_REQUEST that names all it follows; a publisher takes 1 MiB of that.
 */
const controlBytesMax = 2 * 1024 * 1024
/** Octets of control messages, repairs mostly, that may wait for one client. */
const controlWaitingBytesMax = 4 * 1024 * 1024
/** Largest message on the publish leg, where clients say nothing but what they subscribe to. */
const subscriptionBytesMax = 64 * 1024
/** Malformed messages, and frames of sessions that are over, after which a pusher is cut off. */
const badFramesMax = 3
const deadFramesMax = 1000
/** Octets of one part of a repair. */
const repairPartBytes = 256 * 1024
/** How long a resend may take before it is asked for again. */
const resendPatienceMs = 50
/** How long an ack may wait for others, unless somebody waits for it; and after how many frames it goes at once. */
const ackDelayMs = 2
const ackFrames = 1024
const marksMax = 4096
/** Origins that one conflated frame can stand for: what fits its extensions. */
const coversMax = 2048
const topicsPerMark = 256

export class HostSide implements DownSide {
  readonly addresses: HostAddresses[] = []
  /** Publish number last given. */
  published = 0
  readonly generation: Uint8Array
  readonly #o: HostSideOptions
  readonly #node: Node
  readonly #router: RouterSocket
  readonly #publisher: PublisherSocket
  readonly #puller: PullerSocket
  readonly #ring: FrameLog
  readonly #links = new Map<number, Link>()
  readonly #bySession: ByteMap<Link>
  readonly #byPrefix: ByteMap<Link>
  readonly #byPeer: ByteMap<Link>
  readonly #byControl = new Map<number, Link>()
  readonly #byPush = new Map<number, Link>()
  readonly #bySubscriber = new Map<number, Link>()
  readonly #strangers = new Map<number, Stranger>()
  readonly #subscriberStrangers = new Map<number, number>()
  readonly #remotes = new Map<number, string>()
  /** Connections to the puller that no session has used yet, and what was wrong with what they sent. */
  readonly #pushStrangers = new Map<number, { bad: number; dead: number }>()
  readonly #frame = new Frame()
  readonly #down = new Uint8Array(headerBytes)
  readonly #out: Uint8Array[] = [new Uint8Array(0), new Uint8Array(0), new Uint8Array(0)]
  readonly #changed: TopicState[] = []
  readonly #marks: { readonly number: number; at: number }[] = []
  readonly #conflated = new Map<Link, Conflation>()
  /** Most octets that wait for one subscriber, in its queue and conflated beside it. */
  readonly #hwmBytes: number
  #lastLink: Link | undefined
  #nextLink = 1
  #markNumber = 0
  #markedThrough = 0
  #acksDue: Link[] = []
  #ackTimer: Timer | undefined
  #ticker: Timer | undefined
  #tickedAt: number
  #closing = false
  /** The sockets are closed, though a timer may still come. */
  #ended = false

  constructor(options: HostSideOptions) {
    this.#o = options
    const node = options.node
    this.#node = node
    const { transport } = options
    if (!transport.supports.subscriberIdentity && options.authenticator !== undefined && !options.unguarded) {
      throw new ZincError(
        "Unguarded",
        `the ${transport.name} transport cannot keep strangers from subscribing, so an authenticator would promise too much; use the zmtp transport, or say unguarded: true`,
      )
    }
    this.generation = node.random.bytes(16)
    this.#bySession = new ByteMap(node.random.u32())
    this.#byPrefix = new ByteMap(node.random.u32())
    this.#byPeer = new ByteMap(node.random.u32())
    this.#ring = new FrameLog({ messagesMax: options.replayMessages, bytesMax: options.replayBytes, after: 0 })
    this.#tickedAt = node.clock.now()
    this.#hwmBytes = options.slow.hwm?.bytes ?? 32 * 1024 * 1024
    this.#down[At.Version] = headerVersion
    const shared = { logger: node.logger, handshakeTimeoutMs: strangerMs }
    this.#router = transport.router(
      {
        onBatch: batch => this.#onControl(batch),
        onConnect: (connection, remote) => {
          this.#strangers.set(connection, { remote, since: node.clock.now(), deciding: false })
          this.#makeRoom(this.#strangers, strangersMax, oldest => this.#router.disconnect(oldest))
        },
        onDisconnect: (connection, error) => this.#onControlLost(connection, error),
      },
      { ...shared, maxMessageBytes: controlBytesMax, sendLimits: { messages: 1000, bytes: controlWaitingBytesMax } },
    )
    this.#publisher = transport.publisher(
      {
        onSubscribe: (connection, prefix) => this.#onSubscribe(connection, prefix),
        onUnsubscribe: () => {},
        onFull: (connection, frames) => this.#onFull(connection, frames),
        onRoom: connection => this.#onRoom(connection),
        onConnect: connection => {
          this.#subscriberStrangers.set(connection, node.clock.now())
          this.#makeRoom(this.#subscriberStrangers, strangersMax, oldest => this.#publisher.disconnect(oldest))
        },
        onDisconnect: connection => {
          this.#subscriberStrangers.delete(connection)
          const link = this.#bySubscriber.get(connection)
          this.#bySubscriber.delete(connection)
          if (link?.subscriber === connection) link.subscriber = 0
        },
      },
      {
        ...shared,
        maxMessageBytes: subscriptionBytesMax,
        guard: transport.supports.subscriberIdentity,
        sendLimits: { messages: options.slow.hwm?.messages ?? 10_000, bytes: this.#hwmBytes },
      },
    )
    this.#puller = transport.puller(
      {
        onBatch: batch => this.#onPushed(batch),
        onConnect: (connection, remote) => {
          this.#remotes.set(connection, remote)
          // A client is known as a pusher only once it has pushed, so those that have not may be as many as clients.
          this.#pushStrangers.set(connection, { bad: 0, dead: 0 })
          this.#makeRoom(this.#pushStrangers, strangersMax + this.#o.maxClients, oldest =>
            this.#puller.disconnect(oldest),
          )
        },
        onDisconnect: connection => {
          this.#remotes.delete(connection)
          this.#pushStrangers.delete(connection)
          const link = this.#byPush.get(connection)
          this.#byPush.delete(connection)
          if (link?.push === connection) link.push = 0
          if (this.#lastLink === link) this.#lastLink = undefined
        },
      },
      { ...shared, maxMessageBytes: options.maxPayloadBytes + 64 * 1024 },
    )
  }

  /** The oldest of a crowd makes room for the newest. */
  #makeRoom(crowd: Map<number, unknown>, most: number, cut: (connection: number) => void): void {
    if (crowd.size <= most) return
    const oldest = crowd.keys().next().value as number
    crowd.delete(oldest)
    cut(oldest)
  }

  async bind(address: string): Promise<void> {
    const sockets: HostSockets = { router: this.#router, publisher: this.#publisher, puller: this.#puller }
    this.addresses.push(await this.#o.transport.bind(address, sockets))
  }

  start(): void {
    this.#tickedAt = this.#node.clock.now()
    this.#ticker = this.#node.clock.every(this.#o.heartbeatMs, () => this.#tick())
  }

  get peers(): PeerInfo[] {
    const now = this.#node.clock.now()
    return [...this.#links.values()].map(link => link.info(now, this.#lagOf(link, now)))
  }

  /** Ids of clients with that name. */
  named(name: string): EndpointId[] {
    return [...this.#links.values()].filter(link => link.name === name).map(link => idOf(link.peer))
  }

  /** Whether that client may read, or write, what travels on the topic. */
  allows(id: EndpointId, way: "receive" | "send", topic: Uint8Array): boolean {
    const link = this.#byPeer.get(endpointIdToBytes(id))
    if (link === undefined) return false
    return way === "receive" ? link.mayReceive(topic) : link.maySend(this.#node.topics.of(topic))
  }

  /** Sends to one client. False when nobody here has that id. */
  sendDirect(target: Uint8Array, header: Uint8Array, payload: Uint8Array): boolean {
    const link = this.#byPeer.get(target)
    if (link === undefined) return false
    this.publish(link.directTopic, header, payload, 0)
    return true
  }

  /** Says goodbye to all, then closes the sockets. */
  async close(lingerMs: number, code: string, reason: string): Promise<void> {
    if (this.#closing) return
    this.#closing = true
    this.#ticker?.cancel()
    this.#sendAcks()
    // Everyone follows marks, so the last one tells each client that all before it has come.
    this.#mark(this.#node.clock.now())
    for (const link of this.#links.values()) {
      link.repairTimer?.cancel()
      this.#control(link, { case: "leave", value: { code, reason, retryAfterMs: 0 } }, this.published)
    }
    this.#ended = true
    await Promise.all([
      this.#publisher.close({ lingerMs }),
      this.#puller.close({ lingerMs: 0 }),
      this.#router.close({ lingerMs }),
    ])
  }

  abort(): void {
    this.#closing = true
    this.#ended = true
    this.#ackTimer?.cancel()
    this.#ticker?.cancel()
    for (const link of this.#links.values()) link.repairTimer?.cancel()
    this.#router.abort()
    this.#publisher.abort()
    this.#puller.abort()
  }

  // ---- down: publishing (L6) ----

  publish(topic: TopicState, from: Uint8Array, payload: Uint8Array, link: number): void {
    // The header goes into the ring as it goes out; only the leg's block differs from what came.
    const header = from.length === headerBytes ? this.#down : new Uint8Array(from.length)
    header.set(from)
    header[At.Flags]! &= ~Flag.Up
    const number = ++this.published
    writeU32(header, At.Incarnation, this.#node.incarnation)
    writeU32(header, At.Link, link)
    writeU64(header, At.Number, number)
    writeU64(header, At.Previous, topic.published)
    topic.published = number
    if (!topic.changed && !isPrivate(topic.bytes)) {
      topic.changed = true
      this.#changed.push(topic)
    }
    this.#ring.makeRoom(header.length + payload.length)
    this.#ring.append(topic, header, payload)
    const out = this.#out
    out[0] = topic.bytes
    out[1] = header
    // A transport keeps long frames by reference, and the caller's octets are the caller's again when send returns.
    out[2] = payload.length < this.#o.transport.supports.referenceBytes ? payload : this.#ring.payload(number)!
    // A subscriber that has got room since must have what was kept for it before what is newer.
    if (this.#conflated.size > 0) for (const behind of [...this.#conflated.keys()]) this.#flushConflated(behind)
    this.#publisher.send(out)
  }

  // ---- up: what clients push (L4, L5, L7) ----

  #onPushed(batch: FrameBatch): void {
    const node = this.#node
    const frame = this.#frame
    const { first, buffers, starts, ends } = batch
    let prompt = false
    for (let i = 0; i < batch.count; i++) {
      const at = first[i]!
      if (first[i + 1]! - at !== 3 || !isHeader(buffers[at + 1]!, starts[at + 1]!, ends[at + 1]!, true)) {
        this.#badPush(batch.connection, "a message that is not topic, header and payload")
        continue
      }
      frame.header = buffers[at + 1]!
      frame.at = starts[at + 1]!
      frame.headerEnd = ends[at + 1]!
      frame.body = buffers[at + 2]!
      frame.start = starts[at + 2]!
      frame.end = ends[at + 2]!
      const link = this.#linkOf(frame, batch.connection)
      if (link === undefined) {
        this.#deadPush(batch.connection)
        continue
      }
      link.heardAt = this.#tickedAt > link.heardAt ? this.#tickedAt : link.heardAt
      const number = readU64(frame.header, frame.at + At.LegNumber)
      if (number !== link.received + 1) {
        if (number <= link.received) node.statistics.duplicates++
        else this.#askResend(link)
        this.#ackSoon(link)
        continue
      }
      link.received = number
      if ((frame.flags & Flag.Prompt) !== 0) prompt = true
      this.#ackSoon(link)
      if (number - link.acknowledged >= ackFrames) prompt = true
      node.statistics.received++
      try {
        this.#take(link, buffers[at]!, starts[at]!, ends[at]!, frame)
      } catch (thrown) {
        this.#violation(`client "${link.name}"`, thrown)
      }
    }
    if (prompt) this.#sendAcks()
    node.batchEnded()
  }

  #take(link: Link, buffer: Uint8Array, start: number, end: number, frame: Frame): void {
    const node = this.#node
    if (frame.payloadBytes > this.#o.maxPayloadBytes) {
      throw new ZincError(
        "TooLarge",
        `a payload of ${frame.payloadBytes} octets; the limit is ${this.#o.maxPayloadBytes}`,
      )
    }
    if (isPrivate(buffer, start)) {
      this.#direct(link, frame)
      return
    }
    const topic = node.topics.at(buffer, start, end)
    if (!link.maySend(topic)) throw new ZincError("Unauthorized", `it may not send on "${topic.name}"`)
    // L4: a leaf's origin is what its session says; a relay vouches for its subtree.
    const origin = link.relay ? node.origin(frame.header, frame.at + At.Origin) : link.peer
    let from: number | undefined
    if (link.starts.size > 0) {
      const key = toHex(topic.bytes)
      from = link.starts.get(key)
      link.starts.delete(key)
    }
    node.fromBelow(topic, frame, origin, link.id, from)
  }

  /** A direct message turns down here, or ends here. */
  #direct(link: Link, frame: Frame): void {
    const node = this.#node
    const origin = link.relay ? node.origin(frame.header, frame.at + At.Origin) : link.peer
    const header = frame.headerView().slice()
    header.set(origin.bytes, At.Origin)
    header[At.Flags]! &= ~(Flag.Up | Flag.Again | Flag.Prompt)
    const extensions = readExtensions(header)
    const target = extensions.target
    if (target === undefined) throw new ZincError("BadFrame", "a direct message without a target")
    if (equalBytes(target, node.self.bytes)) {
      if (!this.#isNewDirect(origin, frame.sequence)) return
      this.#o.onDirect(Frame.over(header, frame.payload()), origin, frame.sequence)
      return
    }
    if (!this.sendDirect(target, header, frame.payload())) {
      this.#control(link, {
        case: "undeliverable",
        value: {
          target,
          sequence: BigInt(frame.sequence),
          code: "NoSuchEndpoint",
          correlation: BigInt(extensions.correlation ?? 0),
        },
      })
    }
  }

  /** Whether a direct message for us is the first of its number; one sent again under a new session is not. */
  #isNewDirect(origin: Origin, sequence: number): boolean {
    const topic = this.#node.topics.of(directUpTopic)
    const stream = topic.stream(origin.bytes, 0) ?? topic.openStream(origin, sequence)
    if (sequence < stream.next) {
      this.#node.statistics.duplicates++
      return false
    }
    stream.advanceTo(sequence + 1)
    return true
  }

  #linkOf(frame: Frame, connection: number): Link | undefined {
    const at = frame.at + At.Session
    let link = this.#lastLink
    if (link === undefined || link.push !== connection || !sameSession(link.session, frame.header, at)) {
      link = this.#bySession.get(frame.header, at, at + 16)
      if (link === undefined) return undefined
      if (link.push !== connection) {
        if (link.push !== 0) this.#byPush.delete(link.push)
        link.push = connection
        this.#byPush.set(connection, link)
        this.#pushStrangers.delete(connection)
      }
      link.confirmed = true
      this.#lastLink = link
    }
    return link
  }

  #askResend(link: Link): void {
    // What was asked for may be lost too: ask again when it has had time to come.
    const now = this.#node.clock.now()
    if (now - link.resendAskedAt < Math.max(2 * (link.roundTripMs ?? 0), resendPatienceMs)) return
    link.resendAskedAt = now
    this.#control(link, {
      case: "ack",
      value: { received: BigInt(link.received), rooted: BigInt(link.received), resend: true },
    })
  }

  #ackSoon(link: Link): void {
    if (link.ackDue) return
    link.ackDue = true
    // Gathered for a moment: an ack for each arrival would cost more than the arrival.
    this.#ackTimer ??= this.#node.clock.after(ackDelayMs, () => this.#sendAcks())
    this.#acksDue.push(link)
  }

  #sendAcks(): void {
    this.#ackTimer?.cancel()
    this.#ackTimer = undefined
    const due = this.#acksDue
    this.#acksDue = []
    for (const link of due) {
      link.ackDue = false
      link.acknowledged = link.received
      if (link.awaySince !== undefined) continue
      // One level: what has come is rooted. A relay will give its own parent's watermark here (L7).
      this.#control(link, {
        case: "ack",
        value: { received: BigInt(link.received), rooted: BigInt(link.received), resend: false },
      })
    }
  }

  #badPush(connection: number, what: string): void {
    this.#violation(this.#remotes.get(connection) ?? "a pusher", new ZincError("BadFrame", what))
    const seen = this.#pushStrangers.get(connection)
    if (seen === undefined) this.#pushStrangers.set(connection, { bad: 1, dead: 0 })
    else if (++seen.bad >= badFramesMax) this.#cutPush(connection)
  }

  /** What is still under way when a session ends is dropped; but nobody goes on for ever. */
  #deadPush(connection: number): void {
    this.#node.statistics.deadSession++
    const seen = this.#pushStrangers.get(connection)
    if (seen === undefined) this.#pushStrangers.set(connection, { bad: 0, dead: 1 })
    else if (++seen.dead === deadFramesMax) this.#cutPush(connection)
  }

  #cutPush(connection: number): void {
    this.#pushStrangers.delete(connection)
    this.#puller.disconnect(connection)
  }

  // ---- control (L1) ----

  #onControl(batch: FrameBatch): void {
    const connection = batch.connection
    for (let i = 0; i < batch.count; i++) {
      try {
        this.#onControlMessage(connection, decodeControl(batch.frame(i, 0)))
      } catch (thrown) {
        this.#cutControl(connection, thrown)
        return
      }
    }
  }

  #cutControl(connection: number, thrown: unknown): void {
    this.#violation(
      this.#byControl.get(connection)?.name ?? this.#strangers.get(connection)?.remote ?? "a stranger",
      thrown,
    )
    this.#router.disconnect(connection)
    this.#onControlLost(connection)
  }

  #onControlMessage(connection: number, control: Control): void {
    const { body } = control
    if (body.case === "join") {
      this.#onJoin(connection, body.value)
      return
    }
    const link = this.#byControl.get(connection)
    if (link === undefined) {
      // A joiner whose link has ended meanwhile may still say something; a stranger may not.
      if (this.#strangers.get(connection)?.deciding) return
      // Where connections cannot be cut (native), one whose session has ended must be told, or it would talk on for ever.
      this.#router.send(connection, [
        encodeControl({
          case: "leave",
          value: { code: "Error", reason: "no session is open on this connection; join again", retryAfterMs: 0 },
        }),
      ])
      throw new ZincError("BadFrame", "the first control message must be JOIN")
    }
    const now = this.#node.clock.now()
    link.heardAt = now
    link.silent = false
    link.confirmed = true
    switch (body.case) {
      case "sync": {
        const prefixes = body.value.prefixes
        link.asked.set(body.value.number, prefixes)
        this.#answerSync(link)
        break
      }
      case "unsubscribe":
        for (const prefix of body.value.prefixes) link.prefixes.delete(toHex(prefix))
        break
      case "heartbeatReply": {
        if (Number(body.value.count) === link.heartbeatCount) link.roundTripMs = now - link.heartbeatAt
        const mark = Number(body.value.mark)
        if (mark > link.mark && mark <= this.#markNumber) link.mark = mark
        // L7: silence after a lost tail. The client says how far it has sent; if we lack some, ask.
        if (Number(body.value.legLast) > link.received) {
          const received = link.received
          this.#node.clock.after(this.#o.heartbeatMs, () => {
            if (link.received === received && this.#links.has(link.id)) this.#askResend(link)
          })
        }
        break
      }
      case "repairRequest":
        this.#repair(
          link,
          body.value.id,
          body.value.ranges.map(range => ({
            topic: range.topic,
            after: Number(range.after),
            through: Number(range.through),
          })),
        )
        break
      case "resolve": {
        const ids = [...this.#links.values()]
          .filter(other => other.name === body.value.name)
          .map(other => other.peer.bytes)
        if (this.#o.name === body.value.name) ids.push(this.#node.self.bytes)
        this.#control(link, { case: "resolved", value: { id: body.value.id, endpointIds: ids } })
        break
      }
      case "leave":
        this.#onLeave(link, Number(control.after), body.value.code, body.value.reason)
        break
      default:
        // A message of a newer version, or one for hosts above: ignored, as the protocol says.
        break
    }
  }

  #onLeave(link: Link, after: number, code: string, reason: string): void {
    const end = () => this.#endLink(link, code || "Requested", reason || "it left")
    if (link.received >= after) end()
    else this.#node.clock.after(Math.min(1000, this.#o.sessionKeepMs), () => this.#links.has(link.id) && end())
  }

  #control(link: Link, body: ControlBody, after = 0): boolean {
    return !this.#ended && link.control !== 0 && this.#router.send(link.control, [encodeControl(body, after)])
  }

  #refuse(connection: number, name: string, code: string, reason: string, retryAfterMs = 0): void {
    this.#router.send(connection, [
      encodeControl({
        case: "refuse",
        value: { code, reason, retryAfterMs, versionMin: envelopeVersion, versionMax: envelopeVersion },
      }),
    ])
    this.#router.disconnect(connection)
    this.#strangers.delete(connection)
    this.#emit({ type: "refused", name, code, reason })
  }

  #onJoin(connection: number, join: Join): void {
    const stranger = this.#strangers.get(connection) ?? { remote: "", since: this.#node.clock.now(), deciding: false }
    if (this.#byControl.has(connection) || stranger.deciding)
      throw new ZincError("BadFrame", "a second JOIN on one connection")
    const name = join.name.slice(0, 64)
    if (join.versionMin > envelopeVersion || join.versionMax < envelopeVersion) {
      this.#refuse(
        connection,
        name,
        "VersionMismatch",
        `this host speaks envelope version ${envelopeVersion}, you offer ${join.versionMin} to ${join.versionMax}`,
      )
      return
    }
    if (join.endpointId.length !== 16) {
      this.#refuse(connection, name, "BadJoin", "an endpoint id has sixteen octets")
      return
    }
    if (join.tree !== "" && join.tree !== this.#o.tree) {
      this.#refuse(connection, name, "WrongTree", `this host is in tree "${this.#o.tree}", not "${join.tree}"`)
      return
    }
    if (this.#closing) {
      this.#refuse(connection, name, "Draining", "this host is closing", 1000)
      return
    }
    const id = endpointIdFromBytes(join.endpointId)
    stranger.deciding = true
    this.#strangers.set(connection, stranger)
    const decide = (verdict: Verdict) => {
      // The joiner may have gone while the authenticator thought.
      if (this.#strangers.get(connection) !== stranger || this.#closing) return
      stranger.deciding = false
      if (verdict?.allow !== true)
        this.#refuse(connection, name, "Unauthorized", String(verdict?.reason ?? "the host does not say why"))
      else this.#admit(connection, stranger.remote, join, verdict)
    }
    if (this.#o.authenticator === undefined) {
      decide({ allow: true })
      return
    }
    const refuse = (thrown: unknown) => {
      this.#node.logger.error("the authenticator failed", { thrown })
      decide({ allow: false, reason: "the host could not decide; ask its operator" })
    }
    try {
      const verdict = this.#o.authenticator.authenticate({
        id,
        name,
        token: join.token,
        tree: join.tree,
        remote: stranger.remote,
      })
      if (verdict instanceof Promise) verdict.then(decide, refuse).catch(thrown => this.#cutControl(connection, thrown))
      else decide(verdict)
    } catch (thrown) {
      refuse(thrown)
    }
  }

  #admit(connection: number, remote: string, join: Join, verdict: Verdict & { allow: true }): void {
    const node = this.#node
    const name = join.name.slice(0, 64)
    const known = join.session.length === 16 ? this.#bySession.get(join.session) : undefined
    let link = known !== undefined && equalBytes(known.peer.bytes, join.endpointId) ? known : undefined
    const resumed = link !== undefined
    if (link === undefined) {
      const living = this.#byPeer.get(join.endpointId)
      if (living !== undefined || equalBytes(join.endpointId, node.self.bytes)) {
        const proven = living !== undefined && equalBytes(living.ticket, join.ticket)
        const unanswered = living !== undefined && !living.confirmed
        // A joiner whose ACCEPT was lost has no ticket. Once that connection is known to be gone it may try again.
        if (living === undefined || !(proven || (unanswered && living.control === 0))) {
          this.#refuse(
            connection,
            name,
            "Duplicate",
            "an endpoint of that id is here already, and this join does not prove to be it",
            unanswered ? this.#o.heartbeatMs : 0,
          )
          return
        }
        this.#endLink(living, "Replaced", "it joined anew")
      }
      if (this.#links.size >= this.#o.maxClients) {
        this.#refuse(connection, name, "Full", `this host takes at most ${this.#o.maxClients} clients`, 1000)
        return
      }
      link = this.#newLink(join, name, verdict)
    }
    if (link.control !== 0 && link.control !== connection) {
      this.#byControl.delete(link.control)
      this.#router.disconnect(link.control)
    }
    this.#strangers.delete(connection)
    this.#byControl.set(connection, link)
    link.control = connection
    link.remote = remote
    link.heardAt = node.clock.now()
    link.silent = false
    link.awaySince = undefined
    link.resendAskedAt = Number.NEGATIVE_INFINITY
    link.ackDue = false
    link.mark = this.#markNumber
    const bound = this.#boundFor(join.dialled)
    const sent = this.#control(link, {
      case: "accept",
      value: {
        version: envelopeVersion,
        features: [],
        tree: this.#o.tree,
        generation: this.generation,
        epoch: node.epoch,
        hostId: node.self.bytes,
        hostName: this.#o.name,
        incarnation: node.incarnation,
        link: link.id,
        session: link.session,
        resumed,
        addresses: bound,
        privatePrefix: link.prefix,
        received: BigInt(link.received),
        rooted: BigInt(link.received),
        path: [node.self.bytes],
        ticket: link.ticket,
        limits: {
          heartbeatMs: this.#o.heartbeatMs,
          heartbeatMisses: this.#o.heartbeatMisses,
          sessionKeepMs: this.#o.sessionKeepMs,
          maxMessageBytes: this.#o.maxPayloadBytes,
          hops: hopsMax,
        },
      },
    })
    if (!sent) {
      this.#onControlLost(connection)
      return
    }
    node.statistics.joins++
    this.#emit({ type: "joined", peer: link.info(node.clock.now(), undefined), resumed })
  }

  #newLink(join: Join, name: string, verdict: Verdict & { allow: true }): Link {
    const node = this.#node
    const id = this.#nextLink++
    const prefix = newPrivatePrefix(id, node.random)
    const link = new Link({
      id,
      session: node.random.bytes(16),
      ticket: node.random.bytes(16),
      peer: node.origin(join.endpointId, 0),
      name,
      relay: join.relay && verdict.grants?.relay === true,
      prefix,
      directTopic: node.topics.of(directTopicBytes(prefix)),
      grants: verdict.grants,
    })
    // L7: a host without memory of this client starts where the client's own memory starts.
    const legFirst = Number(join.legFirst)
    link.received = legFirst > 0 ? legFirst - 1 : Number(join.legLast)
    for (const memory of join.memory) {
      const topic = node.topics.of(memory.topic)
      if (!isPrivate(topic.bytes) && !link.maySend(topic)) continue
      if (topic.stream(join.endpointId, 0) === undefined) {
        const first = Number(memory.first)
        if (link.relay) link.starts.set(toHex(memory.topic), first)
        else topic.openStream(link.peer, first)
      }
    }
    this.#links.set(id, link)
    this.#bySession.set(link.session, link)
    this.#byPrefix.set(link.prefix, link)
    this.#byPeer.set(link.peer.bytes, link)
    return link
  }

  /** Addresses for the other legs; empty ones mean "what you dialled". */
  #boundFor(dialled: string): { control: string; publish: string; push: string } {
    if (this.#o.transport.supports.sharedPort) return { control: "", publish: "", push: "" }
    const scheme = dialled.split("://")[0]
    const port = dialled.split(":").pop()
    const sameScheme = this.addresses.filter(bound => bound.control.startsWith(`${scheme}://`))
    const exact = sameScheme.find(bound => bound.control === dialled || bound.control.split(":").pop() === port)
    const bound = exact ?? sameScheme[0] ?? this.addresses[0]!
    return { control: "", publish: bound.publish, push: bound.push }
  }

  #onControlLost(connection: number, error?: Error): void {
    this.#strangers.delete(connection)
    const link = this.#byControl.get(connection)
    this.#byControl.delete(connection)
    if (link === undefined || link.control !== connection) return
    link.control = 0
    link.awaySince = this.#node.clock.now()
    this.#emit({
      type: "left",
      peer: link.info(this.#node.clock.now(), undefined),
      code: "PeerLost",
      reason: error === undefined ? "its connection closed" : error.message,
    })
  }

  /** The session is over for good. */
  #endLink(link: Link, code: string, reason: string): void {
    if (!this.#links.delete(link.id)) return
    const wasUp = link.awaySince === undefined
    this.#bySession.delete(link.session)
    this.#byPrefix.delete(link.prefix)
    if (this.#byPeer.get(link.peer.bytes) === link) this.#byPeer.delete(link.peer.bytes)
    this.#conflated.delete(link)
    link.repairTimer?.cancel()
    if (this.#lastLink === link) this.#lastLink = undefined
    if (link.control !== 0) {
      this.#control(link, { case: "leave", value: { code, reason, retryAfterMs: 0 } }, this.published)
      this.#byControl.delete(link.control)
      this.#router.disconnect(link.control)
    }
    if (link.subscriber !== 0) {
      this.#bySubscriber.delete(link.subscriber)
      this.#publisher.disconnect(link.subscriber)
    }
    if (link.push !== 0) {
      this.#byPush.delete(link.push)
      this.#puller.disconnect(link.push)
    }
    link.control = 0
    if (wasUp) this.#emit({ type: "left", peer: link.info(this.#node.clock.now(), undefined), code, reason })
  }

  // ---- baselines (L2, L3) ----

  #onSubscribe(connection: number, prefix: Uint8Array): void {
    if (!isPrivate(prefix)) return
    const link = prefix.length > privatePrefixBytes ? this.#byPrefix.get(prefix, 0, privatePrefixBytes) : undefined
    if (link === undefined) {
      // A guess, or a client whose link ended while it dialled: either way it has no place here.
      if (connection !== 0 && this.#subscriberStrangers.delete(connection)) {
        this.#node.statistics.deadSession++
        this.#publisher.disconnect(connection)
      }
      return
    }
    const bound = this.#bySubscriber.get(connection)
    if (bound !== undefined && bound !== link) {
      this.#violation(
        `client "${bound.name}"`,
        new ZincError("Unauthorized", "it asked for a private topic that is not its own"),
      )
      this.#publisher.disconnect(connection)
      return
    }
    link.confirmed = true
    if (connection !== 0 && link.subscriber !== connection) {
      if (link.subscriber !== 0) {
        this.#bySubscriber.delete(link.subscriber)
        this.#publisher.disconnect(link.subscriber)
      }
      link.subscriber = connection
      this.#bySubscriber.set(connection, link)
      this.#subscriberStrangers.delete(connection)
      this.#conflated.delete(link)
      this.#publisher.grant(connection, asked => link.mayReceive(asked))
    }
    const sync = syncNumberOf(prefix)
    if (sync === undefined) return
    link.seenSyncs.add(sync)
    this.#answerSync(link)
  }

  #answerSync(link: Link): void {
    for (const [number, prefixes] of link.asked) {
      if (!link.seenSyncs.has(number)) continue
      link.asked.delete(number)
      link.seenSyncs.delete(number)
      this.#sendBaseline(link, number, prefixes)
    }
    // What a client leaves unanswered is bounded by what it may hold open.
    if (link.asked.size > 64) link.asked.delete(link.asked.keys().next().value as number)
    if (link.seenSyncs.size > 64) link.seenSyncs.delete(link.seenSyncs.values().next().value as number)
  }

  #sendBaseline(link: Link, number: number, prefixes: readonly Uint8Array[]): void {
    const node = this.#node
    const refused = prefixes
      .filter(prefix => !link.mayReceive(prefix))
      .map(prefix => ({ prefix, reason: "not granted" }))
    const positions: { topic: Uint8Array; origin: Uint8Array; first: bigint; last: bigint; epoch: number }[] = []
    const add = (topic: TopicState, origin: Uint8Array, first: number, last: number, epoch: number) =>
      positions.push({ topic: topic.bytes, origin, first: BigInt(first), last: BigInt(last), epoch })
    for (const prefix of prefixes) {
      if (!link.mayReceive(prefix) || isPrivate(prefix)) continue
      link.prefixes.set(toHex(prefix), prefix)
      for (const topic of node.topics.matching(prefix)) {
        if (topic.route === "ordered") {
          const order = topic.order
          add(
            topic,
            noOrigin,
            order?.first ?? 1,
            node.up === undefined ? topic.ordered : (order?.next ?? 1) - 1,
            node.epoch,
          )
        }
        if (topic.sent > 0) add(topic, node.self.bytes, 1, topic.sent, 0)
        for (const stream of topic.streams()) {
          add(topic, stream.key.bytes, stream.first, stream.next - 1, 0)
          if (positions.length > positionsMax) break
        }
        if (positions.length > positionsMax) break
      }
    }
    const complete = positions.length <= positionsMax
    const payload = encodeBaseline({
      number,
      published: BigInt(this.published),
      refused,
      positions: complete ? positions : [],
      positionsComplete: complete,
      incarnation: node.incarnation,
      mark: BigInt(this.#markNumber),
    })
    const header = new Uint8Array(headerBytes)
    header[At.Version] = headerVersion
    header[At.Kind] = Kind.Baseline
    header.set(node.self.bytes, At.Origin)
    writeU32(header, At.Epoch, node.epoch)
    this.publish(node.topics.of(baselineTopicBytes(link.prefix, number)), header, payload, 0)
    link.baselineAt ??= node.clock.now()
    link.mark = Math.max(link.mark, this.#markNumber)
  }

  // ---- repair (L6) ----

  /** One part; the client asks for the next when it has this one, so a repair never fills its control queue. */
  #repair(link: Link, id: number, ranges: { topic: Uint8Array; after: number; through: number }[]): void {
    if (this.#ended || !this.#links.has(link.id) || link.control === 0) return
    const plan = planRepair(
      this.#ring,
      ranges,
      topic => link.mayReceive(topic),
      link.droppedThrough,
      topic => this.#node.topics.published(topic),
    )
    const frames: Uint8Array[] = [new Uint8Array(0)]
    let bytes = 0
    let through = 0
    for (const number of plan.numbers) {
      if (bytes >= repairPartBytes) break
      const header = this.#ring.header(number)!.slice()
      header[At.Flags]! |= Flag.Again
      const payload = this.#ring.payload(number)!
      frames.push(this.#ring.topic(number)!.bytes, header, payload)
      bytes += header.length + payload.length
      through = number
    }
    const whole = frames.length === 1 + 3 * plan.numbers.length
    const lost = plan.lost.map(({ topic, after, through }) => ({
      topic,
      after: BigInt(after),
      through: BigInt(through),
    }))
    frames[0] = encodeControl({ case: "repair", value: { id, last: true, lost, through: BigInt(whole ? 0 : through) } })
    if (this.#router.send(link.control, frames)) return
    // Its control queue is full: the same answer when it may have drained. Of several the client asks again for the others.
    link.repairTimer ??= this.#node.clock.after(this.#o.heartbeatMs, () => {
      link.repairTimer = undefined
      this.#repair(link, id, ranges)
    })
  }

  // ---- time: heartbeats, marks, liveness (L9), lag (§11) ----

  #tick(): void {
    const { clock } = this.#node
    const now = clock.now()
    const { heartbeatMs, heartbeatMisses, sessionKeepMs } = this.#o
    // L9: after a stall of our own everyone gets a fresh period before being judged.
    const late = now - this.#tickedAt - heartbeatMs
    const stalled = late > heartbeatMs
    this.#tickedAt = now
    if (stalled) for (const mark of this.#marks) mark.at += late
    this.#mark(now)
    for (const link of [...this.#links.values()]) {
      if (stalled) {
        link.heardAt = now
        if (link.awaySince !== undefined) link.awaySince = now
      }
      if (link.awaySince !== undefined) {
        if (now - link.awaySince >= sessionKeepMs) this.#endLink(link, "PeerLost", "it did not come back in time")
        continue
      }
      const silence = now - link.heardAt
      link.silent = silence >= heartbeatMs * heartbeatMisses
      if (silence >= sessionKeepMs || (link.silent && !link.confirmed)) {
        this.#endLink(link, "PeerLost", `nothing heard for ${Math.round(silence)} ms`)
        continue
      }
      link.heartbeatAt = now
      link.heartbeatCount++
      this.#control(link, {
        case: "heartbeat",
        value: {
          count: BigInt(link.heartbeatCount),
          published: BigInt(this.published),
          epoch: this.#node.epoch,
          direct: BigInt(link.directTopic.published),
        },
      })
      this.#watchLag(link, now)
    }
    for (const [connection, stranger] of this.#strangers) {
      if (!stalled && !stranger.deciding && now - stranger.since > strangerMs) {
        this.#strangers.delete(connection)
        this.#router.disconnect(connection)
      }
    }
    for (const [connection, since] of this.#subscriberStrangers) {
      if (!stalled && now - since > strangerMs) {
        this.#subscriberStrangers.delete(connection)
        this.#publisher.disconnect(connection)
      }
    }
    this.#node.giveUpOlderThan(now - 2 * heartbeatMs)
  }

  /** Publishes a mark when anything was published since the last: everyone follows it, and reports it. */
  #mark(now: number): void {
    if (this.published === this.#markedThrough) return
    const topics = this.#changed.splice(0, topicsPerMark).map(topic => {
      topic.changed = false
      return { topic: topic.bytes, number: BigInt(topic.published) }
    })
    this.#markNumber++
    const header = new Uint8Array(headerBytes)
    header[At.Version] = headerVersion
    header[At.Kind] = Kind.Mark
    header.set(this.#node.self.bytes, At.Origin)
    const topic = this.#node.topics.of(markTopic)
    topic.changed = true
    const payload = encodeMark({ number: BigInt(this.#markNumber), published: BigInt(this.published), topics })
    this.publish(topic, header, payload, 0)
    this.#markedThrough = this.#changed.length > 0 ? -1 : this.published
    this.#marks.push({ number: this.#markNumber, at: now })
    if (this.#marks.length > marksMax) this.#marks.shift()
  }

  #lagOf(link: Link, now: number): number | undefined {
    if (link.baselineAt === undefined) return undefined
    // Marks are consecutive: the oldest not reported stands right after the one that was.
    const oldest = this.#marks[0]
    if (oldest === undefined || link.mark >= this.#markNumber) return 0
    const unreported = this.#marks[Math.max(0, link.mark + 1 - oldest.number)]
    return unreported === undefined ? 0 : now - unreported.at
  }

  #watchLag(link: Link, now: number): void {
    const lag = this.#lagOf(link, now)
    if (lag === undefined) return
    const limit = this.#o.slow.maxLagMs
    if (limit > 0 && lag > limit) this.#act(link, now, lag)
    else if (limit > 0 && lag > limit / 2) this.#warn(link, now, lag, "warn")
  }

  // ---- slow subscribers (§11) ----

  #onFull(connection: number, frames: readonly Uint8Array[]): void {
    const link = this.#bySubscriber.get(connection)
    if (link === undefined) return
    if (this.#o.slow.policy === "conflate") {
      this.#conflate(link, frames)
      return
    }
    const now = this.#node.clock.now()
    if (this.#o.slow.policy === "dropOldest") this.#act(link, now, this.#lagOf(link, now) ?? 0)
    else if (this.#o.slow.policy === "warn") this.#warn(link, now, this.#lagOf(link, now) ?? 0, "warn")
    // Ending a link from within a publish would change what is being published to: do it right after.
    else this.#node.clock.soon(() => this.#act(link, now, this.#lagOf(link, now) ?? 0))
  }

  #warn(link: Link, now: number, lagMs: number, acted: SlowPolicy): void {
    if (now - link.slowWarnedAt < 1000) return
    link.slowWarnedAt = now
    this.#emit({
      type: "slow",
      peer: link.info(now, lagMs),
      lagMs,
      waiting: (link.subscriber === 0 ? undefined : this.#publisher.waiting(link.subscriber)) ?? {
        messages: 0,
        bytes: 0,
      },
      acted,
    })
  }

  #act(link: Link, now: number, lagMs: number): void {
    if (!this.#links.has(link.id)) return
    const policy = this.#o.slow.policy
    switch (policy) {
      case "warn":
        this.#warn(link, now, lagMs, policy)
        break
      case "conflate":
        this.#warn(link, now, lagMs, policy)
        break
      case "dropOldest": {
        this.#warn(link, now, lagMs, policy)
        if (link.subscriber === 0) break
        this.#publisher.clear(link.subscriber)
        link.droppedThrough = this.published
        link.mark = this.#markNumber
        break
      }
      default: {
        link.slowWarnedAt = Number.NEGATIVE_INFINITY
        this.#warn(link, now, lagMs, policy)
        const waiting = (link.subscriber === 0 ? undefined : this.#publisher.waiting(link.subscriber)) ?? {
          messages: 0,
          bytes: 0,
        }
        this.#control(link, {
          case: "slow",
          value: {
            policy,
            lagMs: Math.round(lagMs),
            waitingMessages: BigInt(waiting.messages),
            waitingBytes: BigInt(waiting.bytes),
            last: BigInt(this.published),
          },
        })
        this.#endLink(link, "TooSlow", `it fell ${Math.round(lagMs)} ms and ${waiting.messages} messages behind`)
      }
    }
  }

  /** Keeps the latest per key while the subscriber has no room (L8). */
  #conflate(link: Link, frames: readonly Uint8Array[]): void {
    const now = this.#node.clock.now()
    this.#warn(link, now, this.#lagOf(link, now) ?? 0, "conflate")
    const topic = this.#node.topics.of(frames[0]!)
    const payload = frames[2]!
    // Of these every one counts: the subscriber finds them missing and has them from the ring.
    if (isPrivate(topic.bytes) || topic.kind === TopicKind.Document || topic.kind === TopicKind.Sequenced) return
    let kept = this.#conflated.get(link)
    if (kept === undefined) {
      kept = new Conflation(this.#hwmBytes)
      this.#conflated.set(link, kept)
    }
    const key = topic.kind === TopicKind.System ? "" : this.#conflationKey(topic.name, payload)
    kept.set(`${topic.kind} ${topic.name}\0${key}`, { topic, header: frames[1]!.slice(), payload: payload.slice() })
  }

  /** The user's own key; one that throws counts as none. */
  #conflationKey(topic: string, payload: Uint8Array): string {
    try {
      return this.#o.slow.key?.(topic, payload) ?? ""
    } catch (error) {
      this.#node.logger.error("the key function of slow.key failed", { topic, error })
      return ""
    }
  }

  #onRoom(connection: number): void {
    const link = this.#bySubscriber.get(connection)
    if (link !== undefined) this.#flushConflated(link)
  }

  /** Sends what was kept for a subscriber, as far as there is room. */
  #flushConflated(link: Link): void {
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
      if (!this.#publisher.sendTo(link.subscriber, [topic.bytes, out, payload])) return
      kept.delete(key)
    }
    this.#conflated.delete(link)
  }

  // ---- reports ----

  #emit(event: EndpointEvent): void {
    this.#node.events.emit(event)
  }

  #violation(from: string, thrown: unknown): void {
    const error = ZincError.is(thrown) ? thrown : new ZincError("BadFrame", messageOf(thrown), { cause: thrown })
    this.#node.statistics.violations++
    this.#node.logger.warn("a peer broke the protocol", { from, code: error.code, reason: error.message })
    this.#emit({ type: "violation", from, error })
  }
}

function sameSession(session: Uint8Array, buffer: Uint8Array, at: number): boolean {
  for (let i = 0; i < 16; i++) if (session[i] !== buffer[at + i]) return false
  return true
}

/** Frame 0 of a direct message going up, exported for the client's side. */
export { directUpTopic }
