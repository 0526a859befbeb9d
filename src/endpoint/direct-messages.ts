/**
 * Messages to one endpoint: direct ones, requests, their replies and cancellations. Deadlines travel as what is left, so
 * that no two clocks need agree.
 */
import { fromUtf8, utf8 } from "../core/bytes.ts"
import type { Timer } from "../core/clock.ts"
import { asZincError, ErrorCode, messageOf, ZincError } from "../core/errors.ts"
import { type EndpointId, endpointIdToBytes } from "../core/id.ts"
import type { Codec } from "../message/codec.ts"
import type { CodecRegistry } from "../message/codec-registry.ts"
import { type Extensions, encodeExtensions, readExtensions } from "../message/extension.ts"
import { encodeHeader, Flag, Kind } from "../message/header.ts"
import type { ChannelListener } from "./channel-listener.ts"
import type { Frame } from "./frame.ts"
import type { Node } from "./node.ts"
import { hopsMax } from "./place.ts"
import { directUpTopic } from "./private-topic.ts"
import { idOf, ReceivedMessage } from "./received-message.ts"
import type { Origin, Receiver, TopicState } from "./topic-state.ts"

/** What a service of Zinc's own answers requests with: octets in, octets out. */
export type Service = (payload: Uint8Array, from: EndpointId) => Uint8Array | Promise<Uint8Array>

export interface DirectMessagesOptions {
  /** This endpoint's, for those who are refused. */
  readonly name: string
  readonly node: Node
  readonly codecs: CodecRegistry
  readonly listener: ChannelListener
  readonly replyCodec: Codec
  /** Takes it down or up. False: no room now. Throws `NoSuchEndpoint` where that is known at once. */
  readonly route: (target: Uint8Array, header: Uint8Array, payload: Uint8Array) => boolean
  /** Calls back when a refused route may succeed. */
  readonly onRoom: (callback: () => void) => void
}

interface Pending {
  readonly target: EndpointId
  readonly topic: string
  readonly codecs: CodecRegistry
  /** Zinc's own question, of octets. */
  readonly raw: boolean
  /** The number it was sent by; 0 before. */
  sequence: number
  settle(outcome: { readonly value: unknown } | { readonly error: ZincError }): void
}

/** Requests that may wait for an answer here, and be served at once. */
const pendingMax = 100_000
const servingMax = 10_000
/** Targets whose numbers are remembered. */
const targetsMax = 100_000
/** Replies and cancellations that may wait for room. */
const outboxMax = 10_000

