/**
 * An endpoint's outbound channel: what its user sends, open or closed. It checks and encodes, has the node originate what
 * goes to a topic and `DirectMessages` what goes to one endpoint, and waits for room and for acknowledgements.
 */
import { checkOptions, checkSignal } from "../core/arguments.ts"
import { deferred } from "../core/deferred.ts"
import { type ErrorCode, ZincError } from "../core/errors.ts"
import type { EndpointId } from "../core/id.ts"
import type { Lifecycle } from "../core/lifecycle.ts"
import type { Codec } from "../message/codec.ts"
import type { CodecRegistry } from "../message/codec-registry.ts"
import { Kind } from "../message/header.ts"
import { encodeTopic, TopicKind } from "../message/topic.ts"
import type { AckOptions, CodecName, RequestOptions, SendOptions, Target } from "./api.ts"
import type { DirectMessages } from "./direct-messages.ts"
import type { NameResolver } from "./name-resolver.ts"
import type { Node } from "./node.ts"
import { checkCodec } from "./settings.ts"
import type { TopicState } from "./topic-state.ts"

/** How far the hosts above have taken what was sent; a client side. */
export interface SendWindow {
  /** The leg number of what was sent last. */
  readonly lastPushed: number
  /** Something was refused for want of room, and there is none yet. */
  readonly refused: boolean
  onRoom(callback: () => void): void
  /** Resolves when all through that number is received by the host, or rooted. */
  acknowledged(number: number, tier: "received" | "rooted", signal?: AbortSignal): Promise<void>
}

export interface OutboundChannelOptions {
  /** The endpoint's, for those who send when they may not. */
  readonly name: string
  readonly lifecycle: Lifecycle
  readonly node: Node
  readonly codecs: CodecRegistry
  /** For topics without one of their own. */
  readonly codec: Codec
  readonly maxPayloadBytes: number
  readonly direct: DirectMessages
  readonly names: NameResolver
  /** Undefined at an endpoint without a client side, which has nobody to wait for. */
  readonly window: () => SendWindow | undefined
}

/** Topics sent on whose state is at hand by name. */
const topicsMax = 65_536

export class OutboundChannel {
  readonly #o: OutboundChannelOptions
  readonly #node: Node
  #isOpen = true
  /** Documents with something to send when the channel opens: one callback each. */
  readonly #awaitingOpen: (() => void)[] = []
  readonly #topics = new Map<string, TopicState>()
  /** Topics that the host does not let us send on in this session; as many as we have sent on, at most. */
  readonly #denied = new Map<TopicState, ZincError>()
  /**
   * The last direct message to each target that waits for room, while one does: what is sent there meanwhile goes behind it,
   * though its way may have room by then.
   */
  readonly #lastWaiting = new Map<EndpointId, Promise<void>>()
  /** Direct messages on their way, by target and number, to be told when there is nobody to turn down to. */
  readonly #undelivered = new Map<string, (error: ZincError) => void>()

