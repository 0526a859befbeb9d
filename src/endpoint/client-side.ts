/**
 * The side of an endpoint that has a host: dials it, joins (L1), waits for the baseline (L2), notices and repairs holes
 * (L6), keeps what it pushed until it is rooted (L7), answers heartbeats (L9), and comes back when the host is lost (L10).
 */
import { equalBytes, readU32, readU64, toHex } from "../core/bytes.ts"
import type { Timer } from "../core/clock.ts"
import { type Deferred, deferred } from "../core/deferred.ts"
import { type ErrorCode, messageOf, ZincError } from "../core/errors.ts"
import type { FrameBatch } from "../core/frame-batch.ts"
import { type EndpointId, endpointIdFromBytes } from "../core/id.ts"
import {
  type Accept,
  type Baseline,
  type Control,
  type ControlBody,
  decodeBaseline,
  decodeControl,
  decodeMark,
  encodeControl,
  type Repair,
  type Slow,
} from "../message/control.ts"
import { At, Flag, isHeader, Kind } from "../message/header.ts"
import { patternTakesIn, TopicKind, topicBytesMax } from "../message/topic.ts"
import { parseAddress, parseTcp } from "../transport/address.ts"
import type { DealerSocket, PusherSocket, SubscriberSocket, Transport } from "../transport/transport.ts"
import type { PeerInfo, SlowPolicy } from "./api.ts"
import { type Asked, type Interest, Interests } from "./client/interests.ts"
import { MarkTrack } from "./client/mark-track.ts"
import { type Tier, UpBuffer } from "./client/up-buffer.ts"
import { Frame } from "./frame.ts"
import type { Node, UpSide } from "./node.ts"
import { baselineTopicBytes, directTopicBytes, directUpTopic, isPrivate, markTopic } from "./private-topic.ts"
import type { Receiver } from "./receiver.ts"
import type { Range } from "./repair-range.ts"
import type { TopicState } from "./topic-state.ts"

export interface ClientSideOptions {
  readonly node: Node
  readonly name: string
  readonly transport: Transport
  readonly addresses: readonly string[]
  readonly token: Uint8Array
  readonly tree: string
  /** Undefined: do not come back. */
  readonly reconnect: { readonly minMs: number; readonly maxMs: number } | undefined
  readonly joinTimeoutMs: number
  readonly windowMessages: number
  readonly windowBytes: number
  readonly maxPayloadBytes: number
  /** The side is over for good. */
  readonly onClosed: (error: ZincError | undefined) => void
  readonly onLink: (change: "up" | "down" | "regenerated") => void
  readonly onUndeliverable: (target: EndpointId, sequence: number, correlation: number, code: ErrorCode) => void
}

type LinkState = "joining" | "up" | "degraded" | "down" | "closed"

interface PendingRepair {
  readonly ranges: readonly Range[]
  readonly topics: readonly TopicState[]
  askedAt: number
  asks: number
  /** It follows a rejoin: at its end the baseline's positions are settled. */
  readonly resync: Baseline | undefined
  /** What earlier parts of the answer said is lost. */
  readonly lost: readonly Range[]
}

/** What one joined link consists of; a new one is made for each attempt, so that nothing old can speak for it. */
interface Legs {
  readonly dealer: DealerSocket
  subscriber: SubscriberSocket | undefined
  pusher: PusherSocket | undefined
  readonly abort: AbortController
  readonly address: string
  accept: Accept | undefined
  /** Why the link can no longer come up. */
  lost: Error | undefined
  readonly accepted: Deferred<Accept>
  readonly baseline: Deferred<void>
}

const envelopeVersion = 1
const redirectsMax = 8
/** L9: how long one data leg is redialled before the link counts as lost. */
const degradedMs = 1000
/** How long a link outlives the host's LEAVE, for what was published before it. */
const leaveMs = 1000
const resyncAfterMs = 1000
/** Ranges that wait for a repair; what is found missing beyond them counts as lost. */
const rangesMax = 32_768
/** How often a host that is alive is asked for one repair; what it leaves unanswered then counts as lost. */
const asksMax = 8
/** After links that did not live so long, one after the other, even the first redial waits (L10). */
const steadyMs = 1000
/** The longest wait that a host may ask for. */
const retryAfterMaxMs = 600_000
/** What a host may say of its time, as its own options are held to. */
const heartbeatRange = [10, 60_000] as const
const sessionKeepRange = [100, 86_400_000] as const
/** Octets of own topics named in a JOIN: a host takes at most 2 MiB of control message. */
const memoryBytesMax = 1024 * 1024

export class ClientSide implements UpSide {
  readonly #o: ClientSideOptions
  readonly #node: Node
  readonly #up: UpBuffer
  readonly #interests: Interests
  readonly #frame = new Frame()
  readonly #directUp: TopicState
  #state: LinkState = "joining"
  #legs: Legs | undefined
  #accept: Accept | undefined
  #ticket = new Uint8Array(0)
  #generation = new Uint8Array(0)
  #incarnation = 0
  #link = 0
  #hostId: EndpointId | undefined
  #hostName = ""
  #heartbeatMs = 250
  #sessionKeepMs = 10_000
  #directTopic: TopicState | undefined
  readonly #marks = new MarkTrack()
  /** The direct messages a heartbeat spoke of that had not come by then. */
  #directBehind: { readonly arrived: number; readonly through: number } | undefined
  /** Everything up to this publish number has come or is known missing. */
  #through = 0
  #holes: Range[] = []
  #askDue = false
  readonly #repairs = new Map<number, PendingRepair>()
  /** Ranges in all of them. */
  #askedRanges = 0
  #nextRepair = 1
  readonly #resolving = new Map<number, Deferred<Uint8Array[]>>()
  #nextResolve = 1
  #heardAt = 0
  #silent = false
  #tickedAt = 0
  #ticker: Timer | undefined
  #redial: Timer | undefined
  #attempts = 0
  #upAt = 0
  /** Links in a row that did not live for long. */
  #shortLived = 0
  /** The last link ended because we were too slow: begin afresh at the next baseline, without repair. */
  #snail = false
  #everUp = false

