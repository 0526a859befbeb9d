/**
 * The side of an endpoint that hosts a cluster. It owns the three sockets, gives each part what arrives for it, beats
 * the heart by which everyone lives (L9), and ends sessions. The parts stand in `host/`: who may join (`Admission`, L1),
 * whose subscriptions hold (`SubscriberGuard`, L3) and where they begin (`publishBaseline`, L2), what is published and
 * published again (`Publication`, L6), what comes up (`UpLeg`, L4) and is acknowledged (`Acknowledgements`, L7), and who
 * does not keep up (`SlowSubscribers`, §11). `LinkTable` is what they share.
 */
import type { Timer } from "../core/clock.ts"
import { ZincError } from "../core/errors.ts"
import type { FrameBatch } from "../core/frame-batch.ts"
import { type EndpointId, endpointIdFromBytes, endpointIdToBytes } from "../core/id.ts"
import {
  type Control,
  type ControlBody,
  decodeControl,
  encodeControl,
  type ProbeReply,
  type Sync,
  type Undeliverable,
} from "../message/control.ts"
import { TopicKind } from "../message/topic.ts"
import type { HostAddresses, PublisherSocket, PullerSocket, RouterSocket } from "../transport/transport.ts"
import type { MemberInfo, PeerInfo } from "./api.ts"
import type { Frame } from "./frame.ts"
import { Acknowledgements } from "./host/acknowledgements.ts"
import { Admission } from "./host/admission.ts"
import { publishBaseline } from "./host/baseline.ts"
import { strangerMs } from "./host/crowd.ts"
import { DirectRoute } from "./host/direct-route.ts"
import { drain } from "./host/drain.ts"
import type { HostSideOptions } from "./host/host-options.ts"
import type { Link } from "./host/link.ts"
import { LinkTable } from "./host/link-table.ts"
import { MemberNews, type NewMember } from "./host/member-news.ts"
import { Members } from "./host/members.ts"
import { rangesMax } from "./host/pending-syncs.ts"
import { Placement } from "./host/placement.ts"
import { Publication } from "./host/publication.ts"
import { stepsPerHeartbeat } from "./host/repair-answer.ts"
import { RootProbes } from "./host/root-probes.ts"
import { Rooting } from "./host/rooting.ts"
import { SlowSubscribers, subscriberLimits } from "./host/slow-subscribers.ts"
import { SubscriberGuard } from "./host/subscriber-guard.ts"
import { SubtreeInterest } from "./host/subtree-interest.ts"
import { Succession } from "./host/succession.ts"
import { UpLeg } from "./host/up-leg.ts"
import { reportViolation } from "./host/violation.ts"
import { VoterGate, type VoterReception } from "./host/voter-gate.ts"
import type { Node } from "./node.ts"
import { isPrivate, syncNumberOf } from "./private-topic.ts"
import { idOf } from "./received-message.ts"
import type { Range } from "./repair-range.ts"
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
/** Repair requests that may wait for one client, and the ranges in all of them. */
const repairsMax = 64
/** Ids that one name resolves to. */
const namesakesMax = 256
/** Members that one message tells of: some hundred octets each. */
const membersPerMessage = 4096
/** SYNCs of one client that wait for the host above. */
const syncsAwaitedMax = 64
/** Heartbeats after which a direct message that they told of is taken to have come. */
const directDoubtBeats = 4
/** Longest that a client which leaves waits for its last frames to come. */
const leaveWaitMs = 1000
/** A joiner may be busy with itself between its JOIN and the first thing it says after: that long it is not judged. */
const unansweredMs = 3000

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
  readonly #probes: RootProbes
  readonly #guard: SubscriberGuard
  readonly #slow: SlowSubscribers
  readonly #acknowledgements: Acknowledgements
  readonly #rooting: Rooting
  readonly #members: Members
  /** At a relay: what its clients follow. */
  #interest: SubtreeInterest | undefined
  /** At a relay: who came and went below, to be told above. */
  #news: MemberNews | undefined
  readonly #succession: Succession
  readonly #direct: DirectRoute
  readonly #upLeg: UpLeg
  readonly #voters: VoterGate
  #ticker: Timer | undefined
  #tickedAt = 0
  /** How late the last ticks were. */
  #loopLagMs = 0
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
    this.#probes = new RootProbes({
      self: node.self.bytes,
      links,
      tell,
      isTop: () => above?.linked !== true,
      tellAbove: body => above?.tell(body) ?? false,
      onLoop: () => above?.loops(),
    })
    this.#admission = new Admission({
      host: options,
      placement: this.#placement,
      addresses: this.addresses,
      router: this.#router,
      links,
      publication,
      succession: this.#succession,
      tell,
      end,
      onNew: link => {
        this.#succession.arrived(link)
        this.#tellHere(link)
        options.roster.joined(link)
      },
      onBack: link => {
        this.#tellHere(link)
        // What is below it was in no census while it was away.
        for (const { id, name, host, via } of this.#members) if (via === link) this.#tellLater().arrive(id, name, host)
      },
      onLost: connection => this.#onControlLost(connection),
      onFailed: (connection, thrown) => this.#cutControl(connection, thrown),
    })
    this.#voters = new VoterGate({
      router: this.#router,
      authenticator: options.authenticator,
      logger: node.logger,
      onFailed: (connection, thrown) => this.#cutControl(connection, thrown),
    })
    this.#slow = new SlowSubscribers({ node, slow, links, publication, queues: this.#publisher, tell, end })
    this.#guard = new SubscriberGuard({
      node,
      publisher: this.#publisher,
      links,
      onBound: link => this.#slow.forget(link),
      onPrivate: (link, topic) => {
        const sync = syncNumberOf(topic)
        if (sync === undefined) return
        link.syncs.seen(sync)
        this.#answerSyncs(link)
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
    this.#rooting = new Rooting(link => links.has(link) && this.#acknowledgements.soon(link))
    this.#members = new Members({
      random: node.random,
      onArrived: member => this.#onArrived(member.id, member.name, member.host),
      onDeparted: member => this.#onDeparted(member.id, member.name, member.host),
      onMoved: (member, from) => this.#direct.reroute(from, member.id),
    })
    if (above !== undefined) this.#interest = new SubtreeInterest(above)
    this.#direct = new DirectRoute({
      node,
      links,
      members: this.#members,
      publication,
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
      linkOfOrigin: id => links.ofPeer(id) ?? this.#members.ofId(id)?.via,
      above,
      maxPayloadBytes: options.maxPayloadBytes,
      maxClients: options.maxClients,
    })
    node.place.onMoved(() => this.#tellPath())
    this.#ticked(node.clock.now())
  }

  async bind(address: string): Promise<void> {
    const sockets = { router: this.#router, publisher: this.#publisher, puller: this.#puller }
    this.addresses.push(await this.#o.transport.bind(address, sockets))
  }

  start(): void {
    this.#ticked(this.#node.clock.now())
    this.#ticker = this.#node.clock.every(this.#o.heartbeatMs, () => this.#tick())
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
      observe: link => this.#observe(link),
    }
  }

  #observe(link: Link): PeerInfo {
    const now = this.#node.clock.now()
    return link.info(now, this.#slow.lagOf(link, now))
  }

  /** Ids of all below with that name, clients first. */
  named(name: string, most: number = Number.POSITIVE_INFINITY): Uint8Array[] {
    const clients = this.#links.named(name, most).map(link => link.peer.bytes)
    return [...clients, ...this.#members.named(name, most - clients.length).map(member => member.id)]
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
    return [
      ...[...this.#links].map(link => ({ id: idOf(link.peer), name: link.name, host: this.#node.id })),
      ...[...this.#members].map(({ id, name, host }) => ({
        id: endpointIdFromBytes(id),
        name,
        host: endpointIdFromBytes(host),
      })),
    ]
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
    const member = this.#members.ofId(endpointIdToBytes(endpoint))
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
    const { above } = this.#o
    if (above === undefined) return
    this.#news = undefined
    // Whoever is away may have found another host: it is told when it is back.
    const everyone: NewMember[] = [
      ...[...this.#links]
        .filter(link => link.awaySince === undefined)
        .map(link => ({ endpointId: link.peer.bytes, name: link.name, hostId: this.#node.self.bytes })),
      ...[...this.#members]
        .filter(({ via }) => via.awaySince === undefined)
        .map(({ id, name, host }) => ({ endpointId: id, name, hostId: host })),
    ]
    for (let from = 0; from === 0 || from < everyone.length; from += membersPerMessage) {
      const arrived = everyone.slice(from, from + membersPerMessage)
      const last = from + membersPerMessage >= everyone.length
      above.tell({ case: "members", value: { arrived, departed: [], first: from === 0, last } })
    }
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

  /** That client is here now, wherever it was before. */
  #tellHere(link: Link): void {
    const via = this.#members.adopted(link.peer.bytes)
    if (via !== undefined) this.#direct.reroute(via, link.peer.bytes)
    this.#tellLater().arrive(link.peer.bytes, link.name, this.#node.self.bytes)
  }

  #onArrived(id: Uint8Array, name: string, host: Uint8Array): void {
    // It has found another place below, and does not come back to its own.
    const own = this.#links.ofPeer(id)
    if (own?.awaySince !== undefined) this.#end(own, "Moved", "it has joined another host below")
    this.#tellLater().arrive(id, name, host)
    const member = { id: endpointIdFromBytes(id), name, host: endpointIdFromBytes(host) }
    this.#node.events.emit({ type: "arrived", member })
  }

  #onDeparted(id: Uint8Array, name: string, host: Uint8Array): void {
    this.#tellLater().depart(id)
    const member = { id: endpointIdFromBytes(id), name, host: endpointIdFromBytes(host) }
    this.#node.events.emit({ type: "departed", member })
    this.#o.onGone(member.id)
  }

  /** What came and went in one go is told in one message. */
  #tellLater(): MemberNews {
    const { above } = this.#o
    if (this.#news !== undefined) return this.#news
    const news = new MemberNews()
    if (above === undefined) return news
    this.#news = news
    this.#node.clock.soon(() => {
      if (this.#news !== news) return
      this.#news = undefined
      // Without a link the census of the next one will say it.
      const { arrived, departed } = news
      above.tell({ case: "members", value: { arrived, departed, first: false, last: false } })
    })
    return news
  }

  /** Nobody new is let in, and who is here goes elsewhere in the tree. Resolves when all have, or after that time. */
  async drain(withinMs: number): Promise<void> {
    if (this.#closing) return
    this.#admission.close()
    await drain(
      {
        clock: this.#node.clock,
        self: this.#node.self.bytes,
        links: this.#links,
        lists: () => this.#succession.lists,
        tell: (link, body) => this.#tell(link, body),
      },
      withinMs,
    )
  }

  /** Says goodbye to all, then closes the sockets. */
  async close(lingerMs: number, code: string, reason: string): Promise<void> {
    if (this.#closing) return
    this.#closing = true
    this.#admission.close()
    this.#voters.end()
    this.#ticker?.cancel()
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
    this.#admission.close()
    this.#voters.end()
    this.#acknowledgements.cancel()
    this.#ticker?.cancel()
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
        this.#admission.probe(connection, body.value.token, this.#loopLagMs, this.#o.above?.rootRoundTripMs ?? 0)
        return
      }
      // A joiner whose link has ended meanwhile may still say something; a stranger may not.
      if (this.#admission.isDeciding(connection)) return
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
      case "sync":
        this.#onSync(link, body.value)
        break
      case "unsubscribe":
        this.#interest?.unwant(link, body.value.prefixes)
        break
      case "probe":
        this.#probes.fromBelow(link, body.value)
        break
      case "members":
        if (!link.relay) throw new ZincError("BadFrame", "a client that is no relay speaks of others")
        this.#members.told(link, body.value)
        break
      case "roster":
        this.#o.roster.told(link, body.value)
        break
      case "watch":
        this.#o.roster.watch(link, body.value.on)
        break
      case "undeliverable":
        if (!this.#direct.passUndeliverable(body.value, link)) this.#o.onUndeliverable(body.value)
        break
      case "heartbeatReply": {
        if (Number(body.value.count) === link.heartbeatCount) {
          link.roundTripMs = now - link.heartbeatAt
          // What was told so many heartbeats ago has come, or has been repaired.
          if (link.directTold.length > directDoubtBeats) link.directSure = link.directTold.shift()!
        }
        link.notices.confirm(Number(body.value.count))
        link.room?.answered(body.value.room, body.value.loopLagMs, body.value.queueFill)
        const mark = Number(body.value.mark)
        if (mark > link.mark && mark <= this.publication.marked) link.mark = mark
        // L7: silence after a lost tail. The client says how far it has sent; if we lack some, ask.
        if (Number(body.value.legLast) > link.received && !link.tailWatched) {
          const received = link.received
          link.tailWatched = true
          this.#node.clock.after(this.#o.heartbeatMs, () => {
            link.tailWatched = false
            if (link.received === received && this.#links.has(link)) this.#acknowledgements.askResend(link)
          })
        }
        break
      }
      case "repairRequest":
        if (body.value.ranges.length > rangesMax)
          throw new ZincError("BadFrame", `a repair request of ${body.value.ranges.length} ranges`)
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
        this.#resolve(link, body.value.id, body.value.name)
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

  #tell(link: Link, body: ControlBody, after = 0): boolean {
    return !this.#ended && link.control !== 0 && this.#router.send(link.control, [encodeControl(body, after)])
  }

  /** Who bears the name: the root knows of all. A relay without a host above knows of those below. */
  #resolve(link: Link, id: number, name: string): void {
    const here = () => {
      const ids = this.named(name, namesakesMax)
      if (this.#o.name === name) ids.push(this.#node.self.bytes)
      return ids
    }
    const answer = (ids: Uint8Array[]) => {
      this.#tell(link, { case: "resolved", value: { id, endpointIds: ids } })
    }
    const { above } = this.#o
    if (above?.linked) above.resolve(name).then(answer, () => answer(here()))
    else answer(here())
  }

  #onSync(link: Link, { number, prefixes, settling }: Sync): void {
    link.syncs.asked(number, [...prefixes, ...settling])
    const interest = this.#interest
    if (interest !== undefined) {
      const wanted = prefixes.filter(prefix => !isPrivate(prefix) && link.mayReceive(prefix))
      interest.want(
        link,
        wanted.filter(prefix => prefix[0] !== TopicKind.System),
        link.isFresh,
      )
    }
    link.isFresh = false
    this.#answerSyncs(link)
  }

  #answerSyncs(link: Link): void {
    const interest = this.#interest
    for (const { number, prefixes } of link.syncs.take()) {
      const answer = () => {
        publishBaseline(this.#node, this.publication, link, number, prefixes, interest?.refused(prefixes))
        this.#joined(link)
      }
      const answered = interest?.answered(prefixes)
      if (answered === undefined) {
        answer()
        continue
      }
      // L2: a relay answers only after its own baseline. The client asks again, so of many such only some are kept.
      if (link.awaited >= syncsAwaitedMax) continue
      const { control } = link
      link.awaited++
      void answered.then(() => {
        link.awaited--
        if (!this.#ended && this.#links.has(link) && link.control === control) answer()
      })
    }
  }

  /** One part; the client asks for the next when it has this one, so a repair never fills its control queue. */
  #repair(link: Link, id: number, ranges: readonly Range[]): void {
    if (this.#ended || !this.#links.has(link) || link.control === 0) return
    if (link.repairs.length === 0 && link.steps <= stepsPerHeartbeat) {
      if (this.#router.send(link.control, this.publication.repairPart(link, id, ranges))) return
    }
    // It has had its share, or its control queue is full: at the next heartbeat. Of too many it asks again for the others.
    const waiting = link.repairs.reduce((sum, repair) => sum + repair.ranges.length, ranges.length)
    if (waiting <= rangesMax && link.repairs.length < repairsMax) link.repairs.push({ id, ranges })
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
    if (!this.#links.end(link)) return
    const wasUp = link.awaySince === undefined
    this.#placement.forget(link)
    this.#slow.forget(link)
    this.#succession.left(link)
    this.#interest?.forget(link)
    if (link.control !== 0) {
      this.#tell(link, { case: "leave", value: { code, reason, retryAfterMs: 0 } }, this.publication.published)
      this.#router.disconnect(link.control)
    }
    if (link.subscriber !== 0) this.#publisher.disconnect(link.subscriber)
    if (link.push !== 0) this.#puller.disconnect(link.push)
    link.control = 0
    if (wasUp) this.#left(link, code, reason)
    this.#o.roster.gone(link, code === "Replaced" || code === "Moved")
    // One that joined anew under its id, or elsewhere below, is not gone.
    if (code !== "Replaced" && code !== "Moved") {
      this.#members.forget(link)
      // One that joined another host below, before we saw it go, is there.
      if (this.#members.ofId(link.peer.bytes) === undefined) this.#tellLater().depart(link.peer.bytes)
      this.#o.onGone(idOf(link.peer))
    }
    // Those below it who have not come with it by then are gone.
    if (code === "Moved") this.#node.clock.after(this.#o.sessionKeepMs, () => this.#members.forget(link))
    if (code === "Moved" || code === "PeerLost") this.#direct.reroute(link)
    this.#direct.forgetHeld(link)
    this.#node.topics.forget(link.directTopic)
  }

  /** L2: a join is complete at the first baseline. */
  #joined(link: Link): void {
    const { joining } = link
    if (joining === undefined) return
    link.joining = undefined
    link.joined = true
    this.#direct.forgetHeld(link)
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

  // ---- time: heartbeats, marks, liveness (L9) ----

  #ticked(now: number): void {
    this.#tickedAt = now
    this.#upLeg.tickedAt = now
  }

  /** Somebody has not reported the last mark: it may have been dropped, with all it speaks of. */
  #isSomebodyBehind(): boolean {
    for (const link of this.#links) {
      if (link.awaySince === undefined && link.baselineAt !== undefined && link.mark < this.publication.marked)
        return true
    }
    return false
  }

  #tick(): void {
    const now = this.#node.clock.now()
    const { heartbeatMs, heartbeatMisses, sessionKeepMs } = this.#o
    // L9: time in which our own loop stalled is nobody's silence; but who is silent in between is found out all the same.
    const late = now - this.#tickedAt - heartbeatMs
    const stalled = late > heartbeatMs
    this.#loopLagMs = Math.max(0, late, this.#loopLagMs / 2)
    this.#ticked(now)
    this.#o.roster.late(late)
    if (stalled) this.publication.forgive(late)
    this.publication.mark(now, this.#isSomebodyBehind())
    for (const link of [...this.#links]) {
      if (stalled) {
        link.heardAt = Math.min(now, link.heardAt + late)
        if (link.awaySince !== undefined) link.awaySince = Math.min(now, link.awaySince + late)
      }
      if (link.awaySince !== undefined) {
        if (now - link.awaySince >= sessionKeepMs) this.#end(link, "PeerLost", "it did not come back in time")
        continue
      }
      const silence = now - link.heardAt
      link.silent = silence >= heartbeatMs * heartbeatMisses
      if (silence >= sessionKeepMs || (link.silent && silence >= unansweredMs && !link.confirmed)) {
        this.#end(link, "PeerLost", `nothing heard for ${Math.round(silence)} ms`)
        continue
      }
      link.heartbeatAt = now
      link.heartbeatCount++
      this.#tell(link, {
        case: "heartbeat",
        value: {
          count: BigInt(link.heartbeatCount),
          published: BigInt(this.publication.published),
          epoch: this.#node.epoch,
          direct: BigInt(link.directTopic.published),
          roundTripUs: microseconds(link.roundTripMs),
        },
      })
      link.directTold.push(link.directTopic.published)
      if (link.directTold.length > 2 * directDoubtBeats) link.directTold.shift()
      link.steps = 0
      for (const { id, ranges } of link.repairs.splice(0)) this.#repair(link, id, ranges)
      this.#slow.watch(link, now)
    }
    if (!stalled) {
      this.#admission.tick(now)
      this.#guard.tick(now)
    }
    this.#node.giveUpOlderThan(now - 2 * heartbeatMs)
  }
}

/** As a heartbeat says it: 0 for not known. */
function microseconds(ms: number | undefined): number {
  return ms === undefined ? 0 : Math.min(0xffff_ffff, Math.max(1, Math.round(ms * 1000)))
}
