/**
 * The side of an endpoint that hosts a cluster. It owns the three sockets, gives each part what arrives for it, and ends
 * sessions. The parts stand in `host/`: who may join (`Admission`, L1) and where in the tree (`Placement`), whose
 * subscriptions hold (`SubscriberGuard`, L3) and where they begin (`BaselineAnswers`, L2), what is published
 * (`Publication`) and published again (`RepairDesk`, L6), what comes up (`UpLeg`, L4) and is acknowledged
 * (`Acknowledgements`, L7), the heartbeat by which everyone lives (`Heartbeat`, L9), who is below (`SubtreeMembership`),
 * and who does not keep up (`SlowSubscribers`, §11). `LinkTable` is what they share.
 */
import { ZincError } from "../core/errors.ts"
import type { FrameBatch } from "../core/frame-batch.ts"
import { type EndpointId, endpointIdToBytes } from "../core/id.ts"
import {
  type Control,
  type ControlBody,
  decodeControl,
  encodeControl,
  type ProbeReply,
  type Undeliverable,
} from "../message/control.ts"
import type { HostAddresses, PublisherSocket, PullerSocket, RouterSocket } from "../transport/transport.ts"
import type { MemberInfo, PeerInfo } from "./api.ts"
import type { Frame } from "./frame.ts"
import { Acknowledgements } from "./host/acknowledgements.ts"
import { Admission } from "./host/admission.ts"
import { BaselineAnswers } from "./host/baseline-answers.ts"
import { strangerMs } from "./host/crowd.ts"
import { DirectRoute } from "./host/direct-route.ts"
import { type DrainOptions, drain, drainTo, type Heir, heirAmong } from "./host/drain.ts"
import { Heartbeat } from "./host/heartbeat.ts"
import type { HostSideOptions } from "./host/host-options.ts"
import type { Link } from "./host/link.ts"
import { LinkTable } from "./host/link-table.ts"
import { NameDesk } from "./host/name-desk.ts"
import { Placement } from "./host/placement.ts"
import { Publication } from "./host/publication.ts"
import { Rebalancing } from "./host/rebalancing.ts"
import { RepairDesk } from "./host/repair-desk.ts"
import { RootProbes } from "./host/root-probes.ts"
import { Rooting } from "./host/rooting.ts"
import { sendAway } from "./host/send-away.ts"
import { SlowSubscribers, subscriberLimits } from "./host/slow-subscribers.ts"
import { SubscriberGuard } from "./host/subscriber-guard.ts"
import { SubtreeInterest } from "./host/subtree-interest.ts"
import { SubtreeMembership } from "./host/subtree-membership.ts"
import { Succession } from "./host/succession.ts"
import { UpLeg } from "./host/up-leg.ts"
import { reportViolation } from "./host/violation.ts"
import { VoterGate, type VoterReception } from "./host/voter-gate.ts"
import type { Node } from "./node.ts"
import { syncNumberOf } from "./private-topic.ts"
import type { RoomNumbers } from "./room.ts"
import type { RosterBelow } from "./roster/roster-keeper.ts"
import type { TopicState } from "./topic-state.ts"

/**
 * Largest control message a client may send. The largest are a JOIN that names the topics its sender remembers, and a
 * SYNC or REPAIR_REQUEST that names all it follows; a publisher takes 1 MiB of that.
 */
const controlBytesMax = 2 * 1024 * 1024
/** What may wait for one client on the control leg, repairs mostly. */
const controlWaitingMax = { messages: 1000, bytes: 4 * 1024 * 1024 }
/** Largest message on the publish leg, where clients say nothing but what they subscribe to. */
const subscriptionBytesMax = 64 * 1024
/** Longest that a client which leaves waits for its last frames to come. */
const leaveWaitMs = 1000
/** Why a session ended whose client may be elsewhere in the tree: what went to it privately goes after it. */
const mayLiveElsewhere: ReadonlySet<string> = new Set(["Moved", "PeerLost", "Displaced"])