  constructor(options: OutboundChannelOptions) {
    this.#o = options
    this.#node = options.node
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  open(): void {
    this.#isOpen = true
    for (const callback of this.#awaitingOpen.splice(0)) callback()
  }

  close(): void {
    this.#isOpen = false
  }

  // ---- to a topic ----

  /** False when there is no room above; then nothing was done. */
  send(topic: string, value: unknown, options: SendOptions): boolean {
    this.#assertOpen()
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

  async sendAcknowledged(topic: string, value: unknown, options: AckOptions): Promise<void> {
    const { ack } = options
    if (ack !== "received" && ack !== "rooted" && ack !== "replicated")
      throw new ZincError("BadOption", `ack must be "received", "rooted" or "replicated", not "${String(ack)}"`)
    if (ack === "replicated" && options.route !== "ordered")
      throw new ZincError(
        "BadOption",
        `only ordered messages are kept by voters: ack "replicated" needs route "ordered"`,
      )
    this.#assertOpen()
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
      this.#assertOpen()
    }
    const window = this.#o.window()
    if (window === undefined) return
    await window.acknowledged(window.lastPushed, ack === "received" ? ack : "rooted", options.signal)
    const denied = this.#denied.get(state)
    if (denied !== undefined) throw denied
  }

  /** The host does not let us send on that topic. */
  denied(topic: TopicState, error: ZincError): void {
    if (this.#denied.has(topic)) return
    this.#denied.set(topic, error)
    this.#node.events.emit({ type: "denied", topic: topic.name, code: error.code, reason: error.message })
  }

  /** A new session: what the host of the last one denied is for the next to say. */
  newSession(): void {
    this.#denied.clear()
  }

  // ---- to one endpoint ----

  async sendTo(target: Target, topic: string, value: unknown, options: Pick<SendOptions, "codec">): Promise<void> {
    checkOptions(options)
    this.#assertOpen()
    encodeTopic(TopicKind.Nearest, topic)
    const { direct, names } = this.#o
    const codec = this.#codecFor(topic, options.codec)
    const payload = codec.encode(value)
    this.#checkSize(payload)
    const id = await names.resolve(target)
    const before = this.#lastWaiting.get(id)
    if (before !== undefined || !direct.send(id, Kind.Direct, codec.number, payload, { topic })) {
      const { promise, resolve } = deferred<void>()
      this.#lastWaiting.set(id, promise)
      try {
        await before
        this.#assertOpen()
        while (!direct.send(id, Kind.Direct, codec.number, payload, { topic })) {
          await this.drained()
          this.#assertOpen()
        }
      } finally {
        if (this.#lastWaiting.get(id) === promise) this.#lastWaiting.delete(id)
        resolve()
      }
    }
    const window = this.#o.window()
    if (window === undefined || id === this.#node.id) return
    const key = `${id} ${direct.lastSequence(id)}`
    let undelivered: ZincError | undefined
    this.#undelivered.set(key, error => {
      undelivered = error
    })
    try {
      await window.acknowledged(window.lastPushed, "rooted")
    } finally {
      this.#undelivered.delete(key)
    }
    if (undelivered !== undefined) throw undelivered
  }

  async request(target: Target, topic: string, value: unknown, options: RequestOptions): Promise<unknown> {
    checkOptions(options)
    checkSignal(options.signal)
    this.#assertOpen()
    encodeTopic(TopicKind.Nearest, topic)
    const deadlineMs = options.deadlineMs ?? 5000
    if (!(typeof deadlineMs === "number" && deadlineMs > 0 && deadlineMs <= 0xffff_ffff))
      throw new ZincError("BadOption", `deadlineMs must be above 0, not ${String(deadlineMs)}`)
    const codec = this.#codecFor(topic, options.codec)
    const payload = codec.encode(value)
    this.#checkSize(payload)
    const { clock } = this.#node
    const started = clock.now()
    const id = await this.#inTime(this.#o.names.resolve(target), deadlineMs, options.signal, topic)
    const left = Math.max(1, deadlineMs - (clock.now() - started))
    return this.#o.direct.request(id, topic, codec.number, payload, { deadlineMs: left, signal: options.signal })
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
      const timer = this.#node.clock.after(deadlineMs, () =>
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

  /** A direct message, request, reply or cancellation of ours found nobody. */
  undeliverable(target: EndpointId, sequence: number, correlation: number, code: ErrorCode): void {
    this.#o.names.forget()
    const error = new ZincError(code, `no endpoint ${target} is in this tree`)
    if (this.#o.direct.undeliverable(target, sequence, correlation, error))
      this.#node.events.emit({ type: "undeliverable", target, code })
    this.#undelivered.get(`${target} ${sequence}`)?.(error)
  }

  // ---- room ----

  drained(): Promise<void> {
    const window = this.#o.window()
    if (window === undefined || !window.refused) return Promise.resolve()
    return new Promise(resolve => window.onRoom(resolve))
  }

  async flushed(options: { readonly signal?: AbortSignal }): Promise<void> {
    checkOptions(options)
    checkSignal(options.signal)
    const window = this.#o.window()
    if (window !== undefined) await window.acknowledged(window.lastPushed, "rooted", options.signal)
  }

  /** Calls back once when there may be room above. */
  onRoom(callback: () => void): void {
    const window = this.#o.window()
    if (window === undefined) this.#node.clock.soon(callback)
    else window.onRoom(callback)
  }

  /** Calls back once when there may be room above, or, while the channel is closed, when it opens. */
  onRoomOrOpen(callback: () => void): void {
    if (this.#isOpen) this.onRoom(callback)
    else this.#awaitingOpen.push(callback)
  }

  // ---- what every send asks ----

  #assertOpen(): void {
    this.#o.lifecycle.assertOpen()
    if (!this.#isOpen)
      throw new ZincError("Closed", `the outbound channel of "${this.#o.name}" is closed; call openOutbound() first`)
  }

  #checkSize(payload: Uint8Array): void {
    const { maxPayloadBytes } = this.#o
    if (payload.length > maxPayloadBytes) {
      throw new ZincError(
        "TooLarge",
        `a payload of ${payload.length} octets; the limit is ${maxPayloadBytes} (maxPayloadBytes): send it in parts`,
      )
    }
  }

  #codecFor(topic: string, given: CodecName | Codec | undefined): Codec {
    const { codecs, codec } = this.#o
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
      if (this.#topics.size >= topicsMax) this.#topics.clear()
      this.#topics.set(key, topic)
    }
    return topic
  }
}
