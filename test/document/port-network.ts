/**
 * A host and its clients as `DocumentPort`s, over virtual time and from a seed: what an endpoint gives documents, without
 * the endpoint. Frames keep their order on a link; faults are delay, loss (which the receiver is told of as a gap, a while
 * later), duplication, links that go down and come back, a host that starts anew, and a window that fills up.
 */
import type { Timer } from "../../src/core/clock.ts"
import { ZincError } from "../../src/core/errors.ts"
import { type EndpointId, newEndpointId } from "../../src/core/id.ts"
import { RecordingLogger } from "../../src/core/logger.ts"
import { SeededRandom } from "../../src/core/random.ts"
import { SimulatedClock } from "../../src/core/simulated-clock.ts"
import type { DocumentPort, Follow, FollowHandler, ReceivedFragment } from "../../src/endpoint/document-port.ts"
import { decodeTopic, encodeTopic, type TopicKind } from "../../src/message/topic.ts"

export interface NetworkOptions {
  readonly seed: number
  /** One way, drawn from [min, max). Default 1–20. */
  readonly delayMs?: readonly [number, number]
  /** Frames on their way up from one client before `publish` is refused. Default 1,000. */
  readonly window?: number
}

interface Faults {
  /** Probability of each, per frame. */
  loss: number
  duplication: number
  /** Whether the receiver learns of what was lost. */
  told: boolean
}

type Answer = (payload: Uint8Array, from: EndpointId) => Uint8Array | Promise<Uint8Array>
type LinkListener = (change: "up" | "down" | "regenerated") => void

interface Following {
  readonly topic: string
  readonly handler: FollowHandler
  /** The host knows of it. */
  subscribed: boolean
}

const gapNoticedMs = 300

export class PortNetwork {
  readonly clock: SimulatedClock = new SimulatedClock()
  readonly random: SeededRandom
  readonly faults: Faults = { loss: 0, duplication: 0, told: true }
  readonly options: Required<NetworkOptions>
  host: HostPort
  readonly clients: ClientPort[] = []
  frames = 0
  asks = 0

  constructor(options: NetworkOptions) {
    this.options = { delayMs: [1, 20], window: 1_000, ...options }
    this.random = new SeededRandom(options.seed)
    this.host = new HostPort(this)
  }

  client(): ClientPort {
    const client = new ClientPort(this)
    this.clients.push(client)
    return client
  }

  /** Another host at the same place that remembers nothing. Links are down until `up`. */
  restartHost(): void {
    for (const client of this.clients) client.down()
    this.host.dead = true
    this.host = new HostPort(this)
    for (const client of this.clients) client.regenerated = true
  }

  delay(): number {
    const [min, max] = this.options.delayMs
    return min + this.random.float() * (max - min)
  }
}

interface WireOptions {
  readonly network: PortNetwork
  deliver(topic: string, fragments: ReceivedFragment[]): void
  gap(topic: string): void
}

/** One direction of one link: in order, with faults. */
class Wire {
  readonly #options: WireOptions
  #queue: { readonly at: number; readonly topic: string; readonly fragment: ReceivedFragment }[] = []
  #last = 0
  #timer: Timer | undefined
  #epoch = 0

  constructor(options: WireOptions) {
    this.#options = options
  }

  get length(): number {
    return this.#queue.length
  }

