/**
 * An endpoint as its user holds it: opens one side or the other, takes handlers, sends, asks. The work is done by the
 * node (what to do with frames) and its sides (how they travel).
 */

import { checkOptions } from "../core/arguments.ts"
import type { Clock } from "../core/clock.ts"
import { asZincError, ErrorCode, ZincError } from "../core/errors.ts"
import { type EndpointId, endpointIdFromBytes } from "../core/id.ts"
import { type CloseReason, Lifecycle, type State } from "../core/lifecycle.ts"
import type { OptionTable } from "../core/option-table.ts"
import type {
  AckOptions,
  EndpointEvent,
  EndpointRole,
  EndpointStatistics,
  HandleOptions,
  HandlerModule,
  Handling,
  HostOptions,
  JoinOptions,
  MemberInfo,
  MessageHandler,
  MessagingSurface,
  PeerInfo,
  RequestOptions,
  SendOptions,
  Target,
} from "./api.ts"
import { ChannelListener } from "./channel-listener.ts"
import { ClientSide } from "./client-side.ts"
import { DirectMessages } from "./direct-messages.ts"
import type { DocumentPort } from "./document-port.ts"
import { EndpointDocumentPort } from "./endpoint-document-port.ts"
import { eventTypes } from "./event-types.ts"
import { Frame } from "./frame.ts"
import type { Above } from "./host/host-options.ts"
import { HostSide } from "./host-side.ts"
import { NameResolver } from "./name-resolver.ts"
import { Node } from "./node.ts"
import { OutboundChannel } from "./outbound-channel.ts"
import { tellPaths } from "./path-event.ts"
import { RosterKeeper } from "./roster/roster-keeper.ts"
import type { Roster } from "./roster/roster-view.ts"
import { rulesOf } from "./rules.ts"
import { Seat } from "./seat.ts"
import {
  type EndpointSettings,
  hostingSettings,
  joinAddresses,
  joiningSettings,
  listenAddresses,
  readSettings,
} from "./settings.ts"
import type { Receiver } from "./topic-state.ts"

/** The longest that a relay that closes waits for its clients to have joined other hosts. */
const drainMs = 2000

export class MessageEndpoint implements MessagingSurface {
  readonly id: EndpointId
  readonly name: string
  readonly documentPort: DocumentPort
  readonly #common: EndpointSettings
  readonly #role: EndpointRole
  /** In a tree with voters: what makes it root or relay. */
  #seat: Seat | undefined
  readonly #node: Node
  readonly #lifecycle: Lifecycle
  readonly #listener: ChannelListener
  readonly #direct: DirectMessages
  readonly #outbound: OutboundChannel
  readonly #port: EndpointDocumentPort
  readonly #roster: RosterKeeper
  #host: HostSide | undefined
  #client: ClientSide | undefined
  #ready = false

