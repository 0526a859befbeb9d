/** One order for all on ordered topics, checked against what handlers got. */
import type { WitnessedLife } from "./witnessed.ts"

export interface OrderKey {
  readonly epoch: number
  readonly number: number
}

/** Messages are told apart by an `id` that says topic, origin and number. */
export interface OrderBook {
  /** A root sends it. */
  sent(root: WitnessedLife, topic: string, id: string): void
  /** A handler got it; `by` names the handler and the topic. */
  received(life: WitnessedLife, by: string, topic: string, id: string, order: OrderKey, what: () => string): void
  /** Whether some root gave it a number in that range. */
  isNumbered(topic: string, id: string, from: number, through: number): boolean
  /** Some of what that handler heard of the topic is void, and it knows; `last` is the last that is not. */
  voided?(by: string, last: OrderKey | undefined): void
}

/** The one root of the time gives numbers; one that begins anew begins at 1. Its own handlers hear all that it numbers. */
export class RootOrder implements OrderBook {
  readonly #violated: (what: string) => void
  /** Per root, which order number each message has. */
  readonly #orders = new Map<WitnessedLife, Map<string, number>>()
  /** Per root and ordered topic: the last number given. */
  readonly #given = new Map<string, number>()
  /** Per handler and topic: the root last heard through and the number last heard. */
  readonly #heard = new Map<string, { root: WitnessedLife; number: number }>()

  constructor(violated: (what: string) => void) {
    this.#violated = violated
  }

  /** The root numbers what it sends as it sends it, right after what it heard last. */
  sent(root: WitnessedLife, topic: string, id: string): void {
    if (topic.startsWith("o.")) this.#number(root, topic, id, (this.#given.get(`${root.label} ${topic}`) ?? 0) + 1)
  }

  #number(root: WitnessedLife, topic: string, id: string, number: number): void {
    let order = this.#orders.get(root)
    if (order === undefined) {
      order = new Map()
      this.#orders.set(root, order)
    }
    const given = `${root.label} ${topic}`
    if (number !== (this.#given.get(given) ?? 0) + 1)
      this.#violated(`${root.label} gave ${id} number ${number} after ${this.#given.get(given) ?? 0}`)
    this.#given.set(given, number)
    order.set(id, number)
  }

  received(life: WitnessedLife, by: string, topic: string, id: string, { number }: OrderKey, what: () => string): void {
    if (life.role === "host") {
      // The root hears each message as it numbers it; with two handlers it hears it twice.
      if (this.#orders.get(life)?.get(id) !== number) this.#number(life, topic, id, number)
      return
    }
    let root: WitnessedLife | undefined
    for (const [host, order] of this.#orders) if (order.get(id) === number) root = host
    if (root === undefined) {
      this.#violated(`${what()} with number ${number}, which no root gave it`)
      return
    }
    const heard = this.#heard.get(by)
    if (heard?.root === root && number <= heard.number)
      this.#violated(`${what()} as number ${number} after number ${heard.number}`)
    this.#heard.set(by, { root, number })
  }

  isNumbered(_: string, id: string, from: number, through: number): boolean {
    for (const order of this.#orders.values()) {
      const number = order.get(id)
      if (number !== undefined && number >= from && number <= through) return true
    }
    return false
  }
}

/** Whoever is root numbers under its epoch: one message per topic, epoch and number, and nobody hears an epoch go back. */
export class EpochOrder implements OrderBook {
  readonly #violated: (what: string) => void
  /** By topic, epoch and number: which message. */
  readonly #given = new Map<string, string>()
  /** By message: the numbers it has had. A reign that lost it may give it another. */
  readonly #numbers = new Map<string, Set<number>>()
  readonly #heard = new Map<string, OrderKey>()
  /** By topic: the lowest number that anybody heard of each epoch. From there on nothing of a lower epoch holds. */
  readonly #begun = new Map<string, Map<number, number>>()

  constructor(violated: (what: string) => void) {
    this.#violated = violated
  }

  sent(): void {}

  voided(by: string, last: OrderKey | undefined): void {
    if (last === undefined) this.#heard.delete(by)
    else this.#heard.set(by, last)
  }

  /** The log that the voters hold in the end has that message there, whether anybody heard it or not. */
  logged(topic: string, id: string, { epoch, number }: OrderKey): void {
    this.#place(topic, id, epoch, number, () => `the log has ${id}`)
  }

  /** The message that has the number in the end, and of which epoch; undefined when nobody heard it. */
  standing(topic: string, number: number): { readonly id: string; readonly epoch: number } | undefined {
    let last = 0
    for (const [epoch, from] of this.#begun.get(topic) ?? []) if (from <= number && epoch > last) last = epoch
    const id = this.#given.get(`${topic} ${last}:${number}`)
    return id === undefined ? undefined : { id, epoch: last }
  }

  /** Whether the message has a number that holds in the end. */
  isStanding(topic: string, id: string): boolean {
    for (const number of this.#numbers.get(id) ?? []) if (this.standing(topic, number)?.id === id) return true
    return false
  }

  received(
    _: WitnessedLife,
    by: string,
    topic: string,
    id: string,
    { epoch, number }: OrderKey,
    what: () => string,
  ): void {
    this.#place(topic, id, epoch, number, what)
    const heard = this.#heard.get(by)
    if (heard !== undefined && (epoch < heard.epoch || (epoch === heard.epoch && number <= heard.number)))
      this.#violated(`${what()} as ${epoch}:${number} after ${heard.epoch}:${heard.number}`)
    this.#heard.set(by, { epoch, number })
  }

  #place(topic: string, id: string, epoch: number, number: number, what: () => string): void {
    const key = `${topic} ${epoch}:${number}`
    const given = this.#given.get(key)
    if (given !== undefined && given !== id)
      this.#violated(`${what()} as ${epoch}:${number}, which others know as ${given}`)
    this.#given.set(key, id)
    const numbers = this.#numbers.get(id)
    if (numbers === undefined) this.#numbers.set(id, new Set([number]))
    else numbers.add(number)
    let begun = this.#begun.get(topic)
    if (begun === undefined) {
      begun = new Map()
      this.#begun.set(topic, begun)
    }
    begun.set(epoch, Math.min(number, begun.get(epoch) ?? number))
  }

  isNumbered(_: string, id: string, from: number, through: number): boolean {
    for (const number of this.#numbers.get(id) ?? []) if (number >= from && number <= through) return true
    return false
  }
}