  constructor(options: ClientSideOptions) {
    this.#o = options
    this.#node = options.node
    this.#up = new UpBuffer({
      messagesMax: options.windowMessages,
      bytesMax: options.windowBytes,
      referenceBytes: options.transport.supports.referenceBytes,
      pusher: () => (this.linked ? this.#legs?.pusher : undefined),
      statistics: options.node.statistics,
    })
    this.#directUp = this.#node.topics.of(directUpTopic)
    this.#interests = new Interests(() => this.#node.clock.soon(() => this.#syncNew()))
    void this.#interests.want(markTopic)
  }

  get linked(): boolean {
    return this.#state === "up" || this.#state === "degraded"
  }
  get hostId(): EndpointId | undefined {
    return this.#hostId
  }
  get hostName(): string {
    return this.#hostName
  }
  get peers(): PeerInfo[] {
    return this.#hostId === undefined ? [] : [this.#peer()]
  }

  // ---- joining ----

  /** The first join; rejects when no address leads to a host that takes us. */
  async join(signal: AbortSignal | undefined): Promise<void> {
    let failure: ZincError | undefined
    for (const address of this.#o.addresses) {
      try {
        await this.#attempt(address, signal)
        return
      } catch (thrown) {
        failure = asZincError(thrown)
        if (isFinal(failure) || signal?.aborted) break
      }
    }
    this.#state = "closed"
    throw failure ?? new ZincError("BadOption", "there is no address to join")
  }

  async #attempt(first: string, signal: AbortSignal | undefined): Promise<void> {
    let address = first
    for (let redirects = 0; ; redirects++) {
      try {
        await this.#attemptAt(address, redirects, signal)
        return
      } catch (thrown) {
        if (!(thrown instanceof Redirected)) throw thrown
        if (redirects >= redirectsMax)
          throw new ZincError("Unreachable", `sent on ${redirectsMax} times from ${first} without finding a place`)
        address = thrown.address
      }
    }
  }

  async #attemptAt(address: string, redirects: number, signal: AbortSignal | undefined): Promise<void> {
    const { clock, logger } = this.#node
    const abort = new AbortController()
    const onAbort = () => abort.abort(signal?.reason)
    if (signal?.aborted) onAbort()
    else signal?.addEventListener("abort", onAbort, { once: true })
    let timedOut = false
    const timer = clock.after(this.#o.joinTimeoutMs, () => {
      timedOut = true
      const late = new ZincError("Timeout", `no answer to the join at ${address} within ${this.#o.joinTimeoutMs} ms`, {
        retryable: true,
      })
      abort.abort(late)
      legs.accepted.reject(late)
      legs.baseline.reject(late)
    })
    abort.signal.addEventListener("abort", () => {
      const reason = new ZincError("Aborted", "the join was aborted", { cause: abort.signal.reason })
      legs.accepted.reject(reason)
      legs.baseline.reject(reason)
    })
    const legs: Legs = {
      dealer: this.#o.transport.dealer(
        {
          onBatch: batch => this.#onControl(legs, batch),
          onDisconnect: error => this.#onControlLost(legs, error),
        },
        { maxMessageBytes: this.#o.maxPayloadBytes + 1024 * 1024, logger },
      ),
      subscriber: undefined,
      pusher: undefined,
      abort,
      address,
      accept: undefined,
      lost: undefined,
      accepted: deferred<Accept>(),
      baseline: deferred(),
    }
    legs.accepted.promise.catch(() => {})
    legs.baseline.promise.catch(() => {})
    this.#legs = legs
    try {
      await legs.dealer.connect(address, { signal: abort.signal })
      legs.dealer.send([encodeControl({ case: "join", value: this.#joinMessage(address, redirects) })])
      const accept = await legs.accepted.promise
      this.#onAccepted(accept)
      legs.accept = accept
      await Promise.all([this.#dialSubscriber(legs), this.#dialPusher(legs)])
      this.#up.resendAfter(Number(accept.received))
      this.#syncAll(legs)
      const again = clock.every(resyncAfterMs, () => this.#legs === legs && this.#syncAll(legs))
      try {
        await legs.baseline.promise
      } finally {
        again.cancel()
      }
      if (legs.lost !== undefined) throw legs.lost
      this.#onUp(legs)
    } catch (thrown) {
      this.#drop(legs)
      if (legs.lost !== undefined) throw legs.lost
      if (timedOut && !isFinal(thrown)) {
        throw new ZincError("Timeout", `the join at ${address} did not complete within ${this.#o.joinTimeoutMs} ms`, {
          retryable: true,
          cause: thrown,
        })
      }
      throw thrown
    } finally {
      timer.cancel()
      signal?.removeEventListener("abort", onAbort)
    }
  }

  #joinMessage(dialled: string, redirects: number) {
    const memory: { topic: Uint8Array; first: bigint; acknowledged: bigint }[] = []
    const kept = this.#up.firstSequences()
    // Direct messages are numbered per target: those to a host that is no more say nothing of those to this one.
    kept.delete(this.#directUp)
    let memoryBytes = 0
    const remember = (topic: TopicState, first: number) => {
      memoryBytes += topic.bytes.length + 24
      if (memoryBytes <= memoryBytesMax)
        memory.push({ topic: topic.bytes, first: BigInt(first), acknowledged: BigInt(first - 1) })
    }
    // Those of which something will be sent again come first: for them it matters where their numbers begin.
    for (const [topic, first] of kept) remember(topic, first)
    for (const topic of this.#node.topics.all) {
      if (topic.sent > 0 && !kept.has(topic)) remember(topic, topic.sent + 1)
    }
    return {
      versionMin: envelopeVersion,
      versionMax: envelopeVersion,
      tree: this.#o.tree,
      generation: this.#generation,
      token: this.#o.token,
      endpointId: this.#node.self.bytes,
      name: this.#o.name,
      session: this.#accept === undefined ? new Uint8Array(0) : this.#up.session,
      ticket: this.#ticket,
      legFirst: BigInt(this.#up.first),
      legLast: BigInt(this.#up.last),
      memory,
      epoch: this.#node.epoch,
      link: this.#link,
      incarnation: this.#incarnation,
      relay: this.#node.down !== undefined,
      redirects,
      dialled,
    }
  }

  #onAccepted(accept: Accept): void {
    checkAccept(accept)
    const regenerated = this.#incarnation !== 0 && this.#incarnation !== accept.incarnation
    for (const topic of this.#node.topics.all) topic.repairing = 0
    if (this.#incarnation === accept.incarnation) {
      // Repairs asked on the old link will not be answered: their ranges are holes again.
      for (const repair of this.#repairs.values()) this.#holes.push(...repair.ranges)
      for (const [topic, range] of this.#late) this.#holes.push({ topic: topic.bytes, ...range })
    } else {
      for (const topic of this.#node.topics.all) {
        topic.arrived = -1
        if (regenerated) this.#node.newReign(topic)
      }
      this.#interests.forgetBases()
      this.#node.topics.arrivedFloor = -1
      this.#through = 0
      this.#marks.forgetSeen()
      if (this.#resyncFrom !== undefined) this.#resyncFrom = 0
      this.#holes = []
    }
    this.#marks.unset()
    this.#directBehind = undefined
    this.#interests.forgetAsked()
    this.#unsettled.clear()
    this.#late.clear()
    this.#repairs.clear()
    this.#askedRanges = 0
    this.#ticket = accept.ticket.slice()
    this.#generation = accept.generation.slice()
    this.#incarnation = accept.incarnation
    this.#link = accept.link
    if (!accept.resumed && this.#directTopic !== undefined) {
      // What waited for the old session went with it.
      const gone = this.#directTopic
      this.#holes = this.#holes.filter(hole => !equalBytes(hole.topic, gone.bytes))
    }
    this.#hostId = endpointIdFromBytes(accept.hostId)
    this.#hostName = accept.hostName
    this.#heartbeatMs = held(accept.limits?.heartbeatMs || 250, heartbeatRange)
    this.#sessionKeepMs = held(accept.limits?.sessionKeepMs || 10_000, sessionKeepRange)
    this.#node.epoch = Math.max(this.#node.epoch, accept.epoch)
    this.#directTopic = this.#node.topics.of(directTopicBytes(accept.privatePrefix))
    this.#directTopic.kept = true
    if (!accept.resumed) {
      this.#directTopic.arrived = 0
      this.#marks.forgetSeen()
    }
    // Told when the link is up, which may take more attempts than this one.
    if (regenerated) this.#regenerated = true
    this.#accept = accept
    this.#up.joined(accept.session, Number(accept.received), Number(accept.rooted))
  }
  #regenerated = false

  async #dialSubscriber(legs: Legs): Promise<void> {
    const address = this.#addressOf(legs, legs.accept?.addresses?.publish)
    let own: SubscriberSocket | undefined
    const subscriber = this.#o.transport.subscriber(
      {
        onBatch: batch => legs.subscriber === own && this.#legs === legs && this.#onPublished(batch),
        onDisconnect: error => legs.subscriber === own && this.#onLegLost(legs, "subscriber", error),
      },
      { maxMessageBytes: this.#o.maxPayloadBytes + 64 * 1024, logger: this.#node.logger },
    )
    own = subscriber
    legs.subscriber = subscriber
    try {
      await subscriber.connect(address, { signal: legs.abort.signal })
    } catch (thrown) {
      if (legs.subscriber === own) legs.subscriber = undefined
      throw thrown
    }
  }

  async #dialPusher(legs: Legs): Promise<void> {
    const address = this.#addressOf(legs, legs.accept?.addresses?.push)
    let own: PusherSocket | undefined
    const pusher = this.#o.transport.pusher(
      {
        onDrain: () => legs.pusher === own && this.#up.pump(),
        onDisconnect: error => legs.pusher === own && this.#onLegLost(legs, "pusher", error),
      },
      { sendLimits: { messages: 0, bytes: 4 * 1024 * 1024 }, logger: this.#node.logger },
    )
    own = pusher
    legs.pusher = pusher
    try {
      await pusher.connect(address, { signal: legs.abort.signal })
    } catch (thrown) {
      if (legs.pusher === own) legs.pusher = undefined
      throw thrown
    }
  }

  /** Where a leg is: what the host said, at the machine we dialled; nothing said means what we dialled. */
  #addressOf(legs: Legs, said: string | undefined): string {
    if (said === undefined || said === "") return legs.address
    const given = parseAddress(said)
    const dialled = parseAddress(legs.address)
    if (given.scheme !== "tcp" || dialled.scheme !== "tcp") return said
    const host = parseTcp(dialled.rest).host ?? "127.0.0.1"
    return `tcp://${host.includes(":") ? `[${host}]` : host}:${parseTcp(given.rest).port}`
  }

  /** Subscribes to everything wanted and asks for a baseline of it all. */
  #syncAll(legs: Legs): void {
    const subscriber = legs.subscriber
    const accept = legs.accept
    if (subscriber === undefined || accept === undefined) return
    const first = !this.#subscribedOn.has(subscriber)
    this.#subscribedOn.add(subscriber)
    const interests = this.#interests.takeAll()
    if (first) {
      subscriber.subscribe(directTopicBytes(accept.privatePrefix))
      for (const interest of interests) subscriber.subscribe(interest.prefix)
    }
    this.#sync(legs, { interests, settling: [], all: true })
  }
  readonly #subscribedOn = new WeakSet<SubscriberSocket>()

  #sync(legs: Legs, asked: Asked): void {
    const number = this.#interests.ask(asked)
    legs.subscriber!.subscribe(baselineTopicBytes(legs.accept!.privatePrefix, number))
    const prefixes = [...asked.interests.map(interest => interest.prefix), ...asked.settling.map(topic => topic.bytes)]
    this.#control({ case: "sync", value: { number, prefixes } })
  }

  #onUp(legs: Legs): void {
    const node = this.#node
    this.#state = "up"
    this.#attempts = 0
    this.#upAt = node.clock.now()
    this.#heardAt = this.#upAt
    this.#tickedAt = this.#heardAt
    this.#ticker?.cancel()
    this.#ticker = node.clock.every(this.#heartbeatMs, () => this.#tick())
    if (this.#everUp) node.statistics.reconnects++
    else node.statistics.joins++
    this.#everUp = true
    const resumed = legs.accept!.resumed
    node.events.emit({ type: "joined", peer: this.#peer(), resumed })
    if (this.#regenerated) {
      this.#regenerated = false
      node.events.emit({ type: "regenerated", host: this.#hostId! })
      this.#o.onLink("regenerated")
    }
    this.#o.onLink("up")
    this.#syncNew()
    // Holes noticed between the baseline and now.
    this.#askHoles()
    this.#up.pump()
    this.#up.tellRoom()
  }

  // ---- losing the host ----

  #onControlLost(legs: Legs, error: Error | undefined): void {
    if (this.#legs !== legs) return
    const lost = new ZincError(
      "PeerLost",
      `the connection to ${legs.address} was lost${error === undefined ? "" : `: ${error.message}`}`,
      {
        retryable: true,
        ...(error === undefined ? {} : { cause: error }),
      },
    )
    if (!this.linked) this.#failJoin(legs, lost)
    // A host that has said goodbye closes its sockets one after the other.
    else if (this.#leaving?.legs !== legs) this.#lost(lost)
  }

  /** The attempt under way ends with that error, whatever it waits for. */
  #failJoin(legs: Legs, error: Error): void {
    legs.lost ??= error
    legs.accepted.reject(legs.lost)
    legs.baseline.reject(legs.lost)
    legs.abort.abort(legs.lost)
  }

  /** L9: one data leg lost is a degraded link; it is redialled for a while under the same session. */
  #onLegLost(legs: Legs, leg: "subscriber" | "pusher", error: Error | undefined): void {
    if (this.#legs !== legs || legs.accept === undefined) return
    legs[leg] = undefined
    if (!this.linked) {
      const lost = new ZincError("PeerLost", `the ${leg} leg to ${legs.address} was lost while joining`, {
        retryable: true,
        cause: error,
      })
      this.#failJoin(legs, lost)
      return
    }
    if (this.#leaving?.legs === legs) {
      if (leg === "subscriber") this.#lost(this.#leaving.error)
      return
    }
    this.#state = "degraded"
    if (leg === "subscriber") this.#missFrom(this.#marks.verified)
    const until = this.#node.clock.now() + degradedMs
    const redial = () => {
      if (this.#legs !== legs || !this.linked) return
      const dialled = leg === "subscriber" ? this.#dialSubscriber(legs) : this.#dialPusher(legs)
      dialled.then(
        () => {
          if (this.#legs !== legs || !this.linked) return
          this.#state = "up"
          if (leg === "subscriber") this.#syncAll(legs)
          else this.#up.resend()
        },
        thrown => {
          if (this.#legs !== legs || !this.linked) return
          if (this.#node.clock.now() >= until) this.#lost(asZincError(thrown))
          else this.#node.clock.after(50 + this.#node.random.below(50), redial)
        },
      )
    }
    this.#node.clock.after(this.#node.random.below(20), redial)
  }
  /** After a lost subscriber leg, until the baseline: the publish number from which on things may be missing. */
  #resyncFrom: number | undefined

  /** From that publish number on things may be missing, until the next baseline and the repair that follows it. */
  #missFrom(number: number): void {
    this.#resyncFrom ??= number
    this.#node.resyncing = true
  }

  #lost(error: ZincError): void {
    if (this.#state === "closed") return
    const peer = this.#peer()
    this.#state = "down"
    this.#leaving = undefined
    this.#ticker?.cancel()
    const legs = this.#legs
    if (legs !== undefined) this.#drop(legs)
    this.#legs = undefined
    const away = new ZincError("PeerLost", "the host was lost while it was asked for a name", {
      retryable: true,
      cause: error,
    })
    for (const pending of this.#resolving.values()) pending.reject(away)
    this.#resolving.clear()
    if (!this.#snail) this.#missFrom(this.#marks.verified)
    if (this.#o.reconnect === undefined) {
      this.#node.events.emit({ type: "left", peer, code: error.code, reason: error.message })
      this.#o.onLink("down")
      this.#end(error)
      return
    }
    // L9: one redial at once, and only then is the host said to be lost.
    this.#shortLived = this.#node.clock.now() - this.#upAt < steadyMs ? this.#shortLived + 1 : 0
    const again = this.#shortLived - 2
    const wait = again < 0 ? this.#node.random.below(50) : this.#backOff(this.#o.reconnect, again)
    this.#redial = this.#node.clock.after(wait, () => {
      void this.#comeBack(peer, error)
    })
  }

  async #comeBack(peer: PeerInfo, lost: ZincError): Promise<void> {
    const reconnect = this.#o.reconnect!
    let told = false
    for (;;) {
      let retryAfterMs = 0
      for (const address of this.#o.addresses) {
        if (this.#state === "closed") return
        try {
          await this.#attempt(address, undefined)
          return
        } catch (thrown) {
          const error = asZincError(thrown)
          this.#node.logger.debug("could not come back", { address, code: error.code, reason: error.message })
          if (isFinal(error)) {
            if (!told) this.#node.events.emit({ type: "left", peer, code: lost.code, reason: lost.message })
            this.#end(error)
            return
          }
          retryAfterMs = Math.max(retryAfterMs, Math.min(error.retryAfterMs ?? 0, retryAfterMaxMs))
        }
      }
      if (this.#isClosed()) return
      if (!told) {
        told = true
        this.#node.events.emit({ type: "left", peer, code: lost.code, reason: lost.message })
        this.#o.onLink("down")
      }
      const wait = retryAfterMs + this.#backOff(reconnect, this.#attempts++)
      await new Promise<void>(resolve => {
        this.#wake = resolve
        this.#redial = this.#node.clock.after(wait, resolve)
      })
    }
  }
  #wake: (() => void) | undefined

  /** L10: full jitter, doubling; what the host asks for is the least. */
  #backOff(reconnect: { readonly minMs: number; readonly maxMs: number }, before: number): number {
    const ceiling = Math.min(reconnect.maxMs, reconnect.minMs * 2 ** Math.min(16, before))
    return this.#node.random.float() * ceiling
  }

  #isClosed(): boolean {
    return this.#state === "closed"
  }

  #drop(legs: Legs): void {
    const { dealer, subscriber, pusher } = legs
    legs.subscriber = undefined
    legs.pusher = undefined
    if (this.#legs === legs) this.#legs = undefined
    dealer.abort()
    subscriber?.abort()
    pusher?.abort()
  }

  // ---- control ----

  #onControl(legs: Legs, batch: FrameBatch): void {
    for (let i = 0; i < batch.count; i++) {
      if (this.#legs !== legs) return
      try {
        const control = decodeControl(batch.frame(i, 0))
        this.#heardAt = this.#node.clock.now()
        this.#silent = false
        if (control.body.case === "repair") this.#onRepair(control.body.value, batch, i)
        else this.#onControlMessage(legs, control)
      } catch (thrown) {
        this.#violation(thrown)
      }
    }
    this.#node.batchEnded()
  }

  #onControlMessage(legs: Legs, { after, body }: Control): void {
    switch (body.case) {
      case "accept":
        legs.accepted.resolve(body.value)
        break
      case "refuse": {
        const { code, reason, retryAfterMs } = body.value
        this.#failJoin(
          legs,
          new ZincError(refusals[code] ?? "Refused", `${legs.address} refused the join: ${reason} [${code}]`, {
            retryable: retryAfterMs > 0,
            ...(retryAfterMs > 0 ? { retryAfterMs } : {}),
          }),
        )
        break
      }
      case "redirect": {
        const address = body.value.candidates.flatMap(candidate => candidate.addresses)[0]
        if (address === undefined) {
          this.#failJoin(
            legs,
            new ZincError("Refused", `${legs.address} has no place and knows of none`, {
              retryable: true,
              retryAfterMs: body.value.retryAfterMs,
            }),
          )
        } else this.#failJoin(legs, new Redirected(address))
        break
      }
      case "heartbeat":
        this.#noticeDirect(Number(body.value.direct))
        this.#control({
          case: "heartbeatReply",
          value: { count: body.value.count, mark: BigInt(this.#marks.seen), legLast: BigInt(this.#up.sent) },
        })
        break
      case "ack":
        this.#up.acknowledge(Number(body.value.received), Number(body.value.rooted), body.value.resend)
        break
      case "resolved": {
        const pending = this.#resolving.get(body.value.id)
        this.#resolving.delete(body.value.id)
        pending?.resolve(body.value.endpointIds)
        break
      }
      case "undeliverable":
        this.#o.onUndeliverable(
          endpointIdFromBytes(body.value.target),
          Number(body.value.sequence),
          Number(body.value.correlation),
          (body.value.code || "NoSuchEndpoint") as ErrorCode,
        )
        break
      case "slow":
        this.#onSlow(legs, body.value)
        break
      case "leave":
        this.#onLeave(
          legs,
          Number(after),
          new ZincError("PeerLost", `the host left: ${body.value.reason} [${body.value.code}]`, { retryable: true }),
        )
        break
      default:
        break
    }
  }

  /** What the host published before it left may still be on its way: the link ends when it has come. */
  #onLeave(legs: Legs, after: number, error: ZincError): void {
    if (!this.linked) {
      this.#failJoin(legs, error)
      return
    }
    if (legs.subscriber === undefined || this.#through >= after) {
      this.#lost(error)
      return
    }
    this.#leaving = { legs, after, error }
    this.#node.clock.after(leaveMs, () => {
      if (this.#leaving?.legs === legs) this.#lost(error)
    })
  }
  #leaving: { readonly legs: Legs; readonly after: number; readonly error: ZincError } | undefined

  #control(body: ControlBody, after = 0): boolean {
    return this.#legs?.dealer.send([encodeControl(body, after)]) ?? false
  }

  #onSlow(legs: Legs, slow: Slow): void {
    const policy = slow.policy as SlowPolicy
    this.#node.events.emit({ type: "tooSlow", lagMs: slow.lagMs, policy })
    const error = new ZincError(
      "TooSlow",
      `the host cut this endpoint off: ${slow.lagMs} ms behind; handle messages faster or subscribe to less`,
    )
    if (policy !== "die" && !this.linked) {
      this.#failJoin(legs, error)
      return
    }
    if (policy === "die") {
      const peer = this.#peer()
      this.#state = "down"
      this.#drop(legs)
      this.#node.events.emit({ type: "left", peer, code: error.code, reason: error.message })
      this.#o.onLink("down")
      this.#end(error)
      return
    }
    // The snail stops itself and comes back with a fresh baseline, as a new session.
    this.#snail = true
    this.#resyncFrom = undefined
    this.#node.resyncing = true
    this.#accept = undefined
    this.#lost(error)
  }

  // ---- up: pushing (L7) ----

  /** A push was refused and no room has come since. */
  get refused(): boolean {
    return this.#up.refused
  }
  /** The leg number of what was pushed last. */
  get lastPushed(): number {
    return this.#up.last
  }

  push(topic: TopicState, header: Uint8Array, payload: Uint8Array): boolean {
    return this.#up.push(topic, header, payload)
  }

  echoed(): void {
    // An ordered topic's echo brings its number; `rooted` has resolved the send already, or will with the next ACK.
  }

  openOutbound(): void {
    this.#up.open()
  }
  closeOutbound(): void {
    this.#up.hold()
  }

  /** Resolves when the tier covers that leg number. */
  acknowledged(number: number, tier: Tier, signal?: AbortSignal): Promise<void> {
    return this.#up.acknowledged(number, tier, signal)
  }

  /** Calls back when a refused push may succeed. */
  onRoom(callback: () => void): void {
    this.#up.onRoom(callback)
  }

  // ---- names ----

  async resolve(name: string): Promise<Uint8Array[]> {
    if (!this.linked)
      throw new ZincError("PeerLost", `the name "${name}" cannot be resolved: no link to a host now`, {
        retryable: true,
      })
    const id = this.#nextResolve++
    const answer = deferred<Uint8Array[]>()
    this.#resolving.set(id, answer)
    this.#control({ case: "resolve", value: { id, name } })
    return answer.promise
  }

  // ---- interests (L2) ----

  /** Resolves when the host knows of all the receiver's prefixes; rejects with `Refused` if one is not allowed. */
  addReceiver(receiver: Receiver): Promise<void> {
    return this.#interests.follow(receiver)
  }

  removeReceiver(receiver: Receiver): void {
    const gone = this.#interests.unfollow(receiver)
    if (gone.length === 0) return
    for (const prefix of gone) this.#legs?.subscriber?.unsubscribe(prefix)
    this.#control({ case: "unsubscribe", value: { prefixes: gone } })
    // L5: unsubscribing forgets receive state.
    for (const prefix of gone) {
      for (const topic of this.#node.topics.matching(prefix)) {
        if (!this.#interests.isWanted(topic.bytes)) this.#node.forget(topic)
      }
    }
  }

  #syncNew(): void {
    const legs = this.#legs
    // While joining, the interests go with the first SYNC or, if that is out, right after the link is up.
    if (!this.linked || legs?.subscriber === undefined || !this.#interests.hasNew) return
    const interests = this.#interests.takeNew()
    for (const interest of interests) legs.subscriber.subscribe(interest.prefix)
    this.#sync(legs, { interests, settling: [], all: false })
  }

  // ---- down: what the host publishes (L5, L6) ----

  #onPublished(batch: FrameBatch): void {
    const frame = this.#frame
    const { first, buffers, starts, ends } = batch
    const topics = this.#node.topics
    for (let i = 0; i < batch.count; i++) {
      const at = first[i]!
      if (first[i + 1]! - at !== 3 || !isHeader(buffers[at + 1]!, starts[at + 1]!, ends[at + 1]!, false)) {
        this.#violation(new ZincError("BadFrame", "the host published a message that is not topic, header and payload"))
        continue
      }
      frame.header = buffers[at + 1]!
      frame.at = starts[at + 1]!
      frame.headerEnd = ends[at + 1]!
      frame.body = buffers[at + 2]!
      frame.start = starts[at + 2]!
      frame.end = ends[at + 2]!
      // Frames of another life of this host: its numbers mean nothing here.
      if (readU32(frame.header, frame.at + At.Incarnation) !== this.#incarnation) continue
      try {
        this.#noticeHoles(topics.at(buffers[at]!, starts[at]!, ends[at]!), frame)
      } catch (thrown) {
        this.#violation(thrown)
      }
    }
    // What is published says nothing of the control leg (L9): a host that has forgotten us may publish on.
    this.#node.batchEnded()
    if (this.#leaving !== undefined && this.#through >= this.#leaving.after) this.#lost(this.#leaving.error)
  }

  /** The publish number from which on everything of that topic comes; of one that was forgotten, from there on. */
  #baseOf(topic: Uint8Array): number | undefined {
    const base = this.#interests.baseOf(topic)
    return base === undefined ? undefined : Math.max(base, this.#node.topics.arrivedFloor)
  }

  #noticeHoles(topic: TopicState, frame: Frame): void {
    const number = readU64(frame.header, frame.at + At.Number)
    const previous = readU64(frame.header, frame.at + At.Previous)
    // While a rejoin's baseline is awaited, the repair that follows it covers everything.
    if (this.#resyncFrom === undefined) {
      let arrived = topic.arrived
      if (arrived < 0) arrived = topic === this.#directTopic ? 0 : (this.#baseOf(topic.bytes) ?? -1)
      if (arrived >= 0) {
        if (previous > arrived) this.#hole({ topic: topic.bytes, after: arrived, through: previous }, topic)
        topic.arrived = number > arrived ? number : arrived
      }
    }
    if (number > this.#through) this.#through = number
    this.#take(topic, frame)
  }

  #take(topic: TopicState, frame: Frame): void {
    const node = this.#node
    switch (frame.kind) {
      case Kind.Baseline:
        if (isPrivate(topic.bytes)) this.#onBaseline(decodeBaseline(frame.payload()))
        return
      case Kind.Mark:
        this.#onMark(frame)
        return
    }
    if (isPrivate(topic.bytes)) {
      if (topic !== this.#directTopic) return
      node.statistics.received++
      node.fromAbove(this.#directUp, frame, -1)
      return
    }
    node.statistics.received++
    node.fromAbove(topic, frame, this.#link)
  }

  #onMark(frame: Frame): void {
    const mark = decodeMark(frame.payload())
    const number = Number(mark.number)
    this.#marks.see(number)
    if (!this.#marks.isNew(number) || this.#resyncFrom !== undefined) return
    // A conflated mark stands for those before it; what they spoke of was conflated too.
    if ((frame.flags & Flag.Covers) !== 0) this.#marks.cover(number)
    // What the mark says was published and has not come by now was dropped before it.
    for (const { topic: bytes, number: last } of mark.topics) {
      const base = this.#baseOf(bytes)
      if (base === undefined) continue
      const topic = this.#node.topics.of(bytes)
      const arrived = topic.arrived < 0 ? base : topic.arrived
      if (Number(last) <= arrived) continue
      this.#hole({ topic: bytes, after: arrived, through: Number(last) }, topic)
      topic.arrived = Number(last)
    }
    this.#marks.take(number, Number(mark.published))
  }

  /** Marks do not speak of private topics: what a heartbeat says of direct messages and has not come by the next is lost. */
  #noticeDirect(through: number): void {
    const topic = this.#directTopic
    if (topic === undefined || this.#resyncFrom !== undefined || !this.linked) return
    const arrived = Math.max(0, topic.arrived)
    const behind = this.#directBehind
    this.#directBehind = through > arrived ? { arrived, through } : undefined
    if (behind === undefined || behind.arrived !== arrived || behind.through <= arrived) return
    this.#directBehind = undefined
    this.#hole({ topic: topic.bytes, after: arrived, through: behind.through }, topic)
    topic.arrived = behind.through
  }

  #onBaseline(baseline: Baseline): void {
    const legs = this.#legs
    const asked = legs === undefined ? undefined : this.#interests.answered(baseline.number, baseline.refused)
    if (asked === undefined || legs === undefined) return
    const { fresh, followed } = asked
    const published = Number(baseline.published)
    legs.subscriber?.unsubscribe(baselineTopicBytes(legs.accept!.privatePrefix, baseline.number))
    const from = asked.all ? this.#resyncFrom : undefined
    // A new interest's streams begin where the positions say, but not on topics that were followed already.
    const isNew = (topic: TopicState) =>
      fresh.some(interest => patternTakesIn(interest.prefix, topic.bytes)) && !this.#interests.isFollowed(topic.bytes)
    this.#settle(baseline, undefined, isNew)
    this.#interests.begin(asked, published, from !== undefined)
    if (this.#marks.isUnset || from !== undefined) this.#marks.begin(Number(baseline.mark), published)
    if (this.#snail && asked.all) {
      // A fresh start, and it is told what it missed.
      this.#snail = false
      this.#endResync({ lost: [], baseline, reason: "slow", only: topic => !isNew(topic) })
    } else if (from !== undefined) {
      this.#resyncFrom = undefined
      this.#startResync(followed, from, baseline)
    }
    if (asked.settling.length > 0) this.#settleLost(asked.settling, baseline)
    legs.baseline.resolve()
    this.#interests.tell(asked)
  }

  /** Asks for all that was published since `from`, up to the baseline, on what was followed before. */
  #startResync(followed: readonly Interest[], from: number, baseline: Baseline): void {
    const through = Number(baseline.published)
    const ranges: Range[] = [...this.#holes]
    this.#holes = []
    if (through > from) {
      for (const { prefix } of followed) if (prefix !== markTopic) ranges.push({ topic: prefix, after: from, through })
    }
    const direct = this.#directTopic
    if (direct !== undefined && through > Math.max(0, direct.arrived))
      ranges.push({ topic: direct.bytes, after: Math.max(0, direct.arrived), through })
    for (const topic of this.#node.topics.all) {
      if (topic.arrived >= 0 && topic.arrived < through && topic !== direct) topic.arrived = through
    }
    if (ranges.length === 0) this.#endResync({ lost: [], baseline, reason: "lost" })
    else this.#ask({ ranges, topics: [], askedAt: this.#node.clock.now(), asks: 0, resync: baseline, lost: [] })
  }

  #isResyncing(): boolean {
    for (const repair of this.#repairs.values()) if (repair.resync !== undefined) return true
    return false
  }

  #endResync(end: {
    readonly lost: readonly Range[]
    readonly baseline: Baseline
    readonly reason: "slow" | "lost"
    readonly only?: (topic: TopicState) => boolean
  }): void {
    const node = this.#node
    const { baseline, reason } = end
    const only = end.only ?? (() => true)
    const late = new Set(this.#late.keys())
    for (const topic of late) this.#askLate(topic)
    node.resyncing = this.#resyncFrom !== undefined || this.#isResyncing()
    this.#settle(baseline, reason, only, late)
    for (const topic of late) {
      this.#unsettled.set(topic, baseline)
      this.#beginLate(topic)
    }
    if (!node.resyncing) for (const topic of node.topics.all) node.repairEnded(topic, reason)
    for (const range of end.lost) {
      for (const topic of node.topics.matching(range.topic)) {
        // Positions tell exactly what is missing of numbered streams; documents take fragments in any order and compare
        // versions whenever something may have been lost.
        if (baseline.positionsComplete && topic.kind !== TopicKind.Document && !isPrivate(topic.bytes)) continue
        node.reportGap(this.#streamsOf(topic), undefined, range.after + 1, range.through, reason)
      }
    }
    node.batchEnded()
  }

  /** `reason`: report what the positions pass over; undefined: only open streams that are not known. */
  #settle(
    baseline: Baseline,
    reason: "slow" | "lost" | undefined,
    only: (topic: TopicState) => boolean = () => true,
    late: ReadonlySet<TopicState> = new Set(),
  ): void {
    const node = this.#node
    for (const { topic: bytes, origin: from, first, last } of baseline.positions) {
      const topic = node.topics.of(bytes)
      if (!only(topic)) continue
      const origin = from.length === 16 ? node.origin(from, 0) : undefined
      if (origin === node.self) continue
      node.settle(topic, origin, { first: Number(first), last: Number(last) }, reason, late.has(topic))
    }
    node.batchEnded()
  }

  /** A repair of these topics found something lost, and here are their positions. */
  #settleLost(topics: readonly TopicState[], baseline: Baseline): void {
    const late = new Set(topics.filter(topic => this.#askLate(topic)))
    this.#settle(baseline, "lost", topic => topics.includes(topic), late)
    for (const topic of late) this.#unsettled.set(topic, baseline)
    for (const topic of topics) {
      topic.repairing = Math.max(0, topic.repairing - 1)
      if (late.has(topic)) this.#beginLate(topic)
      this.#node.repairEnded(topic, "lost")
      if (!baseline.positionsComplete) {
        const through = Number(baseline.published)
        this.#node.reportGap(topic, undefined, through, through, "lost")
      }
    }
    this.#node.batchEnded()
  }

  // ---- repair (L6) ----

  /** Publish numbers, by topic, of frames that came during a repair and found no place. */
  readonly #late = new Map<TopicState, { readonly after: number; readonly through: number }>()
  /** Topics whose positions are settled only when what was late has come. */
  readonly #unsettled = new Map<TopicState, Baseline>()

  putOff(streams: TopicState, frame: Frame): void {
    const topic = streams === this.#directUp ? this.#directTopic! : streams
    const number = readU64(frame.header, frame.at + At.Number)
    const previous = readU64(frame.header, frame.at + At.Previous)
    const late = this.#late.get(topic)
    this.#late.set(topic, {
      after: Math.min(previous, late?.after ?? previous),
      through: Math.max(number, late?.through ?? number),
    })
  }

  /** Asks for what found no place. False when there is nothing such. */
  #askLate(topic: TopicState): boolean {
    const range = this.#late.get(topic)
    if (range === undefined) return false
    this.#late.delete(topic)
    this.#hole({ topic: topic.bytes, ...range }, topic)
    return true
  }

  /** When nothing but what was late is under repair, the lowest of each stream is parked, and earlier ones will not come. */
  #beginLate(topic: TopicState): void {
    if (topic.repairing === 1) this.#node.beginAll(this.#streamsOf(topic))
  }

  /** Direct messages of all kinds are one stream per origin. */
  #streamsOf(topic: TopicState): TopicState {
    return topic === this.#directTopic ? this.#directUp : topic
  }

  #hole(range: Range, topic: TopicState): void {
    if (this.#holes.length + this.#askedRanges >= rangesMax) {
      this.#node.reportGap(this.#streamsOf(topic), undefined, range.after + 1, range.through, "lost")
      return
    }
    topic.repairing++
    if (topic === this.#directTopic) this.#directUp.repairing++
    this.#holes.push(range)
    if (this.#askDue) return
    this.#askDue = true
    this.#node.clock.soon(() => {
      this.#askDue = false
      this.#askHoles()
    })
  }

  #askHoles(): void {
    if (this.#holes.length === 0 || !this.linked) return
    const ranges = this.#holes
    this.#holes = []
    this.#ask({
      ranges,
      topics: ranges.map(range => this.#node.topics.of(range.topic)),
      askedAt: this.#node.clock.now(),
      asks: 0,
      resync: undefined,
      lost: [],
    })
  }

  #ask(repair: PendingRepair): void {
    const id = this.#nextRepair++
    this.#repairs.set(id, repair)
    this.#askedRanges += repair.ranges.length
    this.#sendAsk(id, repair)
  }

  #sendAsk(id: number, repair: PendingRepair): void {
    this.#control({
      case: "repairRequest",
      value: {
        id,
        ranges: repair.ranges.map(({ topic, after, through }) => ({
          topic,
          after: BigInt(after),
          through: BigInt(through),
        })),
      },
    })
  }

  #onRepair(repair: Repair, batch: FrameBatch, message: number): void {
    const pending = this.#repairs.get(repair.id)
    if (pending === undefined) return
    pending.askedAt = this.#node.clock.now()
    const parts = batch.framesOf(message)
    for (let part = 1; part + 2 < parts; part += 3) {
      const header = batch.frame(message, part + 1)
      if (!isHeader(header, 0, header.length, false))
        throw new ZincError("BadFrame", "a repair holds a frame without a header")
      if (readU32(header, At.Incarnation) !== this.#incarnation) continue
      const topic = this.#node.topics.of(batch.frame(message, part))
      const number = readU64(header, At.Number)
      // Not above `arrived`: the frames after it on this topic may still come, and have their own "previous".
      if (number > topic.arrived && pending.resync !== undefined) topic.arrived = number
      this.#node.statistics.repaired++
      this.#take(topic, Frame.over(header, batch.frame(message, part + 2)))
    }
    if (!repair.last) return
    this.#repairs.delete(repair.id)
    this.#askedRanges -= pending.ranges.length
    const lost = [
      ...pending.lost,
      ...repair.lost.map(({ topic, after, through }) => ({ topic, after: Number(after), through: Number(through) })),
    ]
    const through = Number(repair.through)
    // A part that brings nothing and promises more would be asked for again for ever.
    if (through > 0 && parts > 1) {
      const ranges = pending.ranges
        .filter(range => range.through > through)
        .map(range => ({ ...range, after: Math.max(range.after, through) }))
      this.#ask({ ...pending, ranges, lost, askedAt: this.#node.clock.now(), asks: 0 })
      return
    }
    this.#endAsked(pending, lost)
  }

  #endAsked(asked: PendingRepair, lost: readonly Range[]): void {
    if (asked.resync !== undefined) this.#endResync({ lost, baseline: asked.resync, reason: "lost" })
    else this.#endRepair(asked.topics, lost)
  }

  #endRepair(topics: readonly TopicState[], lost: readonly Range[]): void {
    const node = this.#node
    const settling: TopicState[] = []
    const lostOf = new Map<string, Range[]>()
    for (const range of lost) {
      const key = toHex(range.topic)
      const others = lostOf.get(key)
      if (others === undefined) lostOf.set(key, [range])
      else others.push(range)
    }
    for (const topic of topics) {
      const lostHere = lostOf.get(toHex(topic.bytes)) ?? []
      const isLost = lostHere.length > 0
      if (isLost && topic.kind === TopicKind.System) {
        // A lost mark: what it spoke of may be lost without a trace. Ask for everything since what is certain.
        this.#missFrom(this.#marks.verified)
        if (this.#legs !== undefined) this.#syncAll(this.#legs)
      } else if (isLost && !isPrivate(topic.bytes) && topic.kind !== TopicKind.Document) {
        // The positions will say what exactly is lost; until then the topic counts as under repair.
        settling.push(topic)
        continue
      }
      const isLate = this.#askLate(topic)
      topic.repairing = Math.max(0, topic.repairing - 1)
      const streams = this.#streamsOf(topic)
      if (streams === this.#directUp) streams.repairing = Math.max(0, streams.repairing - 1)
      if (isLate) this.#beginLate(topic)
      const gaveUp = node.repairEnded(streams, "lost")
      const unsettled = topic.repairing === 0 ? this.#unsettled.get(topic) : undefined
      if (unsettled !== undefined) {
        this.#unsettled.delete(topic)
        this.#settle(unsettled, "lost", settled => settled === topic)
      }
      if (!isLost || gaveUp || topic.kind === TopicKind.System) continue
      for (const range of lostHere) node.reportGap(streams, undefined, range.after + 1, range.through, "lost")
    }
    if (settling.length > 0 && this.#legs?.subscriber !== undefined)
      this.#sync(this.#legs, { interests: [], settling, all: false })
  }

  // ---- time ----

  #tick(): void {
    const { clock } = this.#node
    const now = clock.now()
    const stalled = now - this.#tickedAt > 2 * this.#heartbeatMs
    this.#tickedAt = now
    if (stalled) this.#heardAt = now
    const silence = now - this.#heardAt
    this.#silent = silence >= 3 * this.#heartbeatMs
    if (silence >= this.#sessionKeepMs) {
      this.#lost(
        new ZincError("PeerLost", `nothing heard from the host for ${Math.round(silence)} ms`, { retryable: true }),
      )
      return
    }
    for (const [id, repair] of this.#repairs) {
      if (now - repair.askedAt > 4 * this.#heartbeatMs) {
        repair.askedAt = now
        if (!this.#silent && ++repair.asks > asksMax) {
          this.#repairs.delete(id)
          this.#askedRanges -= repair.ranges.length
          this.#endAsked(repair, [...repair.lost, ...repair.ranges])
          continue
        }
        this.#sendAsk(id, repair)
      }
    }
    // A SYNC whose baseline did not come is asked again under a new number (L2).
    if (this.#state === "up" && this.#legs?.subscriber !== undefined) {
      const legs = this.#legs
      this.#interests.retry(asked => {
        if (asked.all) this.#syncAll(legs)
        else if (asked.settling.length > 0 || asked.interests.some(interest => interest.base === undefined))
          this.#sync(legs, asked)
      })
    }
    this.#node.giveUpOlderThan(now - 2 * this.#heartbeatMs)
  }

  #peer(): PeerInfo {
    return {
      id: this.#hostId!,
      name: this.#hostName,
      role: "host",
      remote: this.#legs?.address ?? this.#o.addresses[0] ?? "",
      state:
        this.#state === "up" ? (this.#silent ? "degraded" : "up") : this.#state === "degraded" ? "degraded" : "away",
      lagMs: undefined,
      roundTripMs: undefined,
    }
  }

  // ---- ending ----

  async close(lingerMs: number): Promise<void> {
    const legs = this.#legs
    const closed = new ZincError("Closed", "the endpoint closed before the message was acknowledged")
    if (!this.linked || legs === undefined) {
      // Nobody to say goodbye to: an attempt to come back under way ends here.
      this.abort(closed)
      return
    }
    this.#control({ case: "leave", value: { code: "Requested", reason: "it closed", retryAfterMs: 0 } }, this.#up.sent)
    this.#stop()
    this.#failWaiting(closed)
    await Promise.all([
      legs.dealer.close({ lingerMs }),
      legs.subscriber?.close({ lingerMs: 0 }),
      legs.pusher?.close({ lingerMs }),
    ])
  }

  abort(error: ZincError): void {
    const legs = this.#legs
    this.#stop()
    this.#failWaiting(error)
    if (legs !== undefined) {
      legs.abort.abort(error)
      this.#drop(legs)
    }
  }

  #end(error: ZincError): void {
    this.#stop()
    this.#failWaiting(error)
    this.#o.onClosed(error)
  }

  #stop(): void {
    this.#state = "closed"
    this.#ticker?.cancel()
    this.#redial?.cancel()
    this.#wake?.()
    this.#legs = undefined
  }

  #failWaiting(error: ZincError): void {
    for (const pending of this.#resolving.values()) pending.reject(error)
    this.#interests.end(error)
    this.#up.end(error)
  }

  #violation(thrown: unknown): void {
    const error = asZincError(thrown)
    this.#node.statistics.violations++
    this.#node.events.emit({ type: "violation", from: this.#hostName, error })
  }
}