  send(topic: string, fragment: ReceivedFragment): void {
    const { network } = this.#options
    const { clock, random, faults } = network
    network.frames++
    if (random.float() < faults.loss) {
      const epoch = this.#epoch
      if (faults.told) clock.after(gapNoticedMs, () => epoch === this.#epoch && this.#options.gap(topic))
      return
    }
    this.#last = Math.max(this.#last, clock.now() + network.delay())
    this.#queue.push({ at: this.#last, topic, fragment })
    if (random.float() < faults.duplication) this.#queue.push({ at: this.#last, topic, fragment })
    this.#arm()
  }

  /** What is on its way is lost, and nobody is told. */
  cut(): void {
    this.#queue = []
    this.#epoch++
  }

  #arm(): void {
    const next = this.#queue[0]
    if (next === undefined || this.#timer !== undefined) return
    const { clock } = this.#options.network
    this.#timer = clock.after(next.at - clock.now(), () => {
      this.#timer = undefined
      // What arrives within the next millisecond comes as one batch.
      const due = this.#queue.filter(entry => entry.at <= clock.now() + 1)
      this.#queue = this.#queue.slice(due.length)
      const topics = new Map<string, ReceivedFragment[]>()
      for (const { topic, fragment } of due) topics.set(topic, [...(topics.get(topic) ?? []), fragment])
      for (const [topic, fragments] of topics) this.#options.deliver(topic, fragments)
      this.#arm()
    })
  }
}

abstract class Port implements DocumentPort {
  readonly network: PortNetwork
  readonly clock: SimulatedClock
  readonly random: SeededRandom
  readonly logger: RecordingLogger = new RecordingLogger()
  readonly id: EndpointId
  abstract readonly isRoot: boolean
  abstract readonly linked: boolean
  /** As a voter's: it keeps what nobody has open, and those below it are relays. */
  keeps = false
  protected readonly followings: Set<Following> = new Set()
  protected readonly listeners: Set<LinkListener> = new Set()
  protected sequence = 0
  #outbound = true
  readonly #awaiting: (() => void)[] = []

  constructor(network: PortNetwork) {
    this.network = network
    this.clock = network.clock
    this.random = network.random.fork()
    this.id = newEndpointId(this.random)
  }

  abstract follow(kind: TopicKind, name: string, handler: FollowHandler): Follow
  abstract publish(kind: TopicKind, name: string, fragment: Uint8Array, forOthers?: boolean): boolean
  abstract rooted(): Promise<void>
  abstract onRoom(callback: () => void): void
  abstract ask(
    topic: string,
    payload: Uint8Array,
    options?: { readonly deadlineMs?: number; readonly signal?: AbortSignal },
  ): Promise<Uint8Array>
  abstract answer(topic: string, handler: Answer): () => void
  protected readonly goneListeners: Set<(id: EndpointId) => void> = new Set()
  protected readonly others: Set<{
    readonly kind: TopicKind
    readonly handler: (name: string, fragments: readonly ReceivedFragment[]) => void
  }> = new Set()

  followOthers(kind: TopicKind, handler: (name: string, fragments: readonly ReceivedFragment[]) => void): Follow {
    const other = { kind, handler }
    this.others.add(other)
    return { close: () => this.others.delete(other) }
  }
  onGone(listener: (id: EndpointId) => void): () => void {
    this.goneListeners.add(listener)
    return () => {
      this.goneListeners.delete(listener)
    }
  }
  gone(id: EndpointId): void {
    for (const listener of [...this.goneListeners]) listener(id)
  }

  isRelay(): boolean {
    return this.keeps
  }
  reaches(endpoint: EndpointId, from: EndpointId): boolean {
    return endpoint === from
  }
  allows(): boolean {
    return true
  }