export class DirectMessages implements Receiver {
  readonly prefixes: readonly Uint8Array[] = [directUpTopic]
  readonly #o: DirectMessagesOptions
  /** The last number given to each target, and the last of those that was a user's and not Zinc's own. */
  readonly #sent = new Map<EndpointId, { readonly last: number; readonly users: number }>()
  #floor = 0
  readonly #pending = new Map<number, Pending>()
  readonly #serving = new Map<string, AbortController>()
  readonly #services = new Map<string, Service>()
  readonly #outbox: {
    target: Uint8Array
    kind: Kind
    codec: number
    payload: Uint8Array
    extensions: Extensions
    own: boolean
  }[] = []
  #correlation = 0

  constructor(options: DirectMessagesOptions) {
    this.#o = options
  }

  // ---- sending ----

  /** False when there is no room now. `own`: it is Zinc's, and no user misses it. */
  send(
    target: EndpointId,
    kind: Kind,
    codec: number,
    payload: Uint8Array,
    extensions: Extensions,
    own = false,
  ): boolean {
    const { node } = this.#o
    const bytes = endpointIdToBytes(target)
    const { last, users } = this.#sent.get(target) ?? { last: this.#floor, users: this.#floor }
    const sequence = last + 1
    const header = encodeHeader({
      kind,
      flags: kind === Kind.Direct ? Flag.Prompt : 0,
      codec,
      hops: hopsMax,
      epoch: node.epoch,
      ageMicros: 0,
      origin: node.self.bytes,
      sequence,
      order: 0,
      leg: { way: "up", session: new Uint8Array(16), number: 0 },
      extensions: encodeExtensions({ ...extensions, target: bytes, ...(users === last ? {} : { usersLast: users }) }),
    })
    if (!this.#o.route(bytes, header, payload)) return false
    this.#sent.set(target, { last: sequence, users: own ? users : sequence })
    if (this.#sent.size > targetsMax) this.#forgetOldest()
    node.statistics.sent++
    return true
  }

  #forgetOldest(): void {
    const [target, { last }] = this.#sent.entries().next().value!
    this.#sent.delete(target)
    // Should it be written to again, its numbers go on above, for lower ones would be taken for duplicates.
    this.#floor = Math.max(this.#floor, last)
  }

  /** Asks, and resolves with the reply's value, or its octets when `raw`. */
  request(
    target: EndpointId,
    topic: string,
    codec: number,
    payload: Uint8Array,
    options: { readonly deadlineMs: number; readonly signal?: AbortSignal | undefined; readonly raw?: boolean },
  ): Promise<unknown> {
    const { node, codecs } = this.#o
    if (this.#pending.size >= pendingMax) {
      return Promise.reject(
        new ZincError("Full", `${pendingMax} requests wait for an answer already`, { retryable: true }),
      )
    }
    if (options.signal?.aborted) {
      return Promise.reject(
        new ZincError("Aborted", `the request on "${topic}" was aborted before it was sent`, {
          cause: options.signal.reason,
        }),
      )
    }
    const correlation = ++this.#correlation
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined
      const onAbort = () => {
        this.#post(target, Kind.Cancel, 0, new Uint8Array(0), { correlation, topic })
        pending.settle({
          error: new ZincError("Aborted", `the request on "${topic}" was aborted`, { cause: options.signal?.reason }),
        })
      }
      const pending: Pending = {
        target,
        topic,
        codecs,
        raw: options.raw ?? false,
        sequence: 0,
        settle: outcome => {
          if (!this.#pending.delete(correlation)) return
          timer?.cancel()
          options.signal?.removeEventListener("abort", onAbort)
          if ("error" in outcome) reject(outcome.error)
          else resolve(outcome.value)
        },
      }
      this.#pending.set(correlation, pending)
      options.signal?.addEventListener("abort", onAbort, { once: true })
      timer = node.clock.after(options.deadlineMs, () => {
        this.#post(target, Kind.Cancel, 0, new Uint8Array(0), { correlation, topic })
        pending.settle({
          error: new ZincError("Timeout", `no answer on "${topic}" from ${target} within ${options.deadlineMs} ms`, {
            retryable: true,
          }),
        })
      })
      const sendNow = () => {
        if (!this.#pending.has(correlation)) return
        try {
          const { deadlineMs } = options
          if (this.send(target, Kind.Request, codec, payload, { correlation, topic, deadlineMs }, pending.raw))
            pending.sequence = this.lastSequence(target)
          else this.#o.onRoom(sendNow)
        } catch (thrown) {
          pending.settle({ error: asZincError(thrown) })
        }
      }
      sendNow()
    })
  }

  /** Sends when there is room; what cannot wait is dropped, and its requester times out. */
  #post(
    target: EndpointId,
    kind: Kind,
    codec: number,
    payload: Uint8Array,
    extensions: Extensions,
    own = kind === Kind.Cancel,
  ): void {
    try {
      if (this.#outbox.length === 0 && this.send(target, kind, codec, payload, extensions, own)) return
    } catch (thrown) {
      this.#o.node.logger.debug("a reply had nobody to go to", { target, reason: messageOf(thrown) })
      return
    }
    if (this.#outbox.length >= outboxMax) return
    this.#outbox.push({ target: endpointIdToBytes(target), kind, codec, payload, extensions, own })
    if (this.#outbox.length === 1) this.#o.onRoom(() => this.#flush())
  }

  #flush(): void {
    while (this.#outbox.length > 0) {
      const { target, kind, codec, payload, extensions, own } = this.#outbox[0]!
      try {
        if (!this.send(idOf({ bytes: target, id: undefined }), kind, codec, payload, extensions, own)) {
          this.#o.onRoom(() => this.#flush())
          return
        }
      } catch {
        // It has left meanwhile.
      }
      this.#outbox.shift()
    }
  }

  // ---- receiving ----

  /** What an endpoint sends to others, whatever its target, is one stream, on this topic. */
  get streams(): TopicState {
    return this.#o.node.topics.of(directUpTopic)
  }

  /** One that the node does not deliver: from a client below, or from here to here. */
  arrived(frame: Frame, origin: Origin, sequence: number): void {
    this.#o.node.statistics.delivered++
    this.take(this.streams, frame, origin, sequence)
  }

  take(_topic: TopicState, frame: Frame, origin: Origin, sequence: number): void {
    const extensions = readExtensions(frame.headerView())
    this.#o.node.gaps.directCame(this.streams, origin, extensions.usersLast)
    const name = extensions.topic ?? ""
    switch (frame.kind) {
      case Kind.Direct: {
        const handlers = this.#o.listener.handlersFor(name)
        if (handlers.length === 0 && this.#o.listener.isOpen)
          this.#o.node.logger.warn("a direct message on a topic nobody handles here was dropped", { topic: name })
        for (const handler of handlers)
          handler.mailbox.put(new ReceivedMessage(name, "nearest", frame, origin, sequence, true, this.#o.codecs))
        break
      }
      case Kind.Request:
        this.#serve(name, frame, origin, sequence, extensions)
        break
      case Kind.Reply:
        this.#onReply(frame, origin, extensions)
        break
      case Kind.Cancel:
        this.#stopServing(
          `${idOf(origin)} ${extensions.correlation}`,
          new ZincError("Cancelled", "the requester took the request back"),
        )
        break
    }
  }

  #stopServing(key: string, reason: ZincError): void {
    const abort = this.#serving.get(key)
    this.#serving.delete(key)
    abort?.abort(reason)
  }

  /** That endpoint is gone for good: it answers nothing any more, and needs no answers. */
  peerGone(id: EndpointId): void {
    const gone = new ZincError("PeerLost", `${id} left before it was done`, { retryable: true })
    for (const pending of [...this.#pending.values()]) if (pending.target === id) pending.settle({ error: gone })
    for (const key of [...this.#serving.keys()]) if (key.startsWith(`${id} `)) this.#stopServing(key, gone)
  }

  /** The number of the last message sent to that endpoint. */
  lastSequence(target: EndpointId): number {
    return this.#sent.get(target)?.last ?? 0
  }

  /** Answers requests on a topic for Zinc itself; before any handler. */
  addService(topic: string, service: Service): () => void {
    this.#services.set(topic, service)
    return () => {
      if (this.#services.get(topic) === service) this.#services.delete(topic)
    }
  }

  #serve(topic: string, frame: Frame, origin: Origin, sequence: number, extensions: Extensions): void {
    const { node, codecs } = this.#o
    const requester = idOf(origin)
    const correlation = extensions.correlation ?? 0
    const service = this.#services.get(topic)
    const fail = (code: ErrorCode, reason: string) =>
      this.#post(requester, Kind.Reply, 0, utf8(reason), { correlation, error: code }, service !== undefined)

    if (service !== undefined) {
      const payload = frame.payload()
      Promise.resolve()
        .then(() => service(payload, requester))
        .then(
          reply => this.#post(requester, Kind.Reply, 0, reply, { correlation }, true),
          thrown => fail(ZincError.is(thrown) ? thrown.code : "HandlerFailed", messageOf(thrown)),
        )
      return
    }
    const handler = this.#o.listener.handlersFor(topic)[0]
    if (handler === undefined) {
      const why = this.#o.listener.isOpen
        ? `has no handler for "${topic}"`
        : "takes no messages now: its inbound channel is closed"
      fail("NoHandler", `"${this.#o.name}" ${why}`)
      return
    }
    if (this.#serving.size >= servingMax) {
      fail("Full", `"${this.#o.name}" serves ${servingMax} requests already`)
      return
    }
    const key = `${requester} ${correlation}`
    const abort = new AbortController()
    this.#serving.set(key, abort)
    const timer = node.clock.after(extensions.deadlineMs ?? 60_000, () =>
      this.#stopServing(key, new ZincError("Timeout", "the request's deadline passed")),
    )
    const message = new ReceivedMessage(topic, "nearest", frame, origin, sequence, true, codecs)
    message.signal = abort.signal
    message.settle = (result, error) => {
      timer.cancel()
      // Nobody waits for it any more.
      if (abort.signal.aborted) return
      this.#serving.delete(key)
      if (error !== undefined) {
        fail(ZincError.is(error) ? error.code : "HandlerFailed", messageOf(error))
        return
      }
      try {
        const codec = result instanceof Uint8Array ? codecs.byNumber(0) : this.#o.replyCodec
        this.#post(requester, Kind.Reply, codec.number, codec.encode(result === undefined ? null : result), {
          correlation,
        })
      } catch (thrown) {
        fail("BadPayload", messageOf(thrown))
      }
    }
    handler.mailbox.put(message)
  }

  #onReply(frame: Frame, origin: Origin, extensions: Extensions): void {
    const pending = this.#pending.get(extensions.correlation ?? 0)
    // Only the one that was asked may answer.
    if (pending === undefined || pending.target !== idOf(origin)) return
    if (extensions.error !== undefined) {
      const code = extensions.error in ErrorCode ? (extensions.error as ErrorCode) : "HandlerFailed"
      let reason = "no reason given"
      try {
        reason = fromUtf8(frame.payload())
      } catch {
        // A reason that cannot be read is none.
      }
      pending.settle({ error: new ZincError(code, reason, { retryable: code === "Full" }) })
      return
    }
    try {
      pending.settle({
        value: pending.raw
          ? frame.payload()
          : pending.codecs.byNumber(frame.codec, pending.topic).decode(frame.payload()),
      })
    } catch (thrown) {
      pending.settle({ error: asZincError(thrown) })
    }
  }

  /** That number to the target found nobody. True when a user sent it: Zinc's own questions and answers are no news. */
  undeliverable(target: EndpointId, sequence: number, correlation: number, error: ZincError): boolean {
    // A message that is neither question nor answer ties to nothing.
    if (correlation === 0) return true
    const pending = this.#pending.get(correlation)
    // A reply bears a number of the requester's, which may be one of ours too; of a question that has ended all was told.
    if (pending?.target !== target || pending.sequence !== sequence) return false
    pending.settle({ error })
    return !pending.raw
  }

  failAll(error: ZincError): void {
    for (const pending of [...this.#pending.values()]) pending.settle({ error })
    for (const abort of this.#serving.values()) abort.abort(error)
    this.#serving.clear()
    this.#outbox.length = 0
  }
}