class Redirected extends Error {
  readonly address: string
  constructor(address: string) {
    super(`sent on to ${address}`)
    this.address = address
  }
}

const refusals: Record<string, ErrorCode> = {
  Unauthorized: "Unauthorized",
  VersionMismatch: "VersionMismatch",
  WrongTree: "Refused",
  Duplicate: "Refused",
  Full: "Full",
  Draining: "Refused",
}

/** Trying again would end the same way. */
function isFinal(thrown: unknown): boolean {
  return (
    ZincError.is(thrown) &&
    !thrown.retryable &&
    ["Unauthorized", "VersionMismatch", "Refused", "BadAddress", "BadOption"].includes(thrown.code)
  )
}

function asZincError(thrown: unknown): ZincError {
  return ZincError.is(thrown) ? thrown : new ZincError("Internal", messageOf(thrown), { cause: thrown })
}

function held(value: number, [least, most]: readonly [number, number]): number {
  return Math.min(most, Math.max(least, value))
}

/** Throws `BadFrame` for an ACCEPT that nothing could be built on. */
function checkAccept({ session, hostId, incarnation, privatePrefix }: Accept): void {
  const sound =
    session.length === 16 &&
    hostId.length === 16 &&
    incarnation !== 0 &&
    isPrivate(privatePrefix) &&
    privatePrefix.length <= topicBytesMax / 2 &&
    !privatePrefix.includes(0)
  if (!sound) throw new ZincError("BadFrame", "the host's ACCEPT is not one: it has no session, id or private prefix")
}
