/**
 * Who may join (L1): a connection of the control leg is a stranger until its JOIN is decided. One that returns to its
 * session takes it up again, a new one gets a link, anyone else is refused and told why.
 */
import { equalBytes, utf8Prefix } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"
import { endpointIdFromBytes } from "../../core/id.ts"
import { encodeControl, type Join } from "../../message/control.ts"
import type { HostAddresses, RouterSocket } from "../../transport/transport.ts"
import type { Verdict } from "../authenticator.ts"
import type { Node } from "../node.ts"
import { isProven } from "../own-id.ts"
import { hopsMax } from "../place.ts"
import { directTopicBytes, isPrivate, newPrivatePrefix } from "../private-topic.ts"
import { Crowd, strangerMs, strangersMax } from "./crowd.ts"
import type { HostSideOptions } from "./host-options.ts"
import { JoinRate } from "./join-rate.ts"
import { JoinerMemory } from "./joiner-memory.ts"
import { type EndLink, Link, type Tell } from "./link.ts"
import type { LinkTable } from "./link-table.ts"
import type { Candidate, Placement } from "./placement.ts"
import type { Publication } from "./publication.ts"
import { RelayRoom } from "./relay-room.ts"
import type { Succession } from "./succession.ts"

/** A connection to the router that has not joined, or whose join is being decided. */
interface Stranger {
  readonly remote: string
  readonly since: number
  deciding: boolean
  probes: number
}

/** Topics that a joiner remembers which are as much work as a join. */
const memoryPerJoin = 1000
const envelopeVersion = 1
/** Times a stranger may measure the way before it joins. */
const probesMax = 4
/** How long a joiner waits while the host itself is detached. */
const detachedWaitMs = 500
/** At a voter, which the next root may be, or be told of first: until the lease of a root that does not answer is over. */
const electionWaitMs = 1400
/** After which a voter may be above who is above it now. */
const crownSoonMs = 20
/** How long who belongs to another generation waits before it asks again. */
const foreignWaitMs = 1000
/** Octets of a name; what a joiner says beyond them is cut off. */
const nameBytesMax = 64
/** Addresses of one relay that are passed on. */
const addressesMax = 8

export interface AdmissionOptions {
  readonly host: HostSideOptions
  /** Where the host is bound by now. */
  readonly addresses: readonly HostAddresses[]
  readonly router: Pick<RouterSocket, "send" | "disconnect">
  readonly links: LinkTable
  readonly placement: Placement
  readonly publication: Pick<Publication, "marked">
  readonly succession: Pick<Succession, "lists">
  /** This endpoint is a voter. */
  readonly votes: () => boolean
  readonly tell: Tell
  readonly end: EndLink
  /** A client that was not here before has been let in. */
  readonly onNew: (link: Link) => void
  /** A client is back under its session. */
  readonly onBack: (link: Link) => void
  /** A control connection went while its client was being accepted. */
  readonly onLost: (connection: number) => void
  /** What a JOIN asked for could not be done; a throw within `join` itself goes to its caller. */
  readonly onFailed: (connection: number, thrown: unknown) => void
}

/** Connections sent away that are remembered. */
const sentAwayMax = 256

export class Admission {
  readonly #o: AdmissionOptions
  readonly #host: HostSideOptions
  readonly #node: Node
  readonly #strangers: Crowd<Stranger>
  /** Connections that were refused or sent on, or whose session has ended: the last of them. */
  readonly #sentAway = new Set<number>()
  readonly #rate: JoinRate
  readonly #memory: JoinerMemory
  #nextLink = 1
  #closing = false
  #ended = false

  constructor(options: AdmissionOptions) {
    this.#o = options
    this.#host = options.host
    this.#node = options.host.node
    this.#rate = new JoinRate(this.#node.clock, this.#node.random, options.host.heartbeatMs)
    this.#memory = new JoinerMemory(this.#node.clock, (link, { topic, first }) => this.#remember(link, topic, first))
    this.#strangers = new Crowd(strangersMax, oldest => this.#o.router.disconnect(oldest))
  }