  /** `more`: options that a class below has besides. */
  protected constructor(options: HostOptions | JoinOptions, role: EndpointRole, more: OptionTable = {}) {
    this.#common = readSettings(options, more)
    const { id, name, clock, random, logger, codecs, codec } = this.#common
    this.id = id
    this.name = name
    this.#role = role
    this.#lifecycle = new Lifecycle(`endpoint "${name}"`)
    this.#node = new Node({ id, clock, random, logger, rules: rulesOf(options) })
    tellPaths(this.#node)
    this.#roster = new RosterKeeper({
      node: this.#node,
      name,
      everyMs: this.#common.statusMs,
      addresses: () => this.addresses,
      isRoot: () => this.#isRoot,
    })
    this.#listener = new ChannelListener({
      node: this.#node,
      codecs,
      follow: receiver => this.#follow(receiver),
      unfollow: receiver => this.#client?.removeReceiver(receiver),
      isHost: role === "host",
    })
    this.#direct = new DirectMessages({
      name,
      node: this.#node,
      codecs,
      listener: this.#listener,
      replyCodec: codec,
      route: (target, header, payload) => this.#route(target, header, payload),
      onRoom: callback => this.#outbound.onRoom(callback),
    })
    this.#node.topics.addReceiver(this.#direct)
    this.#outbound = new OutboundChannel({
      name,
      lifecycle: this.#lifecycle,
      node: this.#node,
      codecs,
      codec,
      maxPayloadBytes: this.#common.maxPayloadBytes,
      direct: this.#direct,
      names: new NameResolver({
        clock,
        random,
        known: name => (this.#isRoot ? this.#bearersOf(name) : undefined),
        ask: async name => (await this.#client!.resolve(name)).map(bytes => endpointIdFromBytes(bytes)),
      }),
      window: () => this.#client,
    })
    this.#port = new EndpointDocumentPort({
      node: this.#node,
      direct: this.#direct,
      isRoot: () => this.#isRoot,
      keeps: () => this.#seat !== undefined,
      linked: () => this.#client?.linked ?? false,
      host: () => this.#client?.hostId,
      follow: receiver => this.#follow(receiver),
      unfollow: receiver => this.#client?.removeReceiver(receiver),
      onRoom: callback => this.#outbound.onRoomOrOpen(callback),
      rooted: () => this.flushed(),
      outbound: () => this.#lifecycle.isOpen && this.#outbound.isOpen,
      allows: (from, way, topic) => this.#host?.allows(from, way, topic) ?? true,
      isRelay: from => this.#host?.isRelay(from) ?? false,
      reaches: (endpoint, from) => this.#host?.reaches(endpoint, from) ?? false,
    })
    this.documentPort = this.#port
  }

  /**
   * Opens an endpoint that hosts a cluster; resolves when every address is bound. Rejects with `AddressInUse`,
   * `BadAddress`, `BadOption`, `Unguarded`, `Unreachable` or `Aborted`.
   */
  static async host(options: HostOptions): Promise<MessageEndpoint> {
    const endpoint = new MessageEndpoint(options, "host")
    await endpoint.openHost(options)
    return endpoint
  }

  /**
   * Opens an endpoint that joins the host at the address, or at the first of several that takes it; resolves at the
   * baseline. With `listen` it is a relay, which hosts a cluster of its own. Rejects with `Unreachable`, `Refused`,
   * `Unauthorized`, `VersionMismatch`, `Timeout`, `BadAddress`, `Aborted`, and a relay also as `host` does.
   */
  static async join(address: string | readonly string[], options: JoinOptions = {}): Promise<MessageEndpoint> {
    const endpoint = new MessageEndpoint(options, roleOfJoin(options))
    await endpoint.openClient(address, options)
    return endpoint
  }

  protected async openHost(options: HostOptions): Promise<void> {
    const side = await this.#bind(options, undefined)
    this.#node.place.founded(options.tree ?? "zinc", this.#common.random.bytes(16))
    this.#host = side
    this.#node.down = side.publication
    side.start()
    this.#roster.start({ below: side.forRoster, above: undefined })
    this.#ready = true
    this.#lifecycle.opened()
  }

  /** A host side that listens; nobody is let in before it has started. */
  async #bind(options: HostOptions | RelayOptions, above: Above | undefined): Promise<HostSide> {
    const listen = listenAddresses(options.listen!, this.#common.transport)
    const side = new HostSide({
      node: this.#node,
      name: this.name,
      transport: this.#common.transport,
      ...hostingSettings(options),
      maxPayloadBytes: this.#common.maxPayloadBytes,
      roster: this.#roster,
      onDirect: (frame, origin, sequence) => this.#direct.arrived(frame, origin, sequence),
      onGone: id => {
        this.#direct.peerGone(id)
        this.#port.peerGone(id)
      },
      onMovedOn: id => this.#port.peerGone(id),
      onUndeliverable: ({ target, sequence, correlation, code }) =>
        this.#outbound.undeliverable(
          endpointIdFromBytes(target),
          Number(sequence),
          Number(correlation),
          code in ErrorCode ? (code as ErrorCode) : "NoSuchEndpoint",
        ),
      above,
    })
    try {
      for (const address of listen) {
        options.signal?.throwIfAborted()
        await side.bind(address)
      }
      options.signal?.throwIfAborted()
    } catch (thrown) {
      side.abort()
      const error = options.signal?.aborted
        ? new ZincError("Aborted", "hosting was aborted before it began", { cause: thrown })
        : thrown
      this.#lifecycle.finished({ requested: false, error: asZincError(error) })
      throw error
    }
    return side
  }

  protected async openClient(address: string | readonly string[], options: JoinOptions): Promise<void> {
    const addresses = joinAddresses(address, this.#common.transport)
    const { listen } = options
    if (listen !== undefined) this.#host = await this.#bind({ ...options, listen }, this.#above())
    const host = this.#host
    const side = this.#newClientSide(addresses, options, host)
    this.#client = side
    this.#node.up = side
    this.#node.down = host?.publication
    // It heeds its clients from the first, and lets none in before the host above has taken it (`Detached`).
    host?.start()
    this.#roster.start({ below: host?.forRoster, above: side })
    try {
      await side.join(options.signal)
    } catch (thrown) {
      this.#roster.close()
      side.abort(asZincError(thrown))
      host?.abort()
      this.#lifecycle.finished({ requested: false, error: asZincError(thrown) })
      throw thrown
    }
    this.#ready = true
    this.#lifecycle.opened()
  }

  #newClientSide(addresses: readonly string[], options: JoinOptions, host: HostSide | undefined): ClientSide {
    return new ClientSide({
      node: this.#node,
      name: this.name,
      transport: this.#common.transport,
      addresses,
      ...joiningSettings(options, this.#common.maxPayloadBytes),
      maxPayloadBytes: this.#common.maxPayloadBytes,
      idSecret: this.#common.idSecret,
      roster: this.#roster,
      onClosed: error => {
        this.#host?.abort()
        this.#ended(error)
      },
      onDenied: (topic, error) => this.#outbound.denied(topic, error),
      onNewSession: () => {
        this.#outbound.newSession()
        this.#host?.allowedAbove()
      },
      onLink: change => {
        if (change === "up") {
          this.#host?.linkedAbove()
          this.#host?.tellCensus()
          this.#seat?.linked()
        }
        this.#port.linkChanged(change)
      },
      onUndeliverable: (target, sequence, correlation, code) =>
        this.#outbound.undeliverable(target, sequence, correlation, code),
      relay:
        host === undefined
          ? undefined
          : {
              addresses: () => this.addresses,
              height: () => host.height,
              room: () => host.room,
              sendAway: withinMs => void host.sendAway(withinMs),
              onProbeReply: reply => host.probeReply(reply),
              onRooted: number => host.rooted(number),
              onward: frame => host.directFromAbove(frame),
              undeliverable: news => host.undeliverable(news),
              denied: (topic, code, reason) => host.deniedAbove(topic, code, reason),
              onRegenerated: () => host.regenerate(),
            },
    })
  }

  /**
   * Opens an endpoint that votes: it listens, and lets nobody in before `seat` has been told that it is the root, or who
   * is. Rejects as `host` does.
   */
  protected async openVoter(options: VoterEndpointOptions): Promise<OpenedVoter> {
    const host = await this.#bind(options, this.#above())
    const client = this.#newClientSide([], options, host)
    this.#host = host
    this.#client = client
    this.#node.up = client
    this.#node.down = host.publication
    const seat = new Seat({
      node: this.#node,
      client,
      host,
      closed: this.closed,
      onRole: role => this.#port.linkChanged(role === "host" ? "root" : "down"),
    })
    void seat.seated().then(
      () => {
        this.#ready = true
        this.#lifecycle.opened()
      },
      () => {},
    )
    this.#seat = seat
    host.start()
    this.#roster.start({ below: host.forRoster, above: client })
    const { transport, clock, random, logger } = this.#common
    return { seat, transport, clock, random, logger }
  }

  /** What the host side of a relay sees of the client side, which is made after it. */
  #above(): Above {
    const client = () => this.#client!
    return {
      get linked() {
        return client().linked
      },
      get lastPushed() {
        return client().lastPushed
      },
      get isRoomy() {
        return client().isRoomy
      },
      want: prefix => client().want(prefix),
      unwant: prefix => client().unwant(prefix),
      onRoom: callback => client().onRoom(callback),
      resolve: name => client().resolve(name),
      get rootRoundTripMs() {
        return client().rootRoundTripMs
      },
      probeCame: token => client().probeCame(token),
      tell: body => client().tell(body),
    }
  }

  // ---- state ----

  get state(): State {
    return this.#lifecycle.state
  }
  get closed(): Promise<CloseReason> {
    return this.#lifecycle.closed
  }
  get role(): EndpointRole {
    return this.#seat?.role ?? this.#role
  }
  get #isRoot(): boolean {
    return this.role === "host"
  }
  get addresses(): readonly string[] {
    return this.#host?.addresses.map(bound => bound.control) ?? []
  }
  get peers(): readonly PeerInfo[] {
    return [...(this.#client?.peers ?? []), ...(this.#host?.peers ?? [])]
  }
  get members(): readonly MemberInfo[] {
    return this.#host?.members ?? []
  }
  roster(): Roster {
    this.#lifecycle.assertOpen()
    return this.#roster.open()
  }
  get path(): readonly EndpointId[] {
    return this.#node.place.path.map(id => endpointIdFromBytes(id))
  }
  get isReadOnly(): boolean {
    return this.#node.place.isReadOnly
  }
  get statistics(): EndpointStatistics {
    return { ...this.#node.statistics }
  }
  on<T extends EndpointEvent["type"] | "*">(
    type: T,
    listener: (event: T extends "*" ? EndpointEvent : Extract<EndpointEvent, { type: T }>) => void,
  ): () => void {
    if (!Object.hasOwn(eventTypes, type)) {
      throw new ZincError(
        "BadOption",
        `no event is called "${String(type)}"; there are ${Object.keys(eventTypes).join(", ")}`,
      )
    }
    return this.#node.events.on(type, listener)
  }

  // ---- receiving ----

  handle(topic: string, handler: MessageHandler | HandlerModule, options: HandleOptions = {}): Handling {
    checkOptions(options)
    this.#lifecycle.assertOpen()
    return this.#listener.handle(topic, handler, options)
  }

  #follow(receiver: Receiver): Promise<void> {
    if (this.#client === undefined) return Promise.resolve()
    return this.#client.addReceiver(receiver)
  }

  openInbound(): Promise<void> {
    this.#lifecycle.assertOpen()
    return this.#listener.open()
  }
  closeInbound(): void {
    this.#listener.close()
  }
  openOutbound(): void {
    this.#lifecycle.assertOpen()
    this.#outbound.open()
  }
  closeOutbound(): void {
    this.#outbound.close()
  }

  // ---- sending ----

  send(topic: string, value: unknown, options?: SendOptions): boolean
  send(topic: string, value: unknown, options: AckOptions): Promise<void>
  send(topic: string, value: unknown, options: SendOptions | AckOptions = {}): boolean | Promise<void> {
    checkOptions(options)
    if ((options as AckOptions).ack !== undefined)
      return this.#outbound.sendAcknowledged(topic, value, options as AckOptions)
    return this.#outbound.send(topic, value, options)
  }

  sendTo(target: Target, topic: string, value: unknown, options: Pick<SendOptions, "codec"> = {}): Promise<void> {
    return this.#outbound.sendTo(target, topic, value, options)
  }

  request(target: Target, topic: string, value: unknown, options: RequestOptions = {}): Promise<unknown> {
    return this.#outbound.request(target, topic, value, options)
  }

  drained(): Promise<void> {
    return this.#outbound.drained()
  }

  flushed(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#outbound.flushed(options)
  }

  /** At the root: all of that name. */
  #bearersOf(name: string): EndpointId[] {
    const ids = this.#host!.named(name).map(bytes => endpointIdFromBytes(bytes))
    if (this.name === name) ids.push(this.id)
    return ids
  }

  // ---- direct messages on their way ----

  #route(target: Uint8Array, header: Uint8Array, payload: Uint8Array): boolean {
    const id = endpointIdFromBytes(target)
    if (id === this.id) {
      this.#direct.arrived(Frame.over(header, payload), this.#node.self, 0)
      return true
    }
    if (this.#host?.sendDirect(target, header, payload)) return true
    if (this.#client !== undefined) return this.#client.push(this.#direct.streams, header, payload)
    throw new ZincError("NoSuchEndpoint", `no endpoint ${id} is in this tree now`, { retryable: true })
  }

  // ---- ending ----

  close(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    checkOptions(options)
    return this.#lifecycle.close(async () => {
      const timeoutMs = options.timeoutMs ?? 5000
      const { clock } = this.#common
      const closed = new ZincError("Closed", `endpoint "${this.name}" was closed`)
      if (this.#client?.linked && this.#host !== undefined) await this.#host.drain(Math.min(timeoutMs / 2, drainMs))
      if (this.#ready)
        await within(clock, timeoutMs, Promise.all([this.flushed().catch(() => {}), this.#listener.idle()]))
      const unacknowledged = this.#client?.unacknowledged ?? 0
      if (unacknowledged > 0) this.#tellUnacknowledged(unacknowledged)
      this.#roster.close()
      this.#seat?.end()
      // A relay lets its clients go first: what they pushed and is not rooted they take along.
      await this.#host?.close(Math.min(timeoutMs, 1000), "Draining", "the host was closed")
      await this.#client?.close(Math.min(timeoutMs, 1000))
      this.#direct.failAll(closed)
      this.#port.closed()
      await this.#listener.ended()
      return unacknowledged > 0 ? { unacknowledged } : {}
    })
  }

  #tellUnacknowledged(messages: number): void {
    this.#common.logger.warn(
      `${messages} message${messages === 1 ? "" : "s"} sent by "${this.name}" had not reached the root of the tree when it closed`,
      { endpoint: this.name, messages },
    )
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  abort(reason: ZincError = new ZincError("Aborted", `endpoint "${this.name}" was aborted`)): void {
    this.#seat?.end()
    this.#client?.abort(reason)
    this.#host?.abort()
    this.#ended(reason)
  }

  #ended(error: ZincError | undefined): void {
    this.#roster.close()
    this.#direct.failAll(error ?? new ZincError("Closed", `endpoint "${this.name}" was closed`))
    this.#port.closed()
    void this.#listener.ended()
    this.#lifecycle.finished(error === undefined ? { requested: true } : { requested: false, error })
  }
}

type RelayOptions = JoinOptions & Pick<HostOptions, "listen">

/** A voter may be root or relay: it has the options of both. */
export type VoterEndpointOptions = HostOptions & JoinOptions

/** A voter's endpoint, and what it was opened with. */
export interface OpenedVoter extends Pick<EndpointSettings, "transport" | "clock" | "random" | "logger"> {
  readonly seat: Seat
}

function roleOfJoin(options: JoinOptions): "relay" | "client" {
  return options?.listen === undefined ? "client" : "relay"
}

/** Waits for the promise, but not longer. */
function within(clock: Clock, timeoutMs: number, promise: Promise<unknown>): Promise<void> {
  return new Promise(resolve => {
    const timer = clock.after(timeoutMs, resolve)
    void promise.finally(() => {
      timer.cancel()
      resolve()
    })
  })
}
