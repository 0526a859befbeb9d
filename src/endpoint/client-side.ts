/**
 * The side of an endpoint that has a host. Its parts stand in `client/`: how it is attached and comes back (`Attachment`,
 * L1, L9, L10), what comes down and what of it is missing (`DownLeg`, L5, L6), what was pushed and is not rooted yet
 * (`UpBuffer`, L7), and what is wanted (`Interests`, L2). This side says JOIN, hears what the host says on the control
 * leg, and gives each part what concerns it.
 */
import { sameBytes } from "../core/byte-map.ts"
import { equalBytes } from "../core/bytes.ts"
import { sleep, type Timer } from "../core/clock.ts"
import { asZincError, messageOf, ZincError } from "../core/errors.ts"
import type { FrameBatch } from "../core/frame-batch.ts"
import { type EndpointId, endpointIdToBytes } from "../core/id.ts"
import {
  type Accept,
  type Control,
  type ControlBody,
  decodeControl,
  type PathChange,
  type Slow,
  type Undeliverable,
} from "../message/control.ts"
import { At } from "../message/header.ts"
import type { PeerInfo, SlowPolicy } from "./api.ts"
import { AttachProbe } from "./client/attach-probe.ts"
import { Attachment, type Loss } from "./client/attachment.ts"
import { hasOthers, planReturn, stepsTo } from "./client/candidates.ts"
import type { ClientSideOptions } from "./client/client-options.ts"
import { DownLeg } from "./client/down-leg.ts"
import { HostLiveness } from "./client/host-liveness.ts"
import { HostSession, pathOf } from "./client/host-session.ts"
import { Interests } from "./client/interests.ts"
import { redirected, refused } from "./client/join-answer.ts"
import type { Legs } from "./client/legs.ts"
import { NameQueries } from "./client/name-queries.ts"
import { NoticeReader } from "./client/notice-reader.ts"
import { Subscriptions } from "./client/subscriptions.ts"
import { type Tier, UpBuffer } from "./client/up-buffer.ts"
import type { Crown } from "./crown.ts"
import type { Frame } from "./frame.ts"
import { bounded, type Candidate } from "./lineage.ts"
import type { Node } from "./node.ts"
import { markTopic } from "./private-topic.ts"
import type { UpSide } from "./sides.ts"
import type { Receiver, TopicState } from "./topic-state.ts"

/** How a host that was told of is dialled again. */
/** A relay without a host for that long is alone: its part of the tree takes nothing that must be ordered. */
const aloneMs = 2000
const soughtAgain = { minMs: 20, maxMs: 250 }
/** The longest that a host is kept for what the next one has not caught up on, and how often that is looked at. */
const catchUpMs = 2000
const lookMs = 5

export class ClientSide implements UpSide {
  readonly #o: ClientSideOptions
  readonly #node: Node
  readonly #attachment: Attachment
  readonly #up: UpBuffer
  readonly #down: DownLeg
  readonly #interests: Interests
  readonly #probe: AttachProbe
  /** The link that was probed last. */
  #probedBy: Legs | undefined
  readonly #notices: NoticeReader
  readonly #names = new NameQueries()
  readonly #session: HostSession
  readonly #subscriptions: Subscriptions
  readonly #liveness: HostLiveness
  /** In the place of a host, while this endpoint is the root of a tree with voters. */
  #crown: Crown | undefined
  #roundTripMs: number | undefined
  #everUp = false
  #isMoving = false
  /** The last PATH_CHANGE of a host that has taken us, until the link is our link. */
  readonly #pathNews = new WeakMap<Legs, PathChange>()
  /** The host has no memory of before, and nobody has been told: that is for when the link is up. */
  #isRegenerated = false
  /** The host of the last link that was up, and why it ended. */
  #lastHost: EndpointId | undefined
  #whyLost = ""
  /** The host as it was when the link was lost. */
  #lostPeer: PeerInfo | undefined
  #alone: Timer | undefined