  connected(connection: number, remote: string): void {
    this.#strangers.arrive(connection, newStranger(remote, this.#node.clock.now()))
  }

  disconnected(connection: number): void {
    this.#strangers.delete(connection)
  }

  /** Whether a JOIN of that connection is being decided. */
  isDeciding(connection: number): boolean {
    return this.#strangers.get(connection)?.deciding ?? false
  }

  /** Whether it was refused or sent on, or its session ended, a moment ago: what it had said by then may still arrive. */
  wasSentAway(connection: number): boolean {
    return this.#sentAway.has(connection)
  }

  #sendAway(connection: number): void {
    this.#o.router.disconnect(connection)
    this.#strangers.delete(connection)
    this.parted(connection)
  }

  /** The session on that connection has ended. */
  parted(connection: number): void {
    this.#sentAway.add(connection)
    if (this.#sentAway.size <= sentAwayMax) return
    for (const oldest of this.#sentAway) {
      this.#sentAway.delete(oldest)
      return
    }
  }

  /** Where a stranger came from. */
  remoteOf(connection: number): string | undefined {
    return this.#strangers.get(connection)?.remote
  }

  /** Cuts strangers that have not joined for too long. */
  tick(now: number): void {
    for (const [connection, stranger] of this.#strangers) {
      if (stranger.deciding || now - stranger.since <= strangerMs) continue
      this.#strangers.delete(connection)
      this.#o.router.disconnect(connection)
    }
  }

  /** From now on nobody is let in. */
  close(): void {
    this.#closing = true
  }

  /** And nobody is told of it: the sockets close. */
  end(): void {
    this.#closing = true
    this.#ended = true
  }

  /** A joiner that may choose measures how far this host is. Throws `BadFrame` for one that does nothing else. */
  probe(connection: number, token: Uint8Array, loopLagMs: number, rootRoundTripMs: number): void {
    // Some transports do not tell of connections before they say something.
    if (!this.#strangers.has(connection)) this.connected(connection, "")
    const stranger = this.#strangers.get(connection)!
    if (++stranger.probes > probesMax || token.length > 64)
      throw new ZincError("BadFrame", "a stranger that only probes")
    this.#o.router.send(connection, [
      encodeControl({
        case: "probeReply",
        value: { token, loopLagMs: Math.round(loopLagMs), rootRoundTripUs: Math.round(rootRoundTripMs * 1000) },
      }),
    ])
  }

  /** Decides a JOIN, at once or when the authenticator has. Throws `BadFrame` for a second one on one connection. */
  join(connection: number, join: Join): void {
    const node = this.#node
    const stranger = this.#strangers.get(connection) ?? newStranger("", node.clock.now())
    if (this.#o.links.ofControl(connection) !== undefined || stranger.deciding)
      throw new ZincError("BadFrame", "a second JOIN on one connection")
    const name = utf8Prefix(join.name, nameBytesMax)
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
    const { tree } = node.place
    if (join.tree !== "" && join.tree !== tree && tree !== "") {
      this.#refuse(connection, name, "WrongTree", `this host is in tree "${tree}", not "${join.tree}"`)
      return
    }
    if (this.#closing) {
      this.#refuse(connection, name, "Draining", "this host is closing", 1000)
      return
    }
    const { place } = node
    if (place.isBelow(join.endpointId) && !equalBytes(join.endpointId, node.self.bytes)) {
      this.#refuseLoop(connection, join)
      return
    }
    if (place.depth + 1 + join.height > this.#host.maxDepth) {
      const reason = `below this host, at depth ${place.depth}, there is no room for a subtree of height ${join.height}; the tree may be ${this.#host.maxDepth} deep`
      this.#refuse(connection, name, "TooDeep", reason, 1000)
      return
    }
    // Sending somebody on costs little, and helps.
    const returns = join.session.length === 16 && this.#o.links.ofSession(join.session, 0) !== undefined
    const turnMs =
      !returns && this.#o.placement.sendsOn(join)
        ? 0
        : this.#rate.ask(1 + Math.floor(join.memory.length / memoryPerJoin))
    if (turnMs > 0) {
      this.#refuse(connection, name, "Busy", "many join at once; it is your turn soon", turnMs)
      return
    }
    if (!isProven(join.endpointId, join.idSecret)) {
      this.#refuse(connection, name, "Unauthorized", "it does not prove that this endpoint id is its own")
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
    if (this.#host.authenticator === undefined) {
      decide({ allow: true })
      return
    }
    const refuse = (thrown: unknown) => {
      this.#node.logger.error("the authenticator failed", { thrown })
      decide({ allow: false, reason: "the host could not decide; ask its operator" })
    }
    try {
      const verdict = this.#host.authenticator.authenticate({
        id,
        name,
        token: join.token,
        tree: join.tree,
        remote: stranger.remote,
      })
      if (verdict instanceof Promise) verdict.then(decide, refuse).catch(thrown => this.#o.onFailed(connection, thrown))
      else decide(verdict)
    } catch (thrown) {
      refuse(thrown)
    }
  }

  #refuse(connection: number, name: string, code: string, reason: string, retryAfterMs = 0): void {
    this.#o.router.send(connection, [
      encodeControl({
        case: "refuse",
        value: { code, reason, retryAfterMs, versionMin: envelopeVersion, versionMax: envelopeVersion },
      }),
    ])
    this.#sendAway(connection)
    this.#node.events.emit({ type: "refused", name, code, reason })
  }

  /**
   * Where nobody knows of the way to the root, two could hang below each other. Whoever comes then waits a moment, for the
   * other clients of a dead host follow the one that takes its place.
   */
  #awaitTree(connection: number, remote: string, join: Join, verdict: Verdict & { allow: true }): void {
    const { place, clock } = this.#node
    const stranger = this.#strangers.get(connection) ?? newStranger(remote, clock.now())
    stranger.deciding = true
    this.#strangers.set(connection, stranger)
    const go = () => {
      forget()
      timer.cancel()
      if (this.#strangers.get(connection) !== stranger || this.#closing) return
      stranger.deciding = false
      if (place.isBelow(join.endpointId)) this.#refuseLoop(connection, join)
      else if (place.isConfirmed) this.#admit(connection, remote, join, verdict)
      else {
        const name = utf8Prefix(join.name, nameBytesMax)
        this.#refuse(connection, name, "Detached", "this host has lost the host above it", this.#host.heartbeatMs)
      }
    }
    const forget = place.onConfirmed(go)
    const timer = clock.after(this.#o.votes() ? electionWaitMs : detachedWaitMs, go)
  }

  #refuseLoop(connection: number, join: Join): void {
    const name = utf8Prefix(join.name, nameBytesMax)
    // A root that gave its reign away may come before the next one has opened its own, and stands above all at once.
    const retryAfterMs = this.#o.votes() ? crownSoonMs : 1000
    this.#refuse(connection, name, "Loop", "this host is below you: joining it would close a loop", retryAfterMs)
  }

  #admit(connection: number, remote: string, join: Join, verdict: Verdict & { allow: true }): void {
    const node = this.#node
    const { links } = this.#o
    const name = utf8Prefix(join.name, nameBytesMax)
    const known = join.session.length === 16 ? links.ofSession(join.session, 0) : undefined
    let link = known !== undefined && equalBytes(known.peer.bytes, join.endpointId) ? known : undefined
    const resumed = link !== undefined
    // L4: who speaks for others needs leave for it. As a leaf, what it passes on would go out under its own id.
    if (join.relay && this.#host.authenticator !== undefined && verdict.grants?.relay !== true) {
      this.#refuse(
        connection,
        name,
        "Unauthorized",
        "it may not speak for others here: it is not granted to be a relay",
      )
      return
    }
    if (link === undefined) {
      if (!node.place.isConfirmed) {
        this.#awaitTree(connection, remote, join, verdict)
        return
      }
      if (this.#isForeign(join)) {
        const reason = "this host is of another generation of the tree; open the endpoint anew to join this one"
        this.#refuse(connection, name, "WrongTree", reason, foreignWaitMs)
        return
      }
      if (!this.#memory.hasRoomFor(join.memory)) {
        const reason = "another joiner has as much to tell of what it sent; it is your turn soon"
        this.#refuse(connection, name, "Busy", reason, this.#jittered(this.#host.heartbeatMs))
        return
      }
      const living = links.ofPeer(join.endpointId)
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
            unanswered ? this.#host.heartbeatMs : 0,
          )
          return
        }
        this.#o.end(living, "Replaced", "it joined anew")
      }
      // A dead host's place may be asked for where there is no room: the tree is put in order later.
      const dead = join.takeover === undefined ? undefined : links.ofPeer(join.takeover.deadId)
      const isHeir = dead?.relay === true && links.size < 2 * this.#host.maxClients
      if (!isHeir && !this.#place(connection, name, join)) return
      link = this.#newLink(join, name, verdict)
      if (!this.#takeMemory(connection, remote, join, link)) return
      links.add(link)
      this.#o.placement.add(link)
    }
    this.#letIn(connection, remote, join, link, resumed)
  }

  /** False when the memory is long: meanwhile the link counts as away, and the joiner is let in, or not, when it is done. */
  #takeMemory(connection: number, remote: string, join: Join, link: Link): boolean {
    const { links, placement } = this.#o
    const stranger = this.#strangers.get(connection) ?? newStranger(remote, this.#node.clock.now())
    const isHere = () => this.#strangers.get(connection) === stranger
    const giveUp = () => this.#o.end(link, "PeerLost", "it was not let in")
    const isTaken = this.#memory.take(link, join.memory, {
      stays: () => {
        const { place } = this.#node
        const mayJoin = place.isConfirmed && !place.isBelow(join.endpointId) && !this.#closing
        if (isHere() && links.has(link) && mayJoin) return true
        giveUp()
        if (isHere() && !this.#ended) this.#sendAway(connection)
        return false
      },
      done: () => {
        stranger.deciding = false
        this.#letIn(connection, remote, join, link, false)
      },
      failed: thrown => {
        giveUp()
        this.#o.onFailed(connection, thrown)
      },
    })
    if (isTaken) return true
    stranger.deciding = true
    this.#strangers.set(connection, stranger)
    link.awaySince = this.#node.clock.now()
    links.add(link)
    placement.add(link)
    return false
  }

  #remember(link: Link, octets: Uint8Array, first: bigint): void {
    const { topics, resequencer } = this.#node
    const topic = topics.of(octets)
    if (isPrivate(topic.bytes) || link.maySend(topic)) resequencer.openBelow(topic, link.peer, Number(first))
  }

  #letIn(connection: number, remote: string, join: Join, link: Link, resumed: boolean): void {
    const { node } = this.#host
    const { links } = this.#o
    const before = links.controlledBy(link, connection)
    if (before !== 0) this.#o.router.disconnect(before)
    this.#strangers.delete(connection)
    link.remote = remote
    link.dialled = join.dialled
    link.attach = join.attach
    link.heardAt = node.clock.now()
    link.silent = false
    link.awaySince = undefined
    link.resendAskedAt = Number.NEGATIVE_INFINITY
    link.mark = this.#o.publication.marked
    link.stalled = false
    link.isFresh = true
    if (!this.#accept(link, join.dialled, resumed)) {
      this.#o.onLost(connection)
      return
    }
    if (resumed) this.#o.onBack(link)
    else this.#o.onNew(link)
    link.notices.sentAgain(link.heartbeatCount)
    link.joining = { resumed }
  }

  /** R1: two generations of a tree with voters refuse each other. Where nobody votes, a root without memory draws a new one. */
  #isForeign({ epoch, generation }: Join): boolean {
    const node = this.#node
    return node.epoch > 0 && epoch > 0 && generation.length > 0 && !equalBytes(generation, node.place.generation)
  }

  /** False when there is no place for it here; it has been told where else, or when to come back. */
  #place(connection: number, name: string, join: Join): boolean {
    const decision = this.#o.placement.decide(join)
    switch (decision.do) {
      case "take":
        return true
      case "sendOn":
        this.#sendOn(connection, name, decision.candidates)
        return false
      case "swap":
        this.#o.end(decision.client, "Displaced", "a relay takes its place here, and it finds one below")
        return true
      case "wait":
        this.#refuse(connection, name, "Busy", decision.reason, this.#jittered(this.#host.heartbeatMs))
        return false
      case "refuse":
        this.#refuse(connection, name, "Full", decision.reason, this.#jittered(1000))
        return false
    }
  }

  /** Half the time to one and a half: many who were refused at once do not come back at once. */
  #jittered(ms: number): number {
    return Math.round(ms * (0.5 + this.#node.random.float()))
  }

  #sendOn(connection: number, name: string, candidates: readonly Candidate[]): void {
    this.#o.router.send(connection, [
      encodeControl({
        case: "redirect",
        value: {
          candidates: candidates.map(({ endpointId, name: called, addresses }) => ({
            endpointId,
            name: called,
            addresses: [...addresses],
          })),
          retryAfterMs: 0,
        },
      }),
    ])
    this.#sendAway(connection)
    this.#node.events.emit({
      type: "redirected",
      name,
      to: candidates.flatMap(({ addresses }) => addresses.slice(0, 1)),
    })
  }

  #newLink(join: Join, name: string, verdict: Verdict & { allow: true }): Link {
    const node = this.#node
    const id = this.#nextLink++
    const prefix = newPrivatePrefix(id, node.random)
    const link = new Link({
      id,
      session: node.random.bytes(16),
      ticket: node.random.bytes(16),
      peer: node.origins.at(join.endpointId, 0),
      name,
      relay: join.relay,
      prefix,
      directTopic: node.topics.of(directTopicBytes(prefix)),
      room: join.relay ? new RelayRoom(join.addresses.slice(0, addressesMax), join.room) : undefined,
      grants: verdict.grants,
    })
    link.directTopic.kept = true
    link.since = node.clock.now()
    // L7: a host without memory of this client starts where the client's own memory starts.
    const legFirst = Number(join.legFirst)
    link.received = legFirst > 0 ? legFirst - 1 : Number(join.legLast)
    link.rooted = link.received
    return link
  }

  /** False when the connection is gone. */
  #accept(link: Link, dialled: string, resumed: boolean): boolean {
    const node = this.#node
    const { heartbeatMs, heartbeatMisses, sessionKeepMs, maxPayloadBytes } = this.#host
    return this.#o.tell(link, {
      case: "accept",
      value: {
        version: envelopeVersion,
        features: [],
        tree: node.place.tree,
        generation: node.place.generation,
        epoch: node.epoch,
        hostId: node.self.bytes,
        hostName: this.#host.name,
        incarnation: node.incarnation,
        link: link.id,
        session: link.session,
        resumed,
        addresses: this.#boundFor(dialled),
        privatePrefix: link.prefix,
        received: BigInt(link.received),
        rooted: BigInt(link.rooted),
        path: [...node.place.path],
        ...this.#o.succession.lists,
        readOnly: node.place.isReadOnly,
        ticket: link.ticket,
        ...link.notices.unheard,
        limits: { heartbeatMs, heartbeatMisses, sessionKeepMs, maxMessageBytes: maxPayloadBytes, hops: hopsMax },
      },
    })
  }

  /** Addresses for the other legs; empty ones mean "what you dialled". */
  #boundFor(dialled: string): { control: string; publish: string; push: string } {
    if (this.#host.transport.supports.sharedPort) return { control: "", publish: "", push: "" }
    const { addresses } = this.#o
    const scheme = dialled.split("://")[0]
    const port = dialled.split(":").pop()
    const sameScheme = addresses.filter(bound => bound.control.startsWith(`${scheme}://`))
    const exact = sameScheme.find(bound => bound.control === dialled || bound.control.split(":").pop() === port)
    const bound = exact ?? sameScheme[0] ?? addresses[0]!
    return { control: "", publish: bound.publish, push: bound.push }
  }
}

function newStranger(remote: string, since: number): Stranger {
  return { remote, since, deciding: false, probes: 0 }
}
