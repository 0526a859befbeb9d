/**
 * The promises of messaging, checked against what happened: per origin and topic in order, once, and nothing missing
 * without a gap that says so; one order for all on ordered topics; an acknowledgement means that the root has it.
 *
 * Every message carries where it came from and its number, so the checks need nothing from inside the endpoints.
 */
import type { EndpointEvent, Message } from "../../endpoint/api.ts"
import type { Journal } from "./journal.ts"
import { EpochOrder, type OrderBook, RootOrder } from "./order-book.ts"
import type { Witnessed, WitnessedLife } from "./witnessed.ts"

/** What is told of a message that a handler got. */
export type WitnessedMessage = Pick<Message, "topic" | "origin" | "sequence" | "order" | "value">

/** What the workload sends. */
export interface Sent {
  /** Which life sent it. */
  readonly o: number
  /** Its number on that topic, from 1. */
  readonly n: number
}

/** A handler at work, and what it has seen of each origin. */
interface Subscription {
  readonly life: WitnessedLife
  readonly pattern: string
  readyAt: number | undefined
  closedAt: number | undefined
  /** By "topic origin". */
  readonly seen: Map<string, Seen>
  /** In a tree with voters, by ordered topic: what was heard and not taken back, by rising number. */
  readonly heard: Map<string, Heard[]>
}

interface Heard {
  readonly number: number
  readonly epoch: number
  readonly o: number
  readonly n: number
}

interface Seen {
  first: number
  last: number
  /** Numbers passed over, each yet to be found in a gap. */
  readonly missing: number[]
}

interface Gap {
  readonly topic: string
  /** Undefined: it is not known whose. */
  readonly origin: number | undefined
  readonly from: number
  readonly through: number
  readonly at: number
}

export interface LedgerOptions {
  /** A host's memory was lost in this run: what it had passed on to nobody may be gone, if `regenerated` told so. */
  readonly hostLost: () => boolean
  /** What tells the reigns apart: which root it was (default), or the epoch, in a tree that has voters. */
  readonly order?: "root" | "epoch"
  /**
   * Voters keep the order, and root after root may be lost: what one has numbered may be taken back, and what it had
   * acknowledged may not (R5, decision 136). Orders by epoch. Default false.
   */
  readonly voters?: boolean
}

/** A message of an ordered topic, as the voters' log has it. */
export interface LoggedMessage {
  readonly topic: string
  readonly origin: string
  readonly sequence: number
  readonly epoch: number
  readonly order: number
}

/** What was lost, in a tree with voters, by what had been said of it. */
export interface Losses {
  /** Ordered messages that were acknowledged, and have no number in the end. */
  replicated: number
  /** Ordered messages that were acknowledged, are in the order, and that some receiver was told it will not get. */
  passedBy: number
  /** Unordered ones that the root had, and that some receiver was told are gone. */
  rooted: number
  /** Deliveries that were taken back. */
  voided: number
}

export class Ledger {
  sends = 0
  deliveries = 0
  gapMessages = 0
  acknowledged = 0
  readonly #world: Witnessed
  readonly #journal: Journal
  readonly #o: LedgerOptions
  readonly #subscriptions: Subscription[] = []
  /** By "topic origin": when each number was sent. */
  readonly #sent = new Map<string, number[]>()
  readonly #gaps = new Map<WitnessedLife, Gap[]>()
  readonly #regeneratedAt = new Map<WitnessedLife, number>()
  readonly #indexOf = new Map<string, number>()
  readonly #order: OrderBook
  readonly #hostHas = new Set<string>()
  readonly #waiting = new Map<WitnessedLife, number>()
  readonly losses: Losses = { replicated: 0, passedBy: 0, rooted: 0, voided: 0 }
  /** The order of a tree with voters, and what was acknowledged in it, by id. */
  readonly #epochs: EpochOrder | undefined
  readonly #rewinds = new Map<
    WitnessedLife,
    { readonly topic: string; readonly from: number; readonly through: number; readonly epoch: number }[]
  >()
  readonly #acked: { readonly life: WitnessedLife; readonly topic: string; readonly n: number }[] = []