  get outbound(): boolean {
    return this.#outbound
  }
  closeOutbound(): void {
    this.#outbound = false
  }
  openOutbound(): void {
    this.#outbound = true
    for (const callback of this.#awaiting.splice(0)) callback()
  }
  protected awaitOutbound(callback: () => void): void {
    this.#awaiting.push(callback)
  }

  onLink(listener: LinkListener): () => void {
    this.listeners.add(listener)
    return () => {
      this.listeners.delete(listener)
    }
  }

  deliver(topic: string, fragments: ReceivedFragment[]): void {
    if (!this.follows(topic)) {
      const { kind, name } = decodeTopic(Uint8Array.from(topic, each => each.charCodeAt(0)))
      for (const other of this.others) if (other.kind === kind) other.handler(name, fragments)
      return
    }
    for (const following of this.followings) {
      if (following.topic === topic && following.subscribed) following.handler.onFragments(fragments)
    }
  }
  gap(topic: string): void {
    for (const following of this.followings) {
      if (following.topic === topic && following.subscribed) following.handler.onGap()
    }
  }
  follows(topic: string): boolean {
    for (const following of this.followings) if (following.topic === topic && following.subscribed) return true
    return false
  }
}

function topicKey(kind: TopicKind, name: string): string {
  return String.fromCharCode(...encodeTopic(kind, name))
}

export class HostPort extends Port {
  readonly isRoot: boolean = true
  readonly linked: boolean = false
  dead = false
  readonly answers: Map<string, Answer> = new Map()

  follow(kind: TopicKind, name: string, handler: FollowHandler): Follow {
    const following = { topic: topicKey(kind, name), handler, subscribed: true }
    this.followings.add(following)
    handler.onBaseline()
    return { close: () => this.followings.delete(following) }
  }

  publish(kind: TopicKind, name: string, fragment: Uint8Array, forOthers = false): boolean {
    if (!forOthers && !this.outbound) return false
    this.fanOut(topicKey(kind, name), { origin: this.id, sequence: ++this.sequence, payload: fragment }, undefined)
    return true
  }

  /** As a host does: to all clients that follow but the one it came from. */
  fanOut(topic: string, fragment: ReceivedFragment, from: ClientPort | undefined): void {
    if (this.dead) return
    for (const client of this.network.clients) {
      if (client !== from && client.linked && client.follows(topic)) client.downWire.send(topic, fragment)
    }
  }

  async rooted(): Promise<void> {}
  onRoom(callback: () => void): void {
    if (this.outbound) this.clock.soon(callback)
    else this.awaitOutbound(callback)
  }
  async ask(): Promise<Uint8Array> {
    throw new ZincError("PeerLost", "the root has nobody above")
  }
  answer(topic: string, handler: Answer): () => void {
    this.answers.set(topic, handler)
    return () => {
      this.answers.delete(topic)
    }
  }
}

interface Waiting {
  readonly after: number
  resolve(): void
  reject(reason: unknown): void
}

export class ClientPort extends Port {
  readonly isRoot: boolean = false
  linked = false
  regenerated = false
  readonly downWire: Wire
  readonly upWire: Wire
  #epoch = 0
  #waiting: Waiting[] = []
  #sent = 0
  #arrived = 0
  #room: (() => void)[] = []

  constructor(network: PortNetwork) {
    super(network)
    this.downWire = new Wire({
      network,
      deliver: (topic, fragments) => this.deliver(topic, fragments),
      gap: topic => this.gap(topic),
    })
    this.upWire = new Wire({
      network,
      deliver: (topic, fragments) => {
        const { host } = this.network
        host.deliver(topic, fragments)
        for (const fragment of fragments) host.fanOut(topic, fragment, this)
        this.#arrive(fragments)
      },
      gap: topic => this.network.host.gap(topic),
    })
  }

  up(): void {
    if (this.linked) return
    this.linked = true
    const epoch = ++this.#epoch
    for (const listener of [...this.listeners]) listener("up")
    if (this.regenerated) for (const listener of [...this.listeners]) listener("regenerated")
    this.regenerated = false
    for (const following of this.followings) this.#subscribe(following, epoch)
  }

