/**
 * One direction of a virtual connection. A message moves through three places:
 *
 *   queue (the sender's, bounded by its limits) → wire (under way, bounded by the window) → inbox (unread)
 *
 * and frees its share of the window only when it was read, so a reader that stops makes the sender's queue fill.
 */
import type { Timer } from "../../core/clock.ts"
import type { QueueLimits } from "../transport.ts"
import type { End } from "./connection.ts"
import { Leg } from "./fault.ts"
import type { SimulatedNetwork } from "./simulated-network.ts"
import { Happening } from "./trace.ts"

export interface Message {
  /** Copies of the caller's. */
  readonly frames: readonly Uint8Array[]
  /** Octets of all frames. */
  readonly bytes: number
}

/** What travels besides messages: the ends of the handshake, subscriptions, and the end of the stream. */
export type Item =
  | { readonly kind: "message"; readonly message: Message }
  | { readonly kind: "open" | "ready" | "refuse" }
  | { readonly kind: "subscribe" | "cancel"; readonly prefix: Uint8Array }
  | { readonly kind: "end"; readonly error: Error | undefined }

interface Travelling {
  at: number
  readonly item: Item
}

/** What an item costs of the window beside its octets. */
const itemBytes = 16

const defaultLimits = { messages: 1_000, bytes: 64 << 20 }

export class Pipe {
  readonly #network: SimulatedNetwork
  readonly #leg: Leg
  readonly #from: End
  readonly #to: End
  #maxMessages = defaultLimits.messages
  #maxBytes = defaultLimits.bytes
  #queue: Message[] = []
  #queuedBytes = 0
  #full = false
  #finishing: Error | undefined | false = false
  #pumping = false
  #wire: Travelling[] = []
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #stalled = false
  #lastAt = 0
  #sentAt = -1
  #used = 0
  /** Window share read by the far end whose acknowledgement cannot come back through a partition. */
  #owed = 0
  /** The stream has its end; nothing more goes in. */
  #ended = false
  readonly inbox: Item[] = []

  constructor(network: SimulatedNetwork, leg: Leg, from: End, to: End) {
    this.#network = network
    this.#leg = leg
    this.#from = from
    this.#to = to
  }

  limit(limits: QueueLimits | undefined): void {
    this.#maxMessages = (limits?.messages ?? defaultLimits.messages) || Number.POSITIVE_INFINITY
    this.#maxBytes = (limits?.bytes ?? defaultLimits.bytes) || Number.POSITIVE_INFINITY
  }

  get messages(): number {
    return this.#queue.length
  }
  get bytes(): number {
    return this.#queuedBytes
  }
  get full(): boolean {
    return this.#queue.length >= this.#maxMessages || this.#queuedBytes >= this.#maxBytes
  }

