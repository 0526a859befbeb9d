/**
 * The talk on the LAN (RFC 6762) about hosts of one tree: what we announce and answer, what we ask, and what we heard. A state
 * machine: packets, time and chance are handed in.
 *
 * It leaves out probing, since names are random ids that nobody else has, and known answers, since few are asked for.
 */
import type { Clock, Timer } from "../../core/clock.ts"
import { ZincError } from "../../core/errors.ts"
import type { Random } from "../../core/random.ts"
import { type AnnouncedHost, hostsMax } from "../host-record.ts"
import {
  type DnsRecord,
  idOfInstance,
  instanceOf,
  readTexts,
  recordsOf,
  servicesType,
  serviceType,
} from "./service-record.ts"

export interface Question {
  readonly name: string
  readonly type: string
}

export interface LanHostsOptions {
  readonly tree: string
  readonly clock: Clock
  readonly random: Random
  respond(answers: readonly DnsRecord[]): void
  query(questions: readonly Question[]): void
  /** Other hosts are known than before. */
  changed(): void
}

/** How long the network may believe us, in seconds. */
export const ttlSeconds = 120
/** Between two packets of ours: more at once may be lost before anybody reads them. */
const packetRestMs = 2
const firstAskAgainMs = 1_000
const lastAskAgainMs = 60_000
/** Answers to a question that others may answer too are spread over this time. */
const answerMinMs = 20
const answerSpreadMs = 100

interface Heard {
  readonly host: AnnouncedHost
  readonly until: number
}

export class LanHosts {
  readonly #options: LanHostsOptions
  readonly #announced = new Map<string, AnnouncedHost>()
  readonly #heard = new Map<string, Heard>()
  readonly #outgoing: (() => void)[] = []
  readonly #again = new Map<string, Timer>()
  #sending: Timer | undefined
  #answering: Timer | undefined
  #asking: Timer | undefined
  #sweeping: Timer | undefined
  #refused = 0
  #closed = false

  constructor(options: LanHostsOptions) {
    this.#options = options
  }

  get refused(): number {
    return this.#refused
  }

  /** All that is known, our own included, in the order of their ids. */
  get hosts(): AnnouncedHost[] {
    const all = new Map([...this.#heard].map(([id, { host }]) => [id, host]))
    for (const [id, host] of this.#announced) all.set(id, host)
    return [...all.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  /** Throws `BadOption` for more than fits into a packet. Said now, and again after a second. */
  announce(host: AnnouncedHost): void {
    recordsOf(this.#options.tree, host, ttlSeconds)
    this.#announced.set(host.id, host)
    this.#say(host.id)
    this.#again.get(host.id)?.cancel()
    this.#again.set(
      host.id,
      this.#options.clock.after(1_000, () => this.#say(host.id)),
    )
    this.#options.changed()
  }

  withdraw(id: string): void {
    const host = this.#announced.get(id)
    if (host === undefined) return
    this.#announced.delete(id)
    this.#heard.delete(id)
    this.#again.get(id)?.cancel()
    this.#again.delete(id)
    this.#send(() => this.#options.respond(recordsOf(this.#options.tree, host, 0)))
    this.#options.changed()
  }

  /** Begins to ask who is there, ever less often. */
  ask(): void {
    if (this.#asking !== undefined || this.#closed) return
    this.#askAndAgain(firstAskAgainMs)
    this.#sweeping = this.#options.clock.every(1_000, () => this.#sweep())
  }

  hearQuery(questions: readonly Question[]): void {
    const own = new Set([...this.#announced.keys()].map(instanceOf))
    const asked = questions.some(({ name, type }) => {
      const lower = name.toLowerCase()
      if (lower === serviceType || lower === servicesType) return type === "PTR" || type === "ANY"
      return own.has(lower)
    })
    if (!asked || this.#answering !== undefined || this.#announced.size === 0 || this.#closed) return
    const delayMs = answerMinMs + this.#options.random.float() * answerSpreadMs
    this.#answering = this.#options.clock.after(delayMs, () => {
      this.#answering = undefined
      this.#send(() => this.#options.respond([{ type: "PTR", name: servicesType, ttl: ttlSeconds, data: serviceType }]))
      for (const id of this.#announced.keys()) this.#say(id)
    })
  }

  hearResponse(answers: readonly DnsRecord[]): void {
    if (this.#closed) return
    let moved = false
    for (const answer of answers) {
      const id = answer.type === "TXT" ? idOfInstance(answer.name) : undefined
      if (answer.type !== "TXT" || id === undefined || this.#announced.has(id)) continue
      moved = this.#hear(id, answer.data, answer.ttl) || moved
    }
    if (moved) this.#options.changed()
  }

  /** Resolves nothing: good-byes that `send` could not say are lost, and time will tell. */
  close(): void {
    for (const id of [...this.#announced.keys()]) this.withdraw(id)
    this.#closed = true
    for (const timer of [this.#answering, this.#asking, this.#sweeping]) timer?.cancel()
  }

  /** Whether everything was said. */
  get quiet(): boolean {
    return this.#outgoing.length === 0
  }

  #hear(id: string, texts: readonly Uint8Array[], ttl: number): boolean {
    if (ttl === 0) return this.#heard.delete(id)
    let host: AnnouncedHost
    try {
      const read = readTexts(id, texts)
      if (read.tree !== this.#options.tree) return this.#heard.delete(id)
      host = read.host
    } catch (error) {
      if (!ZincError.is(error)) throw error
      this.#refused++
      return false
    }
    const known = this.#heard.get(id)
    if (known === undefined && this.#heard.size >= hostsMax) {
      this.#refused++
      return false
    }
    this.#heard.set(id, { host, until: this.#options.clock.now() + Math.min(ttl, ttlSeconds) * 1_000 })
    return known === undefined || JSON.stringify(known.host) !== JSON.stringify(host)
  }

  #askAndAgain(nextMs: number): void {
    this.#send(() => this.#options.query([{ name: serviceType, type: "PTR" }]))
    this.#asking = this.#options.clock.after(nextMs, () => this.#askAndAgain(Math.min(nextMs * 3, lastAskAgainMs)))
  }

  #sweep(): void {
    const now = this.#options.clock.now()
    let moved = false
    for (const [id, { until }] of this.#heard) if (until <= now) moved = this.#heard.delete(id) || moved
    if (moved) this.#options.changed()
  }

  #say(id: string): void {
    this.#send(() => {
      const host = this.#announced.get(id)
      if (host !== undefined) this.#options.respond(recordsOf(this.#options.tree, host, ttlSeconds))
    })
  }

  /** One packet at a time, with a rest between. */
  #send(packet: () => void): void {
    if (this.#closed) return
    this.#outgoing.push(packet)
    if (this.#sending === undefined) this.#sendNext()
  }

  #sendNext(): void {
    this.#sending = undefined
    const packet = this.#outgoing.shift()
    if (packet === undefined) return
    packet()
    this.#sending = this.#options.clock.after(packetRestMs, () => this.#sendNext())
  }
}
