/**
 * The daemon that reads the inbound half of the channel and gives each message to its handlers, in the order each asked
 * for. A slow handler fills its own mailbox and stalls no other.
 */
import { type Deferred, deferred } from "../core/deferred.ts"
import { ZincError } from "../core/errors.ts"
import type { CodecRegistry } from "../message/codec-registry.ts"
import { encodePattern, type Route, TopicKind } from "../message/topic.ts"
import type { HandleOptions, HandlerModule, Handling, MessageHandler } from "./api.ts"
import type { Frame } from "./frame.ts"
import { Mailbox, type MailboxReports } from "./mailbox.ts"
import type { Node } from "./node.ts"
import { ReceivedMessage } from "./received-message.ts"
import type { Origin, Receiver, TopicState } from "./topic-state.ts"
import { HandlerPools } from "./worker/handler-pools.ts"

/** One call of `handle`: its pattern, its mailbox. */
class HandlerReceiver implements Receiver {
  readonly pattern: string
  readonly prefixes: readonly Uint8Array[]
  readonly mailbox: Mailbox
  readonly #codecs: CodecRegistry
  /** Until the baseline nothing is taken: what still comes of an earlier subscription may have been taken then. */
  #held = false

  constructor(pattern: string, prefixes: readonly Uint8Array[], mailbox: Mailbox, codecs: CodecRegistry) {
    this.pattern = pattern
    this.prefixes = prefixes
    this.mailbox = mailbox
    this.#codecs = codecs
  }

  /** Takes nothing until the next baseline. */
  hold(): void {
    this.#held = true
  }
  baseline(): void {
    this.#held = false
  }