export class HostSide {
  readonly addresses: HostAddresses[] = []
  /** Where the node hands down what goes to the cluster. */
  readonly publication: Publication
  readonly #o: HostSideOptions
  readonly #node: Node
  readonly #router: RouterSocket
  readonly #publisher: PublisherSocket
  readonly #puller: PullerSocket
  readonly #links: LinkTable
  readonly #admission: Admission
  readonly #placement: Placement
  readonly #rebalancing: Rebalancing
  readonly #probes: RootProbes
  readonly #guard: SubscriberGuard
  readonly #slow: SlowSubscribers
  readonly #acknowledgements: Acknowledgements
  readonly #rooting: Rooting
  readonly #membership: SubtreeMembership
  readonly #baselines: BaselineAnswers
  readonly #repairs: RepairDesk
  readonly #nameDesk: NameDesk
  readonly #heartbeat: Heartbeat
  /** At a relay: what its clients follow. */
  readonly #interest: SubtreeInterest | undefined
  readonly #succession: Succession
  readonly #direct: DirectRoute
  readonly #upLeg: UpLeg
  readonly #voters: VoterGate
  #closing = false
  /** The sockets are closed, though a timer may still come. */
  #ended = false

  constructor(options: HostSideOptions) {
    this.#o = options
    const { node, transport, slow } = options
    this.#node = node
    if (!transport.supports.subscriberIdentity && options.authenticator !== undefined && !options.unguarded) {
      throw new ZincError(
        "Unguarded",
        `the ${transport.name} transport cannot keep strangers from subscribing, so an authenticator would promise too much; use the zmtp transport, or say unguarded: true`,
      )
    }
    const { above } = options
    const links = new LinkTable(node.random)
    this.#links = links
    const shared = { logger: node.logger, handshakeTimeoutMs: strangerMs }
    this.#router = transport.router(
      {
        onBatch: batch => this.#onControl(batch),
        onConnect: (connection, remote) => this.#admission.connected(connection, remote),
        onDisconnect: (connection, error) => this.#onControlLost(connection, error),
      },
      { ...shared, maxMessageBytes: controlBytesMax, sendLimits: controlWaitingMax },
    )
    this.#publisher = transport.publisher(
      {
        onSubscribe: (connection, prefix) => this.#guard.subscribed(connection, prefix),
        onUnsubscribe: () => {},
        onFull: (connection, frames) => {
          const link = links.ofSubscriber(connection)
          if (link !== undefined) this.#slow.full(link, frames)
        },
        onRoom: connection => {
          const link = links.ofSubscriber(connection)
          if (link !== undefined) this.#slow.room(link)
        },
        onConnect: connection => this.#guard.connected(connection),
        onDisconnect: connection => this.#guard.disconnected(connection),
      },
      {
        ...shared,
        maxMessageBytes: subscriptionBytesMax,
        guard: transport.supports.subscriberIdentity,
        sendLimits: subscriberLimits(slow),
      },
    )
    this.#puller = transport.puller(
      {
        onBatch: batch => this.#upLeg.pushed(batch),
        onConnect: (connection, remote) => this.#upLeg.connected(connection, remote),
        onDisconnect: connection => this.#upLeg.disconnected(connection),
      },
      { ...shared, maxMessageBytes: options.maxPayloadBytes + 64 * 1024 },
    )
    const tell = (link: Link, body: ControlBody, after?: number) => this.#tell(link, body, after)
    const end = (link: Link, code: string, reason: string) => this.#end(link, code, reason)
    this.#succession = new Succession({
      node,
      name: options.name,
      addresses: () => this.addresses.map(({ control }) => control),
      links,
      onChanged: () => this.#tellPath(),
    })
    const publication = new Publication({
      node,
      publisher: this.#publisher,
      replayMessages: options.replayMessages,
      replayBytes: options.replayBytes,
      referenceBytes: transport.supports.referenceBytes,
      before: () => this.#slow.flush(),
      onDropped: (topic, frame) => this.#direct.dropped(topic, frame),
    })
    this.publication = publication
    this.#placement = new Placement({
      random: node.random,
      place: node.place,
      links,
      fanOut: options.fanOut,
      maxClients: options.maxClients,
      maxDepth: options.maxDepth,
    })
    this.#rebalancing = new Rebalancing({
      links,
      placement: this.#placement,
      tell: (link, body) => this.#tell(link, body),
      fanOut: options.fanOut,
      maxClients: options.maxClients,
      heartbeatMs: options.heartbeatMs,
      isSteady: () => node.place.isConfirmed,
    })
    this.#probes = new RootProbes({
      self: node.self.bytes,
      links,
      tell,
      isTop: () => above?.linked !== true,
      tellAbove: body => above?.tell(body) ?? false,
      onOwn: token => above?.probeCame(token),
    })
    this.#admission = new Admission({
      host: options,
      placement: this.#placement,
      addresses: this.addresses,
      router: this.#router,
      links,
      publication,
      succession: this.#succession,
      votes: () => this.#voters.reception !== undefined,
      tell,
      end,
      onNew: link => {
        this.#succession.arrived(link)
        if (link.relay) this.#rebalancing.disturbed()
        this.#membership.here(link)
        options.roster.joined(link)
      },
      onBack: link => this.#membership.back(link),
      onLost: connection => this.#onControlLost(connection),
      onFailed: (connection, thrown) => this.#cutControl(connection, thrown),
    })
    this.#voters = new VoterGate({
      router: this.#router,
      authenticator: options.authenticator,
      logger: node.logger,
      onFailed: (connection, thrown) => this.#cutControl(connection, thrown),
    })
    this.#slow = new SlowSubscribers({
      node,
      slow,
      links,
      publication,
      queues: this.#publisher,
      tell,
      end,
      heartbeatMs: options.heartbeatMs,
    })
    this.#guard = new SubscriberGuard({
      node,
      publisher: this.#publisher,
      links,
      onBound: link => this.#slow.forget(link),
      onPrivate: (link, topic) => {
        const sync = syncNumberOf(topic)
        if (sync !== undefined) this.#baselines.seen(link, sync)
      },
    })
    this.#acknowledgements = new Acknowledgements(node.clock, tell)
    const notify = (link: Link) => {
      if (this.#acknowledgements.notify(link) || !link.notices.overflowed || link.control === 0) return
      // It does not read. When it comes back, its ACCEPT says what it cannot know any more.
      const { control } = link
      this.#router.disconnect(control)
      this.#onControlLost(control)
    }
    this.#rooting = new Rooting((link, prompt) => {
      if (!links.has(link)) return
      const acknowledgements = this.#acknowledgements
      acknowledgements.soon(link)
      if (prompt || acknowledgements.isPressing(link)) acknowledgements.flush(link)
    })
    this.#membership = new SubtreeMembership({
      node,
      name: options.name,
      links,
      above,
      end,
      onRerouted: (from, id) => this.#direct.reroute(from, id),
      onFound: id => this.#direct.found(id),
      onForgotten: link => {
        this.#direct.reroute(link)
        this.#direct.forgetHeld(link)
      },
      onGone: options.onGone,
      onMovedOn: options.onMovedOn,
      sessionKeepMs: options.sessionKeepMs,
    })
    const { members } = this.#membership
    this.#interest = above === undefined ? undefined : new SubtreeInterest(above)
    this.#baselines = new BaselineAnswers({
      node,
      links,
      publication,
      interest: this.#interest,
      isOpen: () => !this.#ended,
      onAnswered: link => this.#joined(link),
    })
    this.#nameDesk = new NameDesk({ clock: node.clock, tell, resolve: name => this.#membership.resolve(name) })
    this.#repairs = new RepairDesk({ links, router: this.#router, publication, isOpen: () => !this.#ended })
    this.#direct = new DirectRoute({
      node,
      links,
      members,
      publication,
      keptMs: options.sessionKeepMs,
      notify,
      above,
      onDirect: options.onDirect,
    })
    this.#upLeg = new UpLeg({
      node,
      puller: this.#puller,
      links,
      acknowledgements: this.#acknowledgements,
      direct: this.#direct,
      notify,
      rooting: this.#rooting,
      linkOfOrigin: id => members.ofId(id)?.via ?? links.ofPeer(id),
      above,
      maxPayloadBytes: options.maxPayloadBytes,
      maxClients: options.maxClients,
    })
    node.place.onMoved(() => {
      this.#rebalancing.disturbed()
      this.#letGoTooDeep()
      this.#tellPath()
    })
    this.#heartbeat = new Heartbeat({
      node,
      heartbeatMs: options.heartbeatMs,
      heartbeatMisses: options.heartbeatMisses,
      sessionKeepMs: options.sessionKeepMs,
      links,
      publication,
      acknowledgements: this.#acknowledgements,
      roster: options.roster,
      tell,
      end,
      onTick: now => {
        this.#upLeg.tickedAt = now
      },
      onBeat: (link, now) => {
        this.#repairs.renew(link)
        this.#slow.watch(link, now)
      },
      onBeaten: now => {
        this.#admission.tick(now)
        if (!this.#closing) this.#rebalancing.tick(now)
        this.#guard.tick(now)
        this.#direct.tick()
      },
    })
    this.#upLeg.tickedAt = this.#heartbeat.tickedAt
  }

  async bind(address: string): Promise<void> {
    const sockets = { router: this.#router, publisher: this.#publisher, puller: this.#puller }
    this.addresses.push(await this.#o.transport.bind(address, sockets))
  }

  start(): void {
    this.#heartbeat.start()
  }

  /** Who hears the voters that call at the control address; undefined refuses them. */
  receiveVoters(reception: VoterReception | undefined): void {
    this.#voters.reception = reception
  }

  get peers(): PeerInfo[] {
    return [...this.#links].map(link => this.#observe(link))
  }

  /** What the roster sees of this side. */
  get forRoster(): RosterBelow {
    return {
      clients: this.#links,
      tell: (link, body) => this.#tell(link, body),
      isVoter: () => this.#voters.reception?.isVoter ?? false,
      observe: link => this.#observe(link),
    }
  }

  #observe(link: Link): PeerInfo {
    const now = this.#node.clock.now()
    return link.info(now, this.#slow.lagOf(link, now))
  }

  /** Ids of all below with that name, clients first. */
  named(name: string, most: number = Number.POSITIVE_INFINITY): Uint8Array[] {
    return this.#membership.named(name, most)
  }

  /** Links from here to the lowest endpoint below. */
  get height(): number {
    return this.#placement.room.height
  }

  /** Room for clients in the own cluster and in those below, to be told above. */
  get room(): RoomNumbers {
    return this.#placement.room
  }

  /** All below: the clients, and the members of the clusters they host in turn. */
  get members(): MemberInfo[] {
    return this.#membership.all
  }

  /** Whether that client may read, or write, what travels on the topic. */
  allows(id: EndpointId, way: "receive" | "send", topic: Uint8Array): boolean {
    const link = this.#links.ofPeer(endpointIdToBytes(id))
    if (link === undefined) return false
    return way === "receive" ? link.mayReceive(topic) : link.maySend(this.#node.topics.of(topic))
  }

  /** Whether that client hosts others in turn. */
  isRelay(id: EndpointId): boolean {
    return this.#links.ofPeer(endpointIdToBytes(id))?.relay ?? false
  }

  /** Whether that endpoint is the client `from` or below it: one that has moved is neither any more. */
  reaches(endpoint: EndpointId, from: EndpointId): boolean {
    const link = this.#links.ofPeer(endpointIdToBytes(from))
    const member = this.#membership.members.ofId(endpointIdToBytes(endpoint))
    return link !== undefined && (endpoint === from ? member === undefined : member?.via === link)
  }

  /** Sends to one client. False when nobody here has that id. */
  sendDirect(target: Uint8Array, header: Uint8Array, payload: Uint8Array): boolean {
    return this.#direct.send(target, header, payload)
  }

  // ---- at a relay: the tree above ----

  /** The host above has said how far what we sent up is rooted. */
  rooted(through: number): void {
    this.#rooting.rootedThrough(through)
  }

  /** The host above takes nothing on that topic from this relay. */
  deniedAbove(topic: TopicState, code: string, reason: string): void {
    this.#upLeg.deniedAbove(topic, code, reason)
  }

  /** The session with the host above is new. */
  allowedAbove(): void {
    this.#upLeg.allowedAbove()
  }

  /** The link above is up: whoever is on the way to the root hangs below us no more, though its session may be kept. */
  linkedAbove(): void {
    for (const id of this.#node.place.path) {
      const link = this.#links.ofPeer(id)
      if (link !== undefined) this.#end(link, "PeerLost", "it is above now")
    }
  }

  /** A direct message for somebody below. */
  directFromAbove(frame: Frame): void {
    this.#direct.takeFromAbove(frame)
  }

  /** The host above knows nobody to whom a message can go. False when it was our own. */
  undeliverable(news: Pick<Undeliverable, "target" | "sequence" | "correlation" | "code" | "origin">): boolean {
    return this.#direct.passUndeliverable(news, undefined)
  }

  /** The answer to a probe of somebody below. */
  probeReply(reply: ProbeReply): void {
    this.#probes.fromAbove(reply)
  }

  /** The link to the host above is new: it is told who is here. */
  tellCensus(): void {
    this.#membership.tellCensus()
  }

  /**
   * The root above began anew: what its numbers meant is over, for those below as well. All sessions end, and whoever
   * comes back begins afresh, as at a host that was restarted.
   */
  regenerate(): void {
    for (const link of [...this.#links]) this.#end(link, "Regenerated", "the tree began anew above")
    this.#node.regenerate()
    this.publication.forget()
  }

  #tellPath(): void {
    const { place, epoch } = this.#node
    const value = {
      version: BigInt(place.version),
      path: [...place.path],
      epoch,
      readOnly: place.isReadOnly,
      ...this.#succession.told(),
    }
    for (const link of this.#links) this.#tell(link, { case: "pathChange", value })
  }

  /** Nobody new is let in, and who is here goes elsewhere in the tree. Resolves when all have, or after that time. */
  async drain(withinMs: number): Promise<void> {
    if (this.#closing) return
    this.#admission.close()
    await drain(this.#draining, withinMs)
  }

  /** At the root: nobody new is let in, and all but that client go to that one. Resolves when they have, or after that time. */
  async drainTo(heir: Heir, withinMs: number): Promise<void> {
    if (this.#closing) return
    this.#admission.close()
    await drainTo(this.#draining, heir, withinMs)
  }

  /** Whether one of the clients is that voter. */
  hosts(heir: Heir): boolean {
    return heirAmong(this.#links, heir) !== undefined
  }

  get #draining(): DrainOptions {
    return {
      clock: this.#node.clock,
      self: this.#node.self.bytes,
      links: this.#links,
      lists: () => this.#succession.lists,
      tell: (link, body) => this.#tell(link, body),
    }
  }

  /** The host above is about to cut this one off: our clients are asked to join it, or those above it, instead. */
  async sendAway(withinMs: number): Promise<void> {
    if (this.#closing) return
    await sendAway(this.#draining, withinMs, "its host does not keep up with the host above it")
  }

  /** Says goodbye to all, then closes the sockets. */
  async close(lingerMs: number, code: string, reason: string): Promise<void> {
    if (this.#closing) return
    this.#closing = true
    this.#admission.end()
    this.#voters.end()
    this.#heartbeat.stop()
    this.#acknowledgements.flush()
    // Everyone follows marks, so the last one tells each client that all before it has come.
    this.publication.mark(this.#node.clock.now())
    for (const link of this.#links) {
      this.#tell(link, { case: "leave", value: { code, reason, retryAfterMs: 0 } }, this.publication.published)
    }
    this.#ended = true
    this.publication.end()
    await Promise.all([
      this.#publisher.close({ lingerMs }),
      this.#puller.close({ lingerMs: 0 }),
      this.#router.close({ lingerMs }),
    ])
  }

  abort(): void {
    this.#closing = true
    this.#ended = true
    this.publication.end()
    this.#admission.end()
    this.#voters.end()
    this.#acknowledgements.cancel()
    this.#heartbeat.stop()
    this.#router.abort()
    this.#publisher.abort()
    this.#puller.abort()
  }

  // ---- control ----

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
    const name = this.#links.ofControl(connection)?.name ?? this.#admission.remoteOf(connection)
    reportViolation(this.#node, name ?? "a stranger", thrown)
    this.#router.disconnect(connection)
    this.#onControlLost(connection)
  }

  #onControlMessage(connection: number, control: Control): void {
    const { body } = control
    if (body.case === "voterHello") {
      const remote = this.#admission.remoteOf(connection) ?? ""
      if (this.#links.ofControl(connection) !== undefined || this.#admission.isDeciding(connection))
        throw new ZincError("BadFrame", "a client says VOTER_HELLO")
      this.#admission.disconnected(connection)
      this.#voters.hello(connection, remote, body.value)
      return
    }
    if (this.#voters.has(connection)) {
      this.#voters.received(connection, control)
      return
    }
    if (body.case === "join") {
      this.#admission.join(connection, body.value)
      return
    }
    const link = this.#links.ofControl(connection)
    if (link === undefined) {
      if (body.case === "probe" && body.value.here) {
        this.#admission.probe(
          connection,
          body.value.token,
          this.#heartbeat.loopLagMs,
          this.#o.above?.rootRoundTripMs ?? 0,
        )
        return
      }
      // A joiner whose link has ended meanwhile may still say something; a stranger may not.
      if (this.#admission.isDeciding(connection) || this.#admission.wasSentAway(connection)) return
      // Where connections cannot be cut (native), one whose session has ended must be told, or it would talk on for ever. It
      // has a new number since it was let go: what it says in ignorance shows nothing of it, and is no violation.
      this.#router.send(connection, [
        encodeControl({
          case: "leave",
          value: { code: "Error", reason: "no session is open on this connection; join again", retryAfterMs: 0 },
        }),
      ])
      if (!this.#o.transport.supports.connectionEvents) {
        this.#router.disconnect(connection)
        return
      }
      throw new ZincError(
        "BadFrame",
        `the first control message must be JOIN, not ${(body.case ?? "nothing").toUpperCase()}`,
      )
    }
    this.#heartbeat.heard(link)
    switch (body.case) {
      case "sync":
        this.#baselines.asked(link, body.value)
        break
      case "unsubscribe":
        this.#interest?.unwant(link, body.value.prefixes)
        break
      case "probe":
        this.#probes.fromBelow(link, body.value)
        break
      case "members":
        if (!link.relay) throw new ZincError("BadFrame", "a client that is no relay speaks of others")
        this.#membership.told(link, body.value)
        this.#direct.departed(link, body.value.departed)
        break
      case "roster":
        this.#o.roster.told(link, body.value)
        break
      case "watch":
        this.#o.roster.watch(link, body.value.on)
        break
      case "undeliverable":
        if (!link.relay) throw new ZincError("BadFrame", "a client that is no relay tells what others do not get")
        if (!this.#direct.passUndeliverable(body.value, link)) this.#o.onUndeliverable(body.value)
        break
      case "heartbeatReply":
        this.#heartbeat.answered(link, body.value)
        break
      case "repairRequest":
        this.#repairs.asked(link, body.value)
        break
      case "resolve":
        this.#nameDesk.asked(link, body.value.id, body.value.name)
        break
      case "leave":
        this.#onLeave(link, Number(control.after), body.value.code, body.value.reason)
        break
      default:
        // A message of a newer version, or one for hosts above: ignored, as the protocol says.
        break
    }
  }

  #tell(link: Link, body: ControlBody, after = 0): boolean {
    return !this.#ended && link.control !== 0 && this.#router.send(link.control, [encodeControl(body, after)])
  }

  // ---- the end of a connection, and of a session ----

  #onControlLost(connection: number, error?: Error): void {
    this.#voters.disconnected(connection)
    this.#admission.disconnected(connection)
    const link = this.#links.controlClosed(connection)
    if (link === undefined) return
    link.awaySince = this.#node.clock.now()
    link.repairs.length = 0
    this.#left(link, "PeerLost", error === undefined ? "its connection closed" : error.message)
    // One that has said nothing since its ACCEPT has nothing to come back to.
    if (!link.confirmed) this.#end(link, "PeerLost", "it never answered")
  }

  /** It goes once all has come that it sent before it said so. */
  #onLeave(link: Link, after: number, code: string, reason: string): void {
    const end = () => this.#end(link, code || "Requested", reason || "it left")
    if (link.received >= after) end()
    else if (!link.leaving) {
      link.leaving = true
      this.#node.clock.after(Math.min(leaveWaitMs, this.#o.sessionKeepMs), end)
    }
  }

  /** The session is over for good. */
  #end(link: Link, code: string, reason: string): void {
    // Something that was waited for may come to its time after the end: a relay that was to send its clients away.
    if (this.#ended || !this.#links.end(link)) return
    const wasUp = link.awaySince === undefined
    this.#placement.forget(link)
    this.#nameDesk.forget(link)
    if (link.relay) this.#rebalancing.disturbed()
    this.#slow.forget(link)
    this.#succession.left(link)
    this.#interest?.forget(link)
    if (link.control !== 0) {
      this.#tell(link, { case: "leave", value: { code, reason, retryAfterMs: 0 } }, this.publication.published)
      this.#router.disconnect(link.control)
      this.#admission.parted(link.control)
    }
    if (link.subscriber !== 0) this.#publisher.disconnect(link.subscriber)
    if (link.push !== 0) this.#puller.disconnect(link.push)
    link.control = 0
    if (wasUp) this.#left(link, code, reason)
    this.#o.roster.gone(link, code === "Replaced" || code === "Moved")
    // One that joined anew under its id, or elsewhere below, is not gone.
    if (code === "Moved") this.#membership.moved(link)
    else if (code === "Replaced") this.#membership.replaced(link)
    else this.#membership.gone(link)
    // One that answers, and only reads too slowly, would be too slow for them again: its new session says that some are lost.
    const isUnheard = link.silent || !wasUp
    if (mayLiveElsewhere.has(code) || (code === "TooSlow" && isUnheard)) this.#direct.reroute(link)
    this.#direct.forgetHeld(link)
    this.#node.topics.forget(link.directTopic)
  }

  /**
   * Two moves at once may each be within the depth allowed, and together not: this host sinks while a subtree that found
   * it higher up comes below it. That subtree finds another place; what else it has below it sinks with it.
   */
  #letGoTooDeep(): void {
    const { place } = this.#node
    const { maxDepth, heartbeatMs } = this.#o
    const since = this.#node.clock.now() - 4 * heartbeatMs
    for (const link of [...this.#links]) {
      const depth = place.depth + 1 + (link.room?.told.height ?? 0)
      if (link.relay && link.since > since && depth > maxDepth)
        this.#end(link, "TooDeep", `this host has sunk, and with it the tree would be ${depth} deep`)
    }
  }

  /** L2: a join is complete at the first baseline. */
  #joined(link: Link): void {
    const { joining } = link
    if (joining === undefined) return
    link.joining = undefined
    link.joined = true
    this.#node.statistics.joins++
    const peer = link.info(this.#node.clock.now(), undefined)
    this.#node.events.emit({ type: "joined", peer, resumed: joining.resumed })
  }

  #left(link: Link, code: string, reason: string): void {
    link.joining = undefined
    if (!link.joined) return
    link.joined = false
    const peer = link.info(this.#node.clock.now(), undefined)
    this.#node.events.emit({ type: "left", peer, code, reason })
  }
}
