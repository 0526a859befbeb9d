/**
 * An endpoint as its user holds it: opens one side or the other, takes handlers, sends, asks. The work is done by the
 * node (what to do with frames) and its sides (how they travel).
 */

import { checkOptions, checkSignal } from "../core/arguments.ts"
import type { Clock } from "../core/clock.ts"
import { asZincError, ErrorCode, ZincError } from "../core/errors.ts"
import { type EndpointId, endpointIdFromBytes, isEndpointId } from "../core/id.ts"
import { type CloseReason, Lifecycle, type State } from "../core/lifecycle.ts"
import type { Codec } from "../message/codec.ts"
import { Kind } from "../message/header.ts"
import { encodeTopic, TopicKind } from "../message/topic.ts"
import type {
  AckOptions,
  CodecName,
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
import { Node } from "./node.ts"
import type { Receiver } from "./receiver.ts"
import { RosterKeeper } from "./roster/roster-keeper.ts"
import type { Roster } from "./roster/roster-view.ts"
import { rulesOf } from "./rules.ts"
import { Seat } from "./seat.ts"
import {
  checkCodec,
  type EndpointSettings,
  hostingSettings,
  joinAddresses,
  joiningSettings,
  listenAddresses,
  readSettings,
} from "./settings.ts"
import type { Origin, TopicState } from "./topic-state.ts"
import { checkHandlerModule } from "./worker/handler-module.ts"
import type { WorkerPool } from "./worker/worker-pool.ts"

/** The longest that a relay that closes waits for its clients to have joined other hosts. */
const drainMs = 2000
/** How long a resolved name is taken to hold. */
const nameKeptMs = 1000

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
  readonly #topics = new Map<string, TopicState>()
  readonly #port: EndpointDocumentPort
  readonly #roster: RosterKeeper
  readonly #pools = new Set<WorkerPool>()
  #host: HostSide | undefined
  #client: ClientSide | undefined
  #outboundOpen = true
  /** Documents with something to send when the outbound channel opens: one callback each. */
  readonly #awaitingOutbound: (() => void)[] = []
  #ready = false

  protected constructor(options: HostOptions | JoinOptions, role: EndpointRole) {
    this.#common = readSettings(options)
    const { id, name, clock, random, logger, codecs, codec } = this.#common
    this.id = id
    this.name = name
    this.#role = role
    this.#lifecycle = new Lifecycle(`endpoint "${name}"`)
    this.#node = new Node({ id, clock, random, logger, rules: rulesOf(options) })
    let host = this.path.at(-2)
    this.#node.place.onMoved(() => {
      const { path } = this
      const same = path.at(-2) === host
      host = path.at(-2)
      const reason = same
        ? "the tree above its host changed"
        : host === undefined
          ? "it is the root"
          : "it hangs at another host"
      this.#node.events.emit({ type: "path", path, reason })
    })
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
      onRoom: callback => this.#onRoom(callback),
    })
    this.#node.topics.addReceiver(this.#direct)
    this.#port = new EndpointDocumentPort({
      node: this.#node,
      direct: this.#direct,
      isRoot: () => this.#isRoot,
      linked: () => this.#client?.linked ?? false,
      host: () => this.#client?.hostId,
      follow: receiver => this.#follow(receiver),
      unfollow: receiver => this.#client?.removeReceiver(receiver),
      onRoom: callback => {
        if (this.#outboundOpen) this.#onRoom(callback)
        else this.#awaitingOutbound.push(callback)
      },
      rooted: () => this.flushed(),
      outbound: () => this.#lifecycle.isOpen && this.#outboundOpen,
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
      onDirect: (frame, origin, sequence) => this.#takeDirect(frame, origin, sequence),
      onGone: id => {
        this.#direct.peerGone(id)
        this.#port.peerGone(id)
      },
      onUndeliverable: ({ target, sequence, correlation, code }) =>
        this.#undeliverable(
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
      roster: this.#roster,
      onClosed: error => {
        this.#host?.abort()
        this.#ended(error)
      },
      onDenied: (topic, error) => {
        if (this.#denied.has(topic)) return
        this.#denied.set(topic, error)
        this.#node.events.emit({ type: "denied", topic: topic.name, code: error.code, reason: error.message })
      },
      onNewSession: () => {
        this.#denied.clear()
        this.#host?.allowedAbove()
      },
      onLink: change => {
        if (change === "up") {
          this.#host?.tellCensus()
          this.#seat?.linked()
        }
        this.#port.linkChanged(change)
      },
      onUndeliverable: (target, sequence, correlation, code) =>
        this.#undeliverable(target, sequence, correlation, code),
      relay:
        host === undefined
          ? undefined
          : {
              addresses: () => this.addresses,
              height: () => host.height,
              room: () => host.room,
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
      loops: () => client().loops(),
      tell: body => client().tell(body),
    }
  }

  #undeliverable(target: EndpointId, sequence: number, correlation: number, code: ErrorCode): void {
    this.#names.clear()
    const error = new ZincError(code, `no endpoint ${target} is in this tree`)
    this.#node.events.emit({ type: "undeliverable", target, code })
    this.#direct.undeliverable(correlation, error)
    this.#undelivered.get(`${target} ${sequence}`)?.(error)
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
    let pool: Promise<WorkerPool> | undefined
    let call: MessageHandler
    if (typeof handler === "function") call = handler
    else {
      checkHandlerModule(handler)
      const module = handler
      pool = import("./worker/worker-pool.ts").then(loaded => {
        const opened = new loaded.WorkerPool(module)
        this.#pools.add(opened)
        return opened
      })
      pool.catch(() => {})
      call = async message => (await pool!).run(message)
    }
    const { receiver, ready } = this.#listener.add(topic, call, options)
    ready.catch(() => {})
    let closing: Promise<void> | undefined
    const close = () => {
      closing ??= this.#listener.remove(receiver).then(async () => {
        if (pool === undefined) return
        const opened = await pool
        this.#pools.delete(opened)
        await opened.close()
      })
      return closing
    }
    return { ready, close, [Symbol.asyncDispose]: close }
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
    this.#outboundOpen = true
    for (const callback of this.#awaitingOutbound.splice(0)) callback()
  }
  closeOutbound(): void {
    this.#outboundOpen = false
  }

  // ---- sending ----

  send(topic: string, value: unknown, options?: SendOptions): boolean
  send(topic: string, value: unknown, options: AckOptions): Promise<void>
  send(topic: string, value: unknown, options: SendOptions | AckOptions = {}): boolean | Promise<void> {
    checkOptions(options)
    const ack = (options as AckOptions).ack
    if (ack !== undefined) return this.#sendAcknowledged(topic, value, options as AckOptions)
    this.#assertOutbound()
    const state = this.#topicFor(topic, options.route)
    const codec = this.#codecFor(topic, options.codec)
    return this.#sendEncoded(state, codec.number, codec.encode(value))
  }

  #sendEncoded(topic: TopicState, codec: number, payload: Uint8Array, prompt = false): boolean {
    this.#checkSize(payload)
    if (topic.route === "ordered" && this.#node.place.isReadOnly)
      throw new ZincError(
        "NoAuthority",
        `"${topic.name}" takes nothing new: this part of the tree does not reach a majority of its voters`,
        { retryable: true },
      )
    return this.#node.originate(topic, Kind.Broadcast, codec, payload, prompt)
  }

  async #sendAcknowledged(topic: string, value: unknown, options: AckOptions): Promise<void> {
    const { ack } = options
    if (ack !== "received" && ack !== "rooted" && ack !== "replicated")
      throw new ZincError("BadOption", `ack must be "received", "rooted" or "replicated", not "${String(ack)}"`)
    if (ack === "replicated" && options.route !== "ordered")
      throw new ZincError(
        "BadOption",
        `only ordered messages are kept by voters: ack "replicated" needs route "ordered"`,
      )
    this.#assertOutbound()
    checkSignal(options.signal)
    const state = this.#topicFor(topic, options.route)
    const codec = this.#codecFor(topic, options.codec)
    if (ack === "replicated" && this.#node.epoch === 0)
      throw new ZincError(
        "Unsupported",
        `this tree has no voters, so nothing of it is replicated; ask for ack "rooted", or open its hosts with data and seeds`,
      )
    const payload = codec.encode(value)
    while (!this.#sendEncoded(state, codec.number, payload, true)) {
      await this.drained()
      if (options.signal?.aborted)
        throw new ZincError("Aborted", "the send was aborted while it waited for room", {
          cause: options.signal.reason,
        })
      this.#assertOutbound()
    }
    if (this.#client === undefined) return
    await this.#client.acknowledged(this.#client.lastPushed, ack === "received" ? ack : "rooted", options.signal)
    const denied = this.#denied.get(state)
    if (denied !== undefined) throw denied
  }
  /** Topics that the host does not let us send on in this session; as many as we have sent on, at most. */
  readonly #denied = new Map<TopicState, ZincError>()

  async sendTo(target: Target, topic: string, value: unknown, options: Pick<SendOptions, "codec"> = {}): Promise<void> {
    checkOptions(options)
    this.#assertOutbound()
    encodeTopic(TopicKind.Nearest, topic)
    const codec = this.#codecFor(topic, options.codec)
    const payload = codec.encode(value)
    this.#checkSize(payload)
    const id = await this.#resolve(target)
    while (!this.#direct.send(id, Kind.Direct, codec.number, payload, { topic })) {
      await this.drained()
      this.#assertOutbound()
    }
    if (this.#client === undefined || id === this.id) return
    const key = `${id} ${this.#direct.lastSequence(id)}`
    let undelivered: ZincError | undefined
    this.#undelivered.set(key, error => {
      undelivered = error
    })
    try {
      await this.#client.acknowledged(this.#client.lastPushed, "rooted")
    } finally {
      this.#undelivered.delete(key)
    }
    if (undelivered !== undefined) throw undelivered
  }
  /** Direct messages on their way, by target and number, to be told when there is nobody to turn down to. */
  readonly #undelivered = new Map<string, (error: ZincError) => void>()

  async request(target: Target, topic: string, value: unknown, options: RequestOptions = {}): Promise<unknown> {
    checkOptions(options)
    checkSignal(options.signal)
    this.#assertOutbound()
    encodeTopic(TopicKind.Nearest, topic)
    const deadlineMs = options.deadlineMs ?? 5000
    if (!(typeof deadlineMs === "number" && deadlineMs > 0 && deadlineMs <= 0xffff_ffff))
      throw new ZincError("BadOption", `deadlineMs must be above 0, not ${String(deadlineMs)}`)
    const codec = this.#codecFor(topic, options.codec)
    const payload = codec.encode(value)
    this.#checkSize(payload)
    const started = this.#common.clock.now()
    const id = await this.#inTime(this.#resolve(target), deadlineMs, options.signal, topic)
    const left = Math.max(1, deadlineMs - (this.#common.clock.now() - started))
    return this.#direct.request(id, topic, codec.number, payload, { deadlineMs: left, signal: options.signal })
  }

  /** The name's owner, unless the request's deadline or signal is first. */
  #inTime<T>(promise: Promise<T>, deadlineMs: number, signal: AbortSignal | undefined, topic: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const abort = () =>
        reject(
          new ZincError("Aborted", `the request on "${topic}" was aborted before it was sent`, {
            cause: signal?.reason,
          }),
        )
      if (signal?.aborted) return abort()
      const timer = this.#common.clock.after(deadlineMs, () =>
        reject(
          new ZincError("Timeout", `who shall answer "${topic}" was not found within ${deadlineMs} ms`, {
            retryable: true,
          }),
        ),
      )
      signal?.addEventListener("abort", abort, { once: true })
      promise.then(resolve, reject).finally(() => {
        timer.cancel()
        signal?.removeEventListener("abort", abort)
      })
    })
  }

  drained(): Promise<void> {
    if (this.#client === undefined || !this.#client.refused) return Promise.resolve()
    return new Promise(resolve => this.#client!.onRoom(resolve))
  }

  async flushed(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    checkOptions(options)
    checkSignal(options.signal)
    if (this.#client !== undefined) await this.#client.acknowledged(this.#client.lastPushed, "rooted", options.signal)
  }

  #onRoom(callback: () => void): void {
    if (this.#client === undefined) this.#common.clock.soon(callback)
    else this.#client.onRoom(callback)
  }

  #assertOutbound(): void {
    this.#lifecycle.assertOpen()
    if (!this.#outboundOpen)
      throw new ZincError("Closed", `the outbound channel of "${this.name}" is closed; call openOutbound() first`)
  }

  #checkSize(payload: Uint8Array): void {
    if (payload.length > this.#common.maxPayloadBytes) {
      throw new ZincError(
        "TooLarge",
        `a payload of ${payload.length} octets; the limit is ${this.#common.maxPayloadBytes} (maxPayloadBytes): send it in parts`,
      )
    }
  }

  #codecFor(topic: string, given: CodecName | Codec | undefined): Codec {
    const { codecs, codec } = this.#common
    checkCodec(given)
    if (given === undefined) return codecs.forTopic(topic) ?? codec
    return typeof given === "string" ? codecs.byName(given) : given
  }

  #topicFor(name: string, route: "nearest" | "ordered" | undefined): TopicState {
    if (route !== undefined && route !== "nearest" && route !== "ordered") {
      throw new ZincError("BadOption", `route must be "nearest" or "ordered", not "${String(route)}"`)
    }
    const key = route === "ordered" ? `o${String(name)}` : `n${String(name)}`
    let topic = this.#topics.get(key)
    if (topic === undefined) {
      topic = this.#node.topics.of(encodeTopic(route === "ordered" ? TopicKind.Ordered : TopicKind.Nearest, name))
      // It is about to have numbers of ours.
      topic.kept = true
      if (this.#topics.size >= 65_536) this.#topics.clear()
      this.#topics.set(key, topic)
    }
    return topic
  }

  readonly #names = new Map<string, { readonly id: EndpointId; readonly until: number }>()

  async #resolve(target: Target): Promise<EndpointId> {
    const any = typeof target === "object"
    const name = typeof target === "object" ? target?.any : target
    if (typeof name !== "string" || name === "")
      throw new ZincError("BadOption", "a target is an endpoint id, a name, or { any: name }")
    if (isEndpointId(name)) return name
    let ids: EndpointId[]
    if (this.#isRoot) {
      ids = this.#host!.named(name).map(bytes => endpointIdFromBytes(bytes))
      if (this.name === name) ids.push(this.id)
    } else {
      const known = this.#names.get(name)
      if (known !== undefined && this.#common.clock.now() < known.until) return known.id
      ids = (await this.#client!.resolve(name)).map(bytes => endpointIdFromBytes(bytes))
      // Kept for a moment, so that a run of messages to one name asks once. `any` draws anew each time.
      if (ids.length === 1 && !any) {
        if (this.#names.size >= 1024) this.#names.clear()
        this.#names.set(name, { id: ids[0]!, until: this.#common.clock.now() + nameKeptMs })
      }
    }
    const first = ids[0]
    if (first === undefined)
      throw new ZincError("NoSuchEndpoint", `no endpoint named "${name}" is in this tree now`, { retryable: true })
    if (ids.length > 1 && !any) {
      throw new ZincError(
        "Ambiguous",
        `${ids.length} endpoints are named "${name}"; use an id, or { any: "${name}" } for one of them`,
      )
    }
    return any ? ids[this.#common.random.below(ids.length)]! : first
  }

  // ---- direct messages on their way ----

  #route(target: Uint8Array, header: Uint8Array, payload: Uint8Array): boolean {
    const id = endpointIdFromBytes(target)
    if (id === this.id) {
      this.#takeDirect(Frame.over(header, payload), this.#node.self, 0)
      return true
    }
    if (this.#host?.sendDirect(target, header, payload)) return true
    if (this.#client !== undefined) return this.#client.push(this.#directTopic, header, payload)
    throw new ZincError("NoSuchEndpoint", `no endpoint ${id} is in this tree now`, { retryable: true })
  }

  get #directTopic(): TopicState {
    return this.#node.topics.of(this.#direct.prefixes[0]!)
  }

  #takeDirect(frame: Frame, origin: Origin, sequence: number): void {
    this.#node.statistics.delivered++
    this.#direct.take(this.#directTopic, frame, origin, sequence)
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
      this.#roster.close()
      this.#seat?.end()
      // A relay lets its clients go first: what they pushed and is not rooted they take along.
      await this.#host?.close(Math.min(timeoutMs, 1000), "Draining", "the host was closed")
      await this.#client?.close(Math.min(timeoutMs, 1000))
      this.#direct.failAll(closed)
      this.#port.closed()
      await Promise.all([...this.#pools].map(pool => pool.close()))
    })
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
    for (const pool of this.#pools) void pool.close()
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