  take(topic: TopicState, frame: Frame, origin: Origin, sequence: number): void {
    if (this.#held) return
    this.mailbox.put(new ReceivedMessage(topic.name, topic.route, frame, origin, sequence, false, this.#codecs))
  }

  /** Whether direct messages and requests on that topic are for this handler. */
  takesIn(topic: string): boolean {
    return this.pattern.endsWith("*") ? topic.startsWith(this.pattern.slice(0, -1)) : topic === this.pattern
  }
}

export interface ChannelListenerOptions {
  readonly node: Node
  readonly codecs: CodecRegistry
  /** Tells the host what is wanted; resolves when it knows. */
  readonly follow: (receiver: Receiver) => Promise<void>
  readonly unfollow: (receiver: Receiver) => void
  /** A host follows nobody: what comes, comes at once. */
  readonly isHost: boolean
}

export class ChannelListener {
  readonly #o: ChannelListenerOptions
  readonly #handlers = new Set<HandlerReceiver>()
  /** Those added while the channel is closed, to be told when they are ready. */
  readonly #unready = new Map<HandlerReceiver, Deferred<void>>()
  readonly #pools = new HandlerPools()
  #isOpen = true

  constructor(options: ChannelListenerOptions) {
    this.#o = options
  }

  /** Gives what comes on those topics to a function, here or in worker threads. Throws `BadTopic` or `BadOption`. */
  handle(pattern: string, handler: MessageHandler | HandlerModule, options: HandleOptions): Handling {
    checkOptions(options)
    // Whatever is wrong is found before threads are started.
    const prefixes = prefixesOf(pattern, options.route)
    const pool = typeof handler === "function" ? undefined : this.#pools.add(handler)
    const call = typeof handler === "function" ? handler : pool!.handler
    const { receiver, ready } = this.#add(pattern, prefixes, call, options)
    ready.catch(() => {})
    let closing: Promise<void> | undefined
    const close = () => {
      closing ??= this.#remove(receiver).then(() => pool?.close())
      return closing
    }
    return { ready, close, [Symbol.asyncDispose]: close }
  }

  #add(
    pattern: string,
    prefixes: readonly Uint8Array[],
    handler: MessageHandler,
    options: HandleOptions,
  ): { readonly receiver: HandlerReceiver; readonly ready: Promise<void> } {
    const { node } = this.#o
    const reports: MailboxReports = {
      failed: (message, error, attempt) => {
        const { topic } = message
        // Whoever asks is told; any other failure that nobody listens for would pass without a word.
        const told = (message as ReceivedMessage).settle !== undefined || node.events.has("handlerFailed")
        node.logger[told ? "warn" : "error"](`a handler of "${topic}" failed`, { attempt, error })
        node.events.emit({ type: "handlerFailed", topic, error, attempt })
      },
      full: (topic, dropped) => node.events.emit({ type: "mailboxFull", topic, dropped }),
      done: (message, result, error) => (message as ReceivedMessage).settle?.(result, error),
    }
    const receiver = new HandlerReceiver(pattern, prefixes, new Mailbox(handler, options, reports), this.#o.codecs)
    this.#handlers.add(receiver)
    if (!this.#isOpen) {
      const ready = deferred<void>()
      this.#unready.set(receiver, ready)
      return { receiver, ready: ready.promise }
    }
    node.topics.addReceiver(receiver)
    return { receiver, ready: this.#o.follow(receiver) }
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Follows the topics of all handlers again; resolves when the host knows, or has refused. Idempotent. */
  async open(): Promise<void> {
    if (this.#isOpen) return
    this.#isOpen = true
    const unready = new Map(this.#unready)
    this.#unready.clear()
    const following = [...this.#handlers].map(receiver => {
      if (!this.#o.isHost) receiver.hold()
      this.#o.node.topics.addReceiver(receiver)
      const ready = this.#o.follow(receiver)
      // Where another follows the same topic there is no new baseline.
      const begun = ready.then(() => receiver.baseline())
      begun.then(unready.get(receiver)?.resolve, unready.get(receiver)?.reject)
      return begun
    })
    await Promise.allSettled(following)
  }

  /** No handler gets anything more but what is in its mailbox, and the host sends nothing for them. Idempotent. */
  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    for (const receiver of this.#handlers) {
      this.#o.node.topics.removeReceiver(receiver)
      this.#o.unfollow(receiver)
    }
  }

  async #remove(receiver: HandlerReceiver): Promise<void> {
    if (!this.#handlers.delete(receiver)) return
    this.#unready.get(receiver)?.reject(new ZincError("Closed", "the handler was closed before it began"))
    this.#unready.delete(receiver)
    if (this.#isOpen) {
      this.#o.node.topics.removeReceiver(receiver)
      this.#o.unfollow(receiver)
    }
    await receiver.mailbox.idle()
  }

  /** The handlers for a direct message or request on that topic, the first added first; none while it is closed. */
  handlersFor(topic: string): HandlerReceiver[] {
    if (!this.#isOpen) return []
    return [...this.#handlers].filter(handler => handler.takesIn(topic))
  }

  /** Resolves when no handler has anything left to do. */
  async idle(): Promise<void> {
    await Promise.all([...this.#handlers].map(handler => handler.mailbox.idle()))
  }

  /** Ends all worker threads now. */
  ended(): Promise<void> {
    return this.#pools.close()
  }
}

/** Throws `BadTopic`. */
function prefixesOf(pattern: string, route: Route | undefined): Uint8Array[] {
  const kinds = {
    nearest: [TopicKind.Nearest],
    ordered: [TopicKind.Ordered],
    both: [TopicKind.Nearest, TopicKind.Ordered],
  }[route ?? "both"]
  return kinds.map(kind => encodePattern(kind, pattern))
}

function checkOptions(options: HandleOptions): void {
  for (const [name, value, least] of [
    ["concurrency", options.concurrency, 1],
    ["retries", options.retries, 0],
    ["mailbox.messages", options.mailbox?.messages, 1],
  ] as const) {
    if (value !== undefined && !(Number.isInteger(value) && value >= least)) {
      throw new ZincError("BadOption", `${name} must be a whole number of at least ${least}, not ${value}`)
    }
  }
  const { order } = options
  if (order !== undefined && order !== "topic" && order !== "none" && typeof order !== "function") {
    throw new ZincError(
      "BadOption",
      `order must be "topic", "none" or a function that gives a message's key, not "${String(order)}"`,
    )
  }
  if (options.route !== undefined && options.route !== "nearest" && options.route !== "ordered") {
    throw new ZincError("BadOption", `route must be "nearest" or "ordered", not "${String(options.route)}"`)
  }
}