  constructor(options: ClientSideOptions) {
    this.#o = options
    const { node } = options
    this.#node = node
    this.#up = new UpBuffer({
      messagesMax: options.windowMessages,
      bytesMax: options.windowBytes,
      referenceBytes: options.transport.supports.referenceBytes,
      isOwn: header => sameBytes(node.self.bytes, header, At.Origin, At.Origin + 16),
      onRooted: number => options.relay?.onRooted(number),
      // What a subtree sends up waits until it is known not to come back.
      pusher: () => this.#crown ?? (this.linked && !this.#probe.isOpen ? this.#attachment.legs?.pusher : undefined),
      statistics: node.statistics,
      traffic: node.traffic,
      forgetful: !node.rules.keeping,
    })
    this.#probe = new AttachProbe({
      clock: node.clock,
      random: node.random,
      ask: token => this.#control({ case: "probe", value: { token, path: [node.self.bytes] } }),
      onConfirmed: () => this.#onConfirmed(),
    })
    this.#interests = new Interests(() => node.clock.soon(() => this.#askNew()))
    void this.#interests.want(markTopic)
    this.#subscriptions = new Subscriptions({
      node,
      interests: this.#interests,
      legs: () => this.#attachment.legs,
      linked: () => this.linked,
      control: body => this.#control(body),
    })
    this.#liveness = new HostLiveness({
      clock: node.clock,
      onTick: (now, silenceMs, lateMs) => this.#onTick(now, silenceMs, lateMs),
    })
    this.#notices = new NoticeReader({
      topics: node.topics,
      onUndeliverable: options.onUndeliverable,
      onUndeliverableBelow: options.relay?.undeliverable,
      onDenied: options.onDenied,
      onDeniedBelow: options.relay?.denied,
      onNewSession: options.onNewSession,
    })
    this.#down = new DownLeg({
      node,
      interests: this.#interests,
      linked: () => this.linked,
      requestRepair: (id, ranges) =>
        this.#control({
          case: "repairRequest",
          value: {
            id,
            ranges: ranges.map(({ topic, after, through }) => ({
              topic,
              after: BigInt(after),
              through: BigInt(through),
            })),
          },
        }),
      settle: topics => this.#subscriptions.settle(topics),
      syncAll: () => this.#attachment.legs !== undefined && this.#subscriptions.askAll(this.#attachment.legs),
      onBaseline: ({ number }) => this.#subscriptions.answered(number),
      onViolation: thrown => this.#violation(thrown),
      onward: options.relay?.onward,
    })
    const { name, tree, token, idSecret, relay } = options
    this.#session = new HostSession({ node, name, tree, token, idSecret, relay, up: this.#up, down: this.#down })
    this.#attachment = new Attachment({
      node,
      hasty: !node.rules.overlap,
      transport: options.transport,
      addresses: options.addresses,
      reconnect: options.reconnect,
      joinTimeoutMs: options.joinTimeoutMs,
      maxPayloadBytes: options.maxPayloadBytes,
      // Where hosts are voters, one after the other may be lost through no fault of the next.
      flapsOf: address => (node.lineage.voters.length > 0 ? address : "any"),
      candidates: loss => planReturn({ ...this.#whomToAsk(loss), isSilent: loss.isSilent, random: node.random }),
      join: (address, way) => this.#session.joinMessage(address, way),
      onAccepted: (accept, legs) => this.#onAccepted(accept, legs),
      onDialled: legs => {
        this.#hearPathNews(legs)
        if (this.#attachment.legs !== legs) return
        this.#up.resendAfter(Number(legs.accept!.received))
        this.#subscriptions.askAll(legs)
      },
      onAgain: legs => this.#subscriptions.askAll(legs),
      onUp: legs => this.#onUp(legs),
      onControl: (legs, batch) => this.#onControl(legs, batch),
      onPublished: batch => {
        this.#down.published(batch)
        this.#attachment.arrived(this.#down.through)
      },
      onPublishedByFormer: batch => this.#down.publishedByFormer(batch),
      onSwitched: (accept, legs, reason) => this.#onSwitched(accept, legs, reason),
      caughtUp: () => this.#caughtUp(),
      onDrain: () => this.#up.pump(),
      onLegLost: leg => {
        if (leg === "subscriber") this.#down.lost()
      },
      onLegBack: (leg, legs) => {
        if (leg === "subscriber") this.#subscriptions.askAll(legs)
        else this.#up.resend()
      },
      onLost: error => this.#onLost(error),
      onDown: error => {
        // A voter that was the root, or has never had a host, has nobody to lose.
        const peer = this.#lostPeer
        if (peer !== undefined) this.#node.events.emit({ type: "left", peer, code: error.code, reason: error.message })
        this.#o.onLink("down")
      },
      onEnded: error => this.#end(error),
    })
  }

  get linked(): boolean {
    return this.#attachment.linked
  }
  get hostId(): EndpointId | undefined {
    return this.#session.hostId
  }
  get peers(): PeerInfo[] {
    return this.#session.hostId === undefined ? [] : [this.#peer()]
  }

  // ---- joining ----

  /** The first join; rejects when no address leads to a host that takes us. */
  join(signal: AbortSignal | undefined): Promise<void> {
    return this.#attachment.join(signal)
  }

  /** What candidates are drawn from: whoever the host has told of, and the user's addresses. */
  #whomToAsk({ address }: Pick<Loss, "address">) {
    const { node, transport, addresses } = this.#o
    const id = this.#session.hostId === undefined ? undefined : endpointIdToBytes(this.#session.hostId)
    const { schemes } = transport.supports
    return { lineage: node.lineage, self: node.self.bytes, addresses, schemes, lost: { address, id } }
  }

  #onAccepted(accept: Accept, legs: Legs): void {
    this.#session.check(accept)
    const { place, lineage } = this.#node
    const { isOther, newReign } = this.#session.compare(accept)
    if (newReign) this.#o.relay?.onRegenerated()
    // Told when the link is up, which may take more attempts than this one.
    if (this.#down.accepted(accept, newReign)) this.#isRegenerated ||= newReign || !isOther
    this.#session.accepted(accept, legs.address)
    // Another tree counts its reigns anew.
    this.#node.epoch = accept.epoch
    if (!accept.resumed) this.#roundTripMs = undefined
    // Before anything counts as acknowledged.
    this.#notices.accepted(accept)
    if (accept.resumed) this.#up.loseNotices(Number(accept.noticesLostThrough))
    lineage.learn(accept, legs.address)
    place.attached(pathOf(accept), accept.tree, this.#session.generation)
    this.#alone?.cancel()
    place.setReadOnly(accept.readOnly)
    this.#up.joined(accept.session, Number(accept.received), Number(accept.rooted))
  }

  /** The path may have changed while the data legs were dialled. */
  #hearPathNews(legs: Legs): void {
    const news = this.#pathNews.get(legs)
    this.#pathNews.delete(legs)
    if (news !== undefined) this.#onPathChange(legs, news)
  }

  #onUp(legs: Legs): void {
    const node = this.#node
    this.#liveness.start(this.#session.heartbeatMs, this.#session.heartbeatMisses)
    if (this.#everUp) node.statistics.reconnects++
    else node.statistics.joins++
    this.#everUp = true
    const resumed = legs.accept!.resumed
    this.#probeBy(legs)
    node.events.emit({ type: "joined", peer: this.#peer(), resumed })
    const from = this.#lastHost
    this.#lastHost = this.#session.hostId
    const isMoved = from !== undefined && from !== this.#session.hostId
    if (this.#isRegenerated) node.events.emit({ type: "regenerated", host: this.#session.hostId! })
    else if (isMoved) node.events.emit({ type: "moved", from, to: this.#session.hostId!, reason: this.#whyLost })
    if (this.#isRegenerated || isMoved) this.#o.onLink("regenerated")
    this.#isRegenerated = false
    this.#o.onLink("up")
    this.#o.roster.attached()
    this.#askNew()
    this.#down.up()
    if (!this.#probe.isOpen) this.#onConfirmed()
  }

  /** Once for each link. Who has nobody below cannot close a loop. */
  #probeBy(legs: Legs): void {
    if (this.#o.relay === undefined || this.#probedBy === legs) return
    this.#probedBy = legs
    this.#probe.begin()
  }

  /** The link does not lead back here. */
  #onConfirmed(): void {
    this.#node.place.confirmed()
    this.#up.pump()
    this.#up.tellRoom()
  }

  // ---- moving (T1) ----

  /** Tries these, one after the other, while the present host delivers; stays with it when none takes us. */
  async #moveTo(candidates: readonly Candidate[], legs: Legs, reason: string, inItsPlace: boolean): Promise<void> {
    if (this.#isMoving || this.#o.reconnect === undefined) return
    this.#isMoving = true
    this.#up.pin()
    try {
      for (const step of stepsTo(bounded(candidates, legs.address), {
        ...this.#whomToAsk(legs),
        isRelay: inItsPlace && this.#o.relay !== undefined,
      })) {
        if (this.#attachment.legs !== legs || !this.linked) return
        try {
          await this.#attachment.move(step, reason)
          return
        } catch (thrown) {
          this.#node.logger.debug("could not move", { address: step.address, reason: messageOf(thrown) })
        }
      }
    } finally {
      this.#isMoving = false
      this.#up.unpin()
    }
  }

  #onSwitched(accept: Accept, legs: Legs, reason: string): void {
    this.#session.check(accept)
    this.#down.switching()
    this.#whyLost = reason
    this.#names.fail(new ZincError("PeerLost", "the host was left while it was asked for a name", { retryable: true }))
    this.#onAccepted(accept, legs)
    this.#probeBy(legs)
    this.#up.resendAfter(Number(accept.received))
    this.#up.unpin()
  }

  async #caughtUp(): Promise<void> {
    const { clock } = this.#node
    const until = clock.now() + catchUpMs
    while (!this.#down.isSettled && this.linked && clock.now() < until) await sleep(clock, lookMs)
    this.#down.left()
  }

  /** A probe with our id came from below: if it is the one that is under way, the link leads back here. */
  probeCame(token: Uint8Array): void {
    if (!this.linked || !this.#probe.isOwn(token)) return
    this.#attachment.lost(
      new ZincError("PeerLost", "the host above hangs below this one: the tree has a loop [Loop]", { retryable: true }),
    )
  }

  /** To the top of the tree and back, when the link was new; undefined when that is not known. */
  get rootRoundTripMs(): number | undefined {
    return this.#probe.roundTripMs
  }

  /** The attachment has lost the link, and may come back. */
  #onLost(error: ZincError): void {
    this.#lostPeer = this.#peer()
    this.#whyLost = error.message
    this.#node.place.detached()
    this.#probe.end()
    this.#liveness.stop()
    this.#names.fail(
      new ZincError("PeerLost", "the host was lost while it was asked for a name", {
        retryable: true,
        cause: error,
      }),
    )
    this.#down.lost()
    this.#watchAlone()
  }

  /** R6: a relay that finds no place in a tree with voters is the top of a part that has no authority. */
  #watchAlone(): void {
    const { node, relay } = this.#o
    if (relay === undefined || !node.rules.minority || node.lineage.voters.length === 0) return
    this.#alone?.cancel()
    this.#alone = node.clock.after(aloneMs, () => {
      if (this.#crown === undefined && !this.linked) node.place.setReadOnly(true)
    })
  }

  // ---- control ----

  #onControl(legs: Legs, batch: FrameBatch): void {
    for (let i = 0; i < batch.count; i++) {
      const isNext = this.#attachment.isNext(legs)
      if (this.#attachment.legs !== legs && !isNext) return
      try {
        const control = decodeControl(batch.frame(i, 0))
        if (isNext) {
          this.#onControlOfNext(legs, control)
          continue
        }
        this.#liveness.heard()
        if (control.body.case === "repair") this.#down.repair(control.body.value, batch, i)
        else this.#onControlMessage(legs, control)
      } catch (thrown) {
        this.#violation(thrown)
      }
    }
    this.#node.batchEnded()
  }

  /** What a host says whom we are joining while the present one delivers. */
  #onControlOfNext(legs: Legs, control: Control): void {
    switch (control.body.case) {
      case "accept":
      case "refuse":
      case "redirect":
      case "pathChange":
        this.#onControlMessage(legs, control)
        break
      case "leave":
        legs.fail(new ZincError("PeerLost", "the host left", { retryable: true }))
        break
      default:
        break
    }
  }

  #onControlMessage(legs: Legs, { after, body }: Control): void {
    switch (body.case) {
      case "accept":
        legs.accepted.resolve(body.value)
        break
      case "refuse":
        refused(this.#attachment, legs, body.value)
        break
      case "redirect":
        redirected(this.#attachment, legs, body.value)
        break
      case "heartbeat":
        this.#down.heartbeat(Number(body.value.direct))
        if (body.value.roundTripUs > 0) this.#roundTripMs = body.value.roundTripUs / 1000
        this.#answerHeartbeat(body.value.count)
        break
      case "ack":
        this.#up.acknowledge(Number(body.value.received), Number(body.value.rooted), body.value.resend)
        break
      case "resolved":
        this.#names.answered(body.value.id, body.value.endpointIds)
        break
      case "undeliverable":
        this.#notices.undeliverable(body.value)
        break
      case "denied":
        this.#notices.denied(body.value)
        break
      case "roster":
        this.#o.roster.toldFromAbove(body.value)
        break
      case "drain":
        void this.#moveTo(body.value.candidates, legs, "its host is closing", true)
        break
      case "move":
        void this.#moveTo(body.value.candidates, legs, body.value.reason || "its host asked it to", false)
        break
      case "probeReply":
        if (body.value.path.length <= 1) this.#probe.answered(body.value.token)
        else this.#o.relay?.onProbeReply(body.value)
        break
      case "pathChange":
        this.#onPathChange(legs, body.value)
        break
      case "slow":
        this.#onSlow(legs, body.value)
        break
      case "leave":
        this.#attachment.left(
          legs,
          Number(after),
          this.#down.through,
          new ZincError("PeerLost", `the host left: ${body.value.reason} [${body.value.code}]`, { retryable: true }),
        )
        break
      default:
        break
    }
  }

  /** What there is room for below is told when it has changed. */
  #answerHeartbeat(count: bigint): void {
    const room = this.#session.newRoom
    const told = this.#control({
      case: "heartbeatReply",
      value: {
        count,
        mark: BigInt(this.#down.marked),
        legLast: BigInt(this.#up.sent),
        loopLagMs: Math.round(this.#liveness.loopLagMs),
        queueFill: Math.round(100 * this.#up.fill),
        ...(room === undefined ? {} : { room }),
      },
    })
    if (room !== undefined && told) this.#session.roomTold(room)
  }

  /** Says something to the host; false when there is none, or no room. */
  tell(body: ControlBody): boolean {
    return this.linked && this.#control(body)
  }

  #control(body: ControlBody, after = 0): boolean {
    return this.#attachment.control(body, after)
  }

  /** A host that finds itself below us lets go of the higher link: ours goes on, its own was what closed the loop. */
  #onPathChange(legs: Legs, change: PathChange): void {
    if (legs.accept === undefined || this.#attachment.isNext(legs)) {
      // Right behind the ACCEPT, which is being looked at.
      this.#pathNews.set(legs, change)
      return
    }
    const { path, epoch } = change
    if (path.length === 0 || path.some(id => id.length !== 16)) return
    // T2: what a deposed root commands is nothing to us.
    if (epoch < this.#node.epoch) return
    this.#node.epoch = epoch
    if (path.some(id => equalBytes(id, this.#node.self.bytes))) {
      this.#attachment.lost(
        new ZincError("PeerLost", "the host has come below this endpoint: the tree has a loop [Loop]", {
          retryable: true,
        }),
      )
      return
    }
    this.#node.lineage.learn(change, legs.address)
    this.#node.place.moved(path)
    this.#node.place.setReadOnly(change.readOnly)
  }

  #onSlow(legs: Legs, slow: Slow): void {
    const policy = slow.policy as SlowPolicy
    this.#node.events.emit({ type: "tooSlow", lagMs: slow.lagMs, policy })
    if (slow.withinMs > 0) {
      this.#o.relay?.sendAway(slow.withinMs)
      return
    }
    const error = new ZincError(
      "TooSlow",
      `the host cut this endpoint off: ${slow.lagMs} ms behind; handle messages faster or subscribe to less`,
    )
    if (policy !== "die" && !this.linked) {
      legs.fail(error)
      return
    }
    if (policy === "die") {
      this.#lostPeer = this.#peer()
      this.#attachment.die(error)
      return
    }
    // The snail stops itself and comes back with a fresh baseline, as a new session.
    this.#down.startAfresh()
    this.#session.forsake()
    this.#attachment.lost(error)
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

  hasRoom(bytes: number): boolean {
    return this.#up.hasRoom(bytes)
  }
  /** Half of the room for what is not rooted is free. */
  get isRoomy(): boolean {
    return this.#up.isRoomy
  }

  push(topic: TopicState, header: Uint8Array, payload: Uint8Array): boolean {
    const pushed = this.#up.push(topic, header, payload)
    // What was pushed while this was under way, by whoever heard of it, waits behind it.
    if (pushed && this.#crown !== undefined && this.#up.sent < this.#up.last)
      this.#node.clock.soon(() => this.#up.pump())
    return pushed
  }

  putOff(streams: TopicState, frame: Frame): void {
    this.#down.putOff(streams, frame)
  }

  follows(topic: TopicState): boolean {
    return this.#crown === undefined && this.#interests.isFollowed(topic.bytes)
  }

  continues(topic: TopicState): boolean {
    return this.#interests.isContinued(topic.bytes)
  }

  /** Resolves when the tier covers that leg number. */
  acknowledged(number: number, tier: Tier, signal?: AbortSignal): Promise<void> {
    return this.#up.acknowledged(number, tier, signal)
  }

  /** Calls back when a refused push may succeed. */
  onRoom(callback: () => void): void {
    this.#up.onRoom(callback)
  }

  // ---- in a tree with voters: who is above is decided elsewhere ----

  /** From now on nobody is above but the crown: this endpoint is the root. */
  crowned(crown: Crown, generation: Uint8Array): void {
    const hadHost = this.#session.hostId !== undefined
    this.#attachment.rest(new ZincError("PeerLost", "this endpoint has become the root", { retryable: true }))
    this.#crown = crown
    this.#probe.end()
    this.#session.end(generation)
    this.#names.fail(new ZincError("PeerLost", "the host was lost while it was asked for a name", { retryable: true }))
    this.#down.crowned()
    this.#interests.answerAll()
    if (hadHost) this.#o.onLink("down")
  }

  /** The crown takes what is not rooted yet, and then what comes. */
  beginReign(): void {
    this.#up.resendAfter(0)
    this.#up.pump()
    this.#up.tellRoom()
  }

  /** Of what was pushed, the crown has all rooted up to that leg number. */
  crownRooted(through: number): void {
    this.#up.acknowledge(Math.max(through, this.#up.sent), through, false)
  }

  /** The crown takes more. */
  pump(): void {
    this.#up.pump()
  }

  /** This endpoint is the root no more; who is, may not be known yet. */
  uncrowned(): void {
    if (this.#crown === undefined) return
    this.#crown = undefined
    this.#node.place.detached()
    this.#down.lost()
  }

  /** The host above, of that generation of the tree, is at one of these addresses from now on. A link that leads there stays. */
  seek(addresses: readonly string[], generation: Uint8Array): void {
    this.uncrowned()
    const stays = this.#attachment.isAt(addresses) && equalBytes(this.#session.generation, generation)
    if (!stays) this.#session.forsake()
    this.#session.voteIn(generation)
    this.#attachment.seek(addresses, this.#o.reconnect ?? soughtAgain, stays)
  }

  /** A direct message of somebody below, or of ours, found nobody. */
  undeliverable(news: Pick<Undeliverable, "target" | "sequence" | "correlation" | "code" | "origin">): void {
    this.#notices.undeliverable(news)
  }

  // ---- names ----

  async resolve(name: string): Promise<Uint8Array[]> {
    if (!this.linked)
      throw new ZincError("PeerLost", `the name "${name}" cannot be resolved: no link to a host now`, {
        retryable: true,
      })
    return this.#names.ask(id => this.#control({ case: "resolve", value: { id, name } }))
  }

  // ---- interests (L2) ----

  /** Resolves when the host knows of all the receiver's prefixes; rejects with `Refused` if one is not allowed. */
  addReceiver(receiver: Receiver): Promise<void> {
    return this.#interests.follow(receiver)
  }

  removeReceiver(receiver: Receiver): void {
    this.#subscriptions.leave(this.#interests.unfollow(receiver))
  }

  /** For somebody below. Resolves when the host knows of the prefix; rejects with `Refused` if it is not allowed. */
  want(prefix: Uint8Array): Promise<void> {
    return this.#interests.want(prefix)
  }
  unwant(prefix: Uint8Array): void {
    if (this.#interests.unwant(prefix)) this.#subscriptions.leave([prefix])
  }

  #askNew(): void {
    if (this.#crown !== undefined) this.#interests.answerAll()
    this.#subscriptions.askNew()
  }

  // ---- time ----

  #onTick(now: number, silence: number, late: number): void {
    this.#o.roster.late(late)
    const { heartbeatMs, sessionKeepMs } = this.#session
    // L9: a silent host is dead where there is another to go to; else it has its time to come back to itself.
    const { legs, state } = this.#attachment
    if (
      silence >= sessionKeepMs ||
      (this.#liveness.isSilent && legs !== undefined && hasOthers(this.#whomToAsk(legs)))
    ) {
      this.#attachment.lost(
        new ZincError("PeerLost", `nothing heard from the host for ${Math.round(silence)} ms`, { retryable: true }),
        true,
      )
      return
    }
    this.#probe.tick()
    this.#down.tick(4 * heartbeatMs, this.#liveness.isSilent)
    this.#names.tick()
    if (state === "up" && legs?.subscriber !== undefined) this.#subscriptions.retry(legs)
    this.#node.resequencer.giveUpOlderThan(now - 2 * heartbeatMs)
  }

  #peer(): PeerInfo {
    const { state, legs } = this.#attachment
    return {
      id: this.#session.hostId!,
      name: this.#session.hostName,
      role: "host",
      remote: legs?.address ?? this.#o.addresses[0] ?? "",
      state:
        state === "up" ? (this.#liveness.isSilent ? "degraded" : "up") : state === "degraded" ? "degraded" : "away",
      lagMs: undefined,
      roundTripMs: this.#roundTripMs,
    }
  }

  // ---- ending ----

  /** How many messages of our own the root is not known to have. */
  get unacknowledged(): number {
    return this.#up.own
  }

  async close(lingerMs: number): Promise<void> {
    const closed = new ZincError("Closed", "the endpoint closed before the message was acknowledged")
    if (!this.linked || this.#attachment.legs === undefined) {
      // Nobody to say goodbye to: an attempt to come back under way ends here.
      this.abort(closed)
      return
    }
    this.#control({ case: "leave", value: { code: "Requested", reason: "it closed", retryAfterMs: 0 } }, this.#up.sent)
    const legs = this.#stop()
    this.#failWaiting(closed)
    await Promise.all([
      legs?.dealer.close({ lingerMs }),
      legs?.subscriber?.close({ lingerMs: 0 }),
      legs?.pusher?.close({ lingerMs }),
    ])
  }

  abort(error: ZincError): void {
    const legs = this.#stop()
    this.#failWaiting(error)
    legs?.abort.abort(error)
    legs?.drop()
  }

  #end(error: ZincError): void {
    this.#stop()
    this.#failWaiting(error)
    this.#o.onClosed(error)
  }

  #stop(): Legs | undefined {
    this.#alone?.cancel()
    this.#liveness.stop()
    return this.#attachment.stop()
  }

  #failWaiting(error: ZincError): void {
    this.#names.fail(error)
    this.#interests.end(error)
    this.#up.end(error)
  }

  #violation(thrown: unknown): void {
    const error = asZincError(thrown)
    this.#node.statistics.violations++
    this.#node.events.emit({ type: "violation", from: this.#session.hostName, error })
  }
}