  down(): void {
    if (!this.linked) return
    this.linked = false
    this.#epoch++
    this.upWire.cut()
    this.downWire.cut()
    this.#arrived = this.#sent
    for (const following of this.followings) following.subscribed = false
    for (const waiting of this.#waiting) waiting.reject(new ZincError("Lost", "the link was lost"))
    this.#waiting = []
    for (const listener of [...this.listeners]) listener("down")
  }

  follow(kind: TopicKind, name: string, handler: FollowHandler): Follow {
    const following = { topic: topicKey(kind, name), handler, subscribed: false }
    this.followings.add(following)
    if (this.linked) this.#subscribe(following, this.#epoch)
    return { close: () => this.followings.delete(following) }
  }

  #subscribe(following: Following, epoch: number): void {
    this.clock.after(this.network.delay(), () => {
      if (epoch !== this.#epoch) return
      following.subscribed = true
      this.clock.after(this.network.delay(), () => {
        if (epoch === this.#epoch && this.followings.has(following)) following.handler.onBaseline()
      })
    })
  }

  publish(kind: TopicKind, name: string, fragment: Uint8Array): boolean {
    if (!this.outbound || !this.linked || this.#sent - this.#arrived >= this.network.options.window) return false
    this.#sent++
    this.upWire.send(topicKey(kind, name), { origin: this.id, sequence: ++this.sequence, payload: fragment })
    // A lost frame leaves the window too: endpoints repair, and give up.
    this.clock.after(100, () => this.#makeRoom())
    return true
  }

  #arrive(fragments: readonly ReceivedFragment[]): void {
    for (const fragment of fragments) this.#arrived = Math.max(this.#arrived, fragment.sequence)
    for (const waiting of this.#waiting) if (waiting.after <= this.#arrived) waiting.resolve()
    this.#waiting = this.#waiting.filter(waiting => waiting.after > this.#arrived)
    this.#makeRoom()
  }

  #makeRoom(): void {
    if (this.upWire.length === 0) this.#arrived = this.#sent
    if (this.#sent - this.#arrived >= this.network.options.window) return
    const room = this.#room
    this.#room = []
    for (const callback of room) callback()
  }

  rooted(): Promise<void> {
    if (!this.linked) return Promise.reject(new ZincError("Lost", "there is no link"))
    if (this.#arrived >= this.#sent) return Promise.resolve()
    return new Promise((resolve, reject) => this.#waiting.push({ after: this.#sent, resolve, reject }))
  }

  onRoom(callback: () => void): void {
    if (!this.outbound) {
      this.awaitOutbound(callback)
      return
    }
    this.#room.push(callback)
    if (this.#sent === this.#arrived) this.clock.after(50, () => this.#makeRoom())
  }

  ask(
    topic: string,
    payload: Uint8Array,
    options: { readonly deadlineMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (!this.linked) {
        reject(new ZincError("PeerLost", "there is no link"))
        return
      }
      this.network.asks++
      const epoch = this.#epoch
      const { host } = this.network
      const end = (settle: () => void) => {
        deadline.cancel()
        stop()
        options.signal?.removeEventListener("abort", onAbort)
        settle()
      }
      const deadline = this.clock.after(options.deadlineMs ?? 5_000, () =>
        end(() => reject(new ZincError("Timeout", "no reply"))),
      )
      const stop = this.onLink(change => {
        if (change === "down") end(() => reject(new ZincError("PeerLost", "the link was lost")))
      })
      const onAbort = () => end(() => reject(new ZincError("Aborted", "aborted")))
      options.signal?.addEventListener("abort", onAbort, { once: true })
      const lost = () => this.network.random.float() < this.network.faults.loss
      this.clock.after(this.network.delay(), async () => {
        if (epoch !== this.#epoch || host.dead || lost()) return
        let settle: () => void
        try {
          const handler = host.answers.get(topic)
          if (handler === undefined) throw new ZincError("NoHandler", `nobody answers ${topic}`)
          const reply = (await handler(payload, this.id)).slice()
          settle = () => resolve(reply)
        } catch (thrown) {
          settle = () => reject(thrown)
        }
        this.clock.after(this.network.delay(), () => {
          if (epoch === this.#epoch && !lost()) end(settle)
        })
      })
    })
  }

  answer(): () => void {
    return () => {}
  }
}