  /** False when the stream has ended or the queue is full. */
  send(message: Message): boolean {
    if (this.#ended || this.#finishing !== false) return false
    if (this.full) {
      this.#full = true
      this.#network.counters.full++
      this.#network.happened(Happening.Full, this.#from.id, message.bytes)
      return false
    }
    this.#queue.push(message)
    this.#queuedBytes += message.bytes
    this.#transmit()
    return true
  }

  /** Something other than a message; not bounded by the queue's limits, never lost, in order with messages on the wire. */
  push(item: Item, delayMs: number): void {
    if (this.#ended) return
    const now = this.#network.clock.now()
    this.#lastAt = Math.max(this.#lastAt, now + delayMs)
    this.#insert({ at: this.#lastAt, item })
  }

  /** Drops what is queued and not yet under way. */
  clear(): number {
    const dropped = this.#queue.length
    this.#queue = []
    this.#queuedBytes = 0
    if (dropped > 0) this.#pumpSoon()
    return dropped
  }

  /** Sends what is queued, then the end of the stream. */
  finish(error: Error | undefined): void {
    if (this.#ended || this.#finishing !== false) return
    this.#finishing = error
    if (this.#queue.length === 0) this.#end(error)
  }

  /** Whether everything has gone on its way, the end of the stream included. */
  get finished(): boolean {
    return this.#ended
  }

  /** The end of the stream now; what is queued is lost. */
  close(error: Error | undefined): void {
    this.#queue = []
    this.#queuedBytes = 0
    this.#end(error)
  }

  /**
   * The connection breaks: a random tail of what is under way is lost, the far end reads the rest and then the end.
   * Goes through partitions, since both ends are to know.
   */
  sever(error: Error): void {
    this.#queue = []
    this.#queuedBytes = 0
    this.#ended = true
    const kept = this.#network.random.below(this.#wire.length + 1)
    for (const travelling of this.#wire.splice(0, kept)) this.inbox.push(travelling.item)
    this.#wire = []
    this.#disarm()
    this.inbox.push({ kind: "end", error })
    this.#network.clock.after(0, () => this.#to.wake())
  }

  /** The sender's process is gone. What its machine had under way may still arrive, up to a random point. */
  orphan(error: Error): void {
    if (this.#ended) {
      if (this.#network.blocked(this.#from.node, this.#to.node)) this.#loseMessages(0)
      return
    }
    this.#queue = []
    this.#queuedBytes = 0
    const blocked = this.#network.blocked(this.#from.node, this.#to.node)
    this.#loseMessages(blocked ? 0 : this.#network.random.below(this.#wire.length + 1))
    this.#end(error)
  }

  /** Takes back an opening that is still under way. False when it has arrived. */
  withdraw(): boolean {
    if (this.#wire[0]?.item.kind !== "open") return false
    this.vanish()
    return true
  }

  /** The machine that sent is off: nothing more comes, not even an end. */
  vanish(): void {
    this.#queue = []
    this.#queuedBytes = 0
    this.#wire = []
    this.#ended = true
    this.#disarm()
  }

  /** The reader has taken that much. */
  consumed(bytes: number): void {
    if (this.#network.blocked(this.#to.node, this.#from.node)) {
      this.#owed += bytes
      return
    }
    this.#used -= bytes
    if (this.#queue.length > 0 || this.#full) this.#pumpSoon()
  }

  /** The way is free again: what was held up comes now, in its order. */
  unblock(): void {
    if (this.#owed > 0 && !this.#network.blocked(this.#to.node, this.#from.node)) {
      const bytes = this.#owed
      this.#owed = 0
      this.consumed(bytes)
    }
    if (!this.#stalled || this.#network.blocked(this.#from.node, this.#to.node)) return
    this.#stalled = false
    const at = this.#network.clock.now() + this.#network.latency(this.#leg)
    for (const travelling of this.#wire) travelling.at = Math.max(travelling.at, at)
    this.#lastAt = Math.max(this.#lastAt, at)
    this.#arm()
  }

  #loseMessages(kept: number): void {
    this.#wire = this.#wire.filter((travelling, index) => index < kept || travelling.item.kind === "end")
    this.#arm()
  }

  #end(error: Error | undefined): void {
    this.push({ kind: "end", error }, this.#network.latency(this.#leg))
    this.#ended = true
    this.#finishing = false
  }

  #pumpSoon(): void {
    if (this.#pumping) return
    this.#pumping = true
    this.#network.clock.after(0, () =>
      this.#from.node.run(() => {
        this.#pumping = false
        this.#pump()
      }),
    )
  }

  #pump(): void {
    this.#transmit()
    if (this.#finishing !== false && this.#queue.length === 0) {
      this.#end(this.#finishing)
      this.#from.drained()
    }
    if (
      this.#full &&
      !this.#ended &&
      this.#queue.length <= this.#maxMessages / 2 &&
      this.#queuedBytes <= this.#maxBytes / 2
    ) {
      this.#full = false
      this.#from.room()
    }
  }

  #transmit(): void {
    let taken = 0
    while (taken < this.#queue.length && this.#used < this.#network.windowBytes && !this.#ended) {
      const message = this.#queue[taken++]!
      this.#queuedBytes -= message.bytes
      this.#depart(message)
    }
    // A broken connection has emptied the queue already.
    if (taken > 0 && this.#queue.length > 0) this.#queue.splice(0, taken)
  }

  #depart(message: Message): void {
    const network = this.#network
    const faults = network.faultsOf(this.#leg)
    const breaks = (faults.disconnectRate ?? 0) + (this.#leg === Leg.Control ? (faults.dropRate ?? 0) : 0)
    if (breaks > 0 && network.random.float() < breaks) {
      network.counters.disconnected++
      network.happened(Happening.Disconnected, this.#from.id, message.bytes)
      this.#from.connection.sever(new Error("the network broke the connection"))
      return
    }
    if (this.#leg === Leg.Control) {
      this.#travel(message, false)
      return
    }
    if (network.chance(faults.dropRate)) {
      network.counters.dropped++
      network.happened(Happening.Dropped, this.#from.id, message.bytes)
      return
    }
    const reordered = network.chance(faults.reorderRate)
    if (reordered) {
      network.counters.reordered++
      network.happened(Happening.Reordered, this.#from.id, message.bytes)
    }
    this.#travel(message, reordered)
    if (network.chance(faults.duplicateRate)) {
      network.counters.duplicated++
      network.happened(Happening.Duplicated, this.#from.id, message.bytes)
      this.#travel(message, network.chance(0.5))
    }
  }

  #travel(message: Message, late: boolean): void {
    const network = this.#network
    const now = network.clock.now()
    const size = message.bytes + itemBytes
    this.#used += size
    let at: number
    if (late) {
      at = Math.max(this.#lastAt, now) + network.latency(this.#leg) * (1 + 4 * network.random.float())
    } else {
      // What is sent in one instant travels together.
      at = this.#sentAt === now ? this.#lastAt : Math.max(this.#lastAt, now + network.latency(this.#leg))
      this.#sentAt = now
    }
    const node = this.#to.node
    if (node.bytesPerSecond !== undefined) {
      at = Math.max(at, node.lineFreeAt) + (size * 1_000) / node.bytesPerSecond
      node.lineFreeAt = at
    }
    if (!late) this.#lastAt = at
    this.#insert({ at, item: { kind: "message", message } })
  }

  #insert(travelling: Travelling): void {
    const wire = this.#wire
    let index = wire.length
    // The end of the stream stays last.
    while (index > 0 && wire[index - 1]!.at > travelling.at && travelling.item.kind !== "end") index--
    if (index === wire.length) wire.push(travelling)
    else wire.splice(index, 0, travelling)
    if (travelling.item.kind === "end") travelling.at = Math.max(travelling.at, wire[index - 1]?.at ?? 0)
    if (index === 0) this.#arm()
  }

  #arm(): void {
    const next = this.#wire[0]
    if (next === undefined) {
      this.#disarm()
      return
    }
    if (this.#stalled || (this.#timer !== undefined && this.#timerAt === next.at)) return
    this.#timer?.cancel()
    this.#timerAt = next.at
    this.#timer = this.#network.clock.after(next.at - this.#network.clock.now(), () => this.#arrive())
  }

  #disarm(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arrive(): void {
    this.#timer = undefined
    if (this.#network.blocked(this.#from.node, this.#to.node)) {
      this.#stalled = true
      return
    }
    // The timer may be a rounding error early; its own item counts as due.
    const due = Math.max(this.#network.clock.now(), this.#wire[0]?.at ?? 0)
    let count = 0
    while (count < this.#wire.length && this.#wire[count]!.at <= due) count++
    for (const travelling of this.#wire.splice(0, count)) this.inbox.push(travelling.item)
    this.#arm()
    this.#to.wake()
  }
}