  constructor(world: Witnessed, options: LedgerOptions) {
    this.#world = world
    this.#journal = world.journal
    this.#o = options
    const violated = (what: string) => this.#violated("order", what)
    const byEpoch = options.voters === true || options.order === "epoch"
    this.#order = byEpoch ? new EpochOrder(violated) : new RootOrder(violated)
    if (options.voters === true) this.#epochs = this.#order as EpochOrder
    world.onEvent((life, event) => this.#onEvent(life, event))
  }

  /** Acknowledged sends of that life that have not settled. */
  waiting(life: WitnessedLife): number {
    return this.#waiting.get(life) ?? 0
  }

  // ---- sending ----

  /** What to send next on that topic. Tell `sent` or nothing. */
  next(life: WitnessedLife, topic: string): Sent {
    const o = this.#index(life)
    return { o, n: (this.#sent.get(`${topic} ${o}`)?.length ?? 0) + 1 }
  }

  sent(life: WitnessedLife, topic: string, message: Sent): void {
    const key = `${topic} ${message.o}`
    let times = this.#sent.get(key)
    if (times === undefined) {
      times = []
      this.#sent.set(key, times)
    }
    times.push(this.#world.clock.now())
    this.sends++
    this.#journal.note(life.label, "sends", topic, message.n)
    if (life.role !== "host") return
    this.#hostHas.add(`${key} ${message.n}`)
    this.#order.sent(life, topic, `${key} ${message.n}`)
  }

  /** It was written down as sent, and then there was no room for it: the number is used again. */
  unsent(life: WitnessedLife, topic: string, n: number): void {
    const times = this.#sent.get(`${topic} ${this.#index(life)}`)
    if (times?.length === n) times.pop()
    this.sends--
    this.#journal.note(life.label, "had no room for", topic, n)
  }

  /** An acknowledged send is under way; its outcome is judged. */
  expectAcknowledgement(life: WitnessedLife, topic: string, message: Sent, outcome: Promise<void>): void {
    this.#waiting.set(life, this.waiting(life) + 1)
    outcome.then(
      () => {
        this.#waiting.set(life, this.waiting(life) - 1)
        this.acknowledged++
        this.#journal.note(life.label, "acked", topic, message.n)
        if (this.#epochs !== undefined) this.#acked.push({ life, topic, n: message.n })
        else if (!this.#hostHas.has(`${topic} ${message.o} ${message.n}`))
          this.#violated(
            "acknowledgement",
            `${life.label} was told that ${topic} ${message.n} is rooted; no root has it`,
          )
      },
      thrown => {
        this.#waiting.set(life, this.waiting(life) - 1)
        const code = (thrown as { code?: string }).code ?? String(thrown)
        this.#journal.note(life.label, "ack failed", topic, message.n, code)
        if (!["Closed", "Aborted", "Lost", "PeerLost"].includes(code) || life.endpoint?.state === "open")
          this.#violated("acknowledgement", `${life.label}: ${topic} ${message.n} failed with ${code} while it is open`)
      },
    )
  }

  // ---- receiving ----

  subscribed(life: WitnessedLife, pattern: string, ready: Promise<void>): Subscription {
    const subscription: Subscription = {
      life,
      pattern,
      readyAt: undefined,
      closedAt: undefined,
      seen: new Map(),
      heard: new Map(),
    }
    this.#subscriptions.push(subscription)
    this.#journal.note(life.label, "follows", pattern)
    ready.then(
      () => {
        subscription.readyAt = this.#world.clock.now()
        this.#journal.note(life.label, "is ready for", pattern)
      },
      thrown => {
        const code = (thrown as { code?: string }).code ?? String(thrown)
        if (life.alive && subscription.closedAt === undefined)
          this.#violated("subscription", `${life.label} could not follow ${pattern}: ${code}`)
      },
    )
    return subscription
  }

  unsubscribed(subscription: Subscription): void {
    subscription.closedAt = this.#world.clock.now()
    this.#journal.note(subscription.life.label, "leaves", subscription.pattern)
  }

  received(subscription: Subscription, message: WitnessedMessage): void {
    const { life } = subscription
    const { o, n } = message.value as Sent
    const origin = this.#world.lives[o]
    const { topic } = message
    this.deliveries++
    const { order } = message
    const place = order === undefined ? undefined : () => `as ${order.epoch}:${order.number}`
    this.#journal.delivered(life.label, topic, origin?.label ?? String(o), n, place)
    const what = () => `${life.label} got ${topic} ${n} of ${origin?.label ?? o}`
    if (origin === undefined || message.origin !== origin.endpoint?.id) {
      if (origin?.endpoint !== undefined)
        this.#violated("origin", `${what()} under the id ${message.origin}, which is not its sender's`)
    }
    if (message.sequence !== n) this.#violated("sequence", `${what()} with sequence ${message.sequence}`)
    if (origin === life) this.#violated("echo", `${what()}: its own`)
    if (subscription.closedAt !== undefined) this.#violated("unsubscribed", `${what()} after it had left`)
    const key = `${topic} ${o}`
    if (n > (this.#sent.get(key)?.length ?? 0)) this.#violated("unsent", `${what()}, which was never sent`)
    if (life.role === "host") this.#hostHas.add(`${key} ${n}`)
    const seen = subscription.seen.get(key)
    if (seen === undefined) subscription.seen.set(key, { first: n, last: n, missing: [] })
    else {
      if (n === seen.last) this.#violated("duplicate", `${what()} twice`)
      else if (n < seen.last)
        this.#violated(
          seen.missing.includes(n) ? "fifo" : "duplicate",
          `${what()} after ${seen.last}${seen.missing.includes(n) ? "" : ", again"}`,
        )
      for (let missed = seen.last + 1; missed < n; missed++) {
        seen.missing.push(missed)
        if (message.order === undefined && !this.#isTold(life, topic, o, missed))
          this.#violated("silent loss", `${what()} after ${seen.last} with no gap for ${missed}`)
      }
      seen.last = Math.max(seen.last, n)
    }
    if (message.order !== undefined) {
      if (this.#epochs !== undefined) this.#heard(subscription, topic, { ...message.order, o, n }, what)
      const by = `${this.#subscriptions.indexOf(subscription)} ${topic}`
      this.#order.received(life, by, topic, `${key} ${n}`, message.order, what)
    }
    for (const gap of this.#gaps.get(life) ?? []) {
      if (gap.topic === topic && gap.origin === o && n >= gap.from && n <= gap.through)
        this.#violated("false gap", `${what()} though a gap had said that ${gap.from}-${gap.through} are lost`)
    }
  }

  #onEvent(life: WitnessedLife, event: EndpointEvent): void {
    if (event.type === "regenerated") this.#regeneratedAt.set(life, this.#world.clock.now())
    if (event.type === "violation" || (event.type === "handlerFailed" && !String(event.error).includes("on purpose")))
      this.#violated(event.type, `${life.label}: ${String(event.error)}`)
    if (event.type === "diverged" && this.#epochs !== undefined) this.#takeBack(life, event)
    if (event.type !== "gap") return
    const origin = event.origin === undefined ? undefined : this.#indexOf.get(event.origin)
    const gap: Gap = {
      topic: event.topic,
      origin: origin,
      from: event.from,
      through: event.through,
      at: this.#world.clock.now(),
    }
    this.gapMessages += gap.through - gap.from + 1
    let gaps = this.#gaps.get(life)
    if (gaps === undefined) {
      gaps = []
      this.#gaps.set(life, gaps)
    }
    if (gap.from > gap.through) this.#violated("false gap", `${life.label}: ${gap.topic} ${gap.from}-${gap.through}`)
    for (const other of gaps) {
      if (other.topic !== gap.topic || other.origin !== gap.origin || gap.origin === undefined) continue
      if (gap.from <= other.through && gap.through >= other.from)
        this.#violated(
          "false gap",
          `${life.label} was told of ${gap.topic} ${gap.from}-${gap.through} after ${other.from}-${other.through}`,
        )
    }
    gaps.push(gap)
    if (origin === undefined) return
    for (const subscription of this.#subscriptions) {
      if (subscription.life !== life || subscription.closedAt !== undefined) continue
      const seen = subscription.seen.get(`${gap.topic} ${origin}`)
      if (seen === undefined) continue
      for (let n = Math.max(gap.from, seen.first); n <= Math.min(gap.through, seen.last); n++) {
        if (!seen.missing.includes(n))
          this.#violated("false gap", `${life.label} was told that ${gap.topic} ${n} is lost, but it came`)
      }
    }
  }

  // ---- with voters ----

  #heard(subscription: Subscription, topic: string, heard: Heard, what: () => string): void {
    let all = subscription.heard.get(topic)
    if (all === undefined) {
      all = []
      subscription.heard.set(topic, all)
    }
    const last = all.at(-1)
    if (last !== undefined && heard.number <= last.number)
      this.#violated(
        "rewind",
        `${what()} as ${heard.epoch}:${heard.number} after ${last.epoch}:${last.number}, not told that it is void`,
      )
    all.push(heard)
  }

  /** R5: those numbers are void, for this receiver, and come anew. */
  #takeBack(life: WitnessedLife, event: Extract<EndpointEvent, { type: "diverged" }>): void {
    const { topic, from, through, epoch } = event
    let rewinds = this.#rewinds.get(life)
    if (rewinds === undefined) {
      rewinds = []
      this.#rewinds.set(life, rewinds)
    }
    rewinds.push({ topic, from, through, epoch })
    for (const [index, subscription] of this.#subscriptions.entries()) {
      const heard = subscription.heard.get(topic)
      if (subscription.life !== life || heard === undefined) continue
      const kept = heard.filter(({ number }) => number < from || number > through)
      if (kept.length === heard.length) continue
      this.losses.voided += heard.length - kept.length
      subscription.heard.set(topic, kept)
      this.#order.voided?.(`${index} ${topic}`, kept.at(-1))
      for (const o of new Set(heard.filter(({ number }) => number >= from && number <= through).map(each => each.o))) {
        const key = `${topic} ${o}`
        const numbers = kept.filter(each => each.o === o).map(each => each.n)
        const seen = subscription.seen.get(key)
        if (seen === undefined || numbers.length === 0) subscription.seen.delete(key)
        else {
          const last = Math.max(...numbers)
          subscription.seen.set(key, { first: seen.first, last, missing: seen.missing.filter(n => n < last) })
        }
      }
    }
  }

  /** The voters' log in the end, which knows messages that nobody heard. Call before `judge`. */
  learnLog(entries: Iterable<LoggedMessage>): void {
    for (const { topic, origin, sequence, epoch, order } of entries) {
      const index = this.#world.lives.findIndex(({ endpoint }) => endpoint?.id === origin)
      if (index >= 0) this.#epochs?.logged(topic, `${topic} ${index} ${sequence}`, { epoch, number: order })
    }
  }

  #judgeVoters(epochs: EpochOrder): void {
    for (const { life, topic, n } of this.#acked) {
      const key = `${topic} ${this.#world.lives.indexOf(life)}`
      if (topic.startsWith("o.")) {
        if (epochs.isStanding(topic, `${key} ${n}`)) {
          if (this.#isMissedBySome(life, topic, n)) this.losses.passedBy++
          continue
        }
        if (!this.#wasHeardFor(life, topic, n)) continue
        this.losses.replicated++
        this.#violated(
          "acknowledgement",
          `${life.label} was told that ${topic} ${n} is replicated; no number of it holds`,
        )
      } else if (this.#isMissedBySome(life, topic, n)) this.losses.rooted++
    }
    for (const { life, closedAt, heard } of this.#subscriptions) {
      if (!life.alive || closedAt !== undefined) continue
      for (const [topic, all] of heard) this.#judgeOrder(epochs, life, topic, all)
    }
  }

  #isMissedBySome(origin: WitnessedLife, topic: string, n: number): boolean {
    const o = this.#index(origin)
    return this.#subscriptions.some(
      ({ life, closedAt, pattern, seen }) =>
        life !== origin &&
        life.alive &&
        closedAt === undefined &&
        takesIn(pattern, topic) &&
        (seen.get(`${topic} ${o}`)?.missing.includes(n) ?? false) &&
        this.#isTold(life, topic, o, n),
    )
  }

  /** Somebody followed the topic when that was sent, and ever since: whoever else might tell of its number is gone. */
  #wasHeardFor(life: WitnessedLife, topic: string, n: number): boolean {
    const sentAt = this.#sent.get(`${topic} ${this.#index(life)}`)?.[n - 1] ?? 0
    return this.#subscriptions.some(
      each =>
        each.life !== life &&
        each.life.alive &&
        each.closedAt === undefined &&
        (each.readyAt ?? Number.POSITIVE_INFINITY) < sentAt &&
        takesIn(each.pattern, topic),
    )
  }

  /** What one handler has heard in the end is the order that holds, less its own and what it was told is gone. */
  #judgeOrder(epochs: EpochOrder, life: WitnessedLife, topic: string, all: readonly Heard[]): void {
    const own = `${topic} ${this.#world.lives.indexOf(life)} `
    let next = all[0]?.number ?? 0
    for (const { number, epoch, o, n } of all) {
      for (; next < number; next++) {
        const standing = epochs.standing(topic, next)
        if (
          standing === undefined ||
          standing.id.startsWith(own) ||
          this.#isHoleTold(life, topic, next, standing.epoch)
        )
          continue
        this.#violated("silent loss", `${life.label} passed over ${topic} ${standing.epoch}:${next}, ${standing.id}`)
      }
      next = number + 1
      const standing = epochs.standing(topic, number)
      if (standing !== undefined && standing.id !== `${topic} ${o} ${n}`)
        this.#violated(
          "rewind",
          `${life.label} still has ${topic} ${n} of ${this.#world.lives[o]?.label} as ${epoch}:${number}, which is ${standing.epoch}:${number} ${standing.id} now`,
        )
    }
  }

  #isHoleTold(life: WitnessedLife, topic: string, number: number, epoch: number): boolean {
    const isWithin = (each: { readonly topic: string; readonly from: number; readonly through: number }) =>
      each.topic === topic && number >= each.from && number <= each.through
    return (
      this.#gaps.get(life)?.some(gap => gap.origin === undefined && isWithin(gap)) === true ||
      this.#rewinds.get(life)?.some(rewind => rewind.epoch > epoch && isWithin(rewind)) === true
    )
  }

  // ---- at the end ----

  /** Nothing that had to arrive is missing without a gap. Call when all is quiet. */
  judge(): void {
    if (this.#epochs !== undefined) this.#judgeVoters(this.#epochs)
    for (const subscription of this.#subscriptions) {
      const { life, readyAt, closedAt, pattern } = subscription
      if (!life.alive || closedAt !== undefined || readyAt === undefined) continue
      for (const [key, times] of this.#sent) {
        const [topic, index] = key.split(" ") as [string, string]
        const origin = this.#world.lives[Number(index)]!
        if (origin === life || !takesIn(pattern, topic)) continue
        const seen = subscription.seen.get(key)
        let due = times.findIndex(at => at > readyAt) + 1
        if (due === 0) due = Number.POSITIVE_INFINITY
        const from = Math.min(due, seen?.first ?? Number.POSITIVE_INFINITY)
        // What an origin had not handed over when it died is gone with it.
        const through = origin.alive ? times.length : (seen?.last ?? 0)
        for (let n = from; n <= through; n++) {
          if (seen !== undefined && n >= seen.first && n <= seen.last && !seen.missing.includes(n)) continue
          if (this.#isTold(life, topic, Number(index), n)) continue
          if (this.#isExcused(life, times[n - 1]!, seen === undefined || n < seen.first)) continue
          this.#violated(
            "silent loss",
            `${life.label} never got ${topic} ${n} of ${origin.label} (sent at ${times[n - 1]!.toFixed(2)}; it has ${seen === undefined ? "none" : `${seen.first}-${seen.last}`})`,
          )
          break
        }
      }
    }
  }

  #isTold(life: WitnessedLife, topic: string, origin: number, n: number): boolean {
    const gaps = this.#gaps.get(life)
    if (gaps === undefined) return false
    for (const gap of gaps) {
      if (gap.topic !== topic) continue
      if (gap.origin === origin && n >= gap.from && n <= gap.through) return true
      if (gap.origin !== undefined) continue
      // A gap of an ordered topic speaks of order numbers.
      if (!topic.startsWith("o.")) return true
      if (this.#order.isNumbered(topic, `${topic} ${origin} ${n}`, gap.from, gap.through)) return true
    }
    return false
  }

  /** A host's memory was lost, this endpoint was told, and it cannot have known of the message. */
  #isExcused(life: WitnessedLife, sentAt: number, before: boolean): boolean {
    const at = this.#regeneratedAt.get(life)
    return this.#o.hostLost() && at !== undefined && sentAt < at && before
  }

  #index(life: WitnessedLife): number {
    const index = this.#world.lives.indexOf(life)
    if (life.endpoint !== undefined) this.#indexOf.set(life.endpoint.id, index)
    return index
  }

  #violated(invariant: string, what: string): void {
    this.#journal.violated(invariant, what)
  }
}

export type { Subscription }

function takesIn(pattern: string, topic: string): boolean {
  return pattern.endsWith("*") ? topic.startsWith(pattern.slice(0, -1)) : pattern === topic
}
