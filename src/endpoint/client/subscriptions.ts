/**
 * Keeps the host in step with what is wanted here (L2): subscribes on the publish leg, asks for the baseline of what is
 * new, or of all when a leg is, and takes back what nobody wants any more.
 */
import type { ControlBody } from "../../message/control.ts"
import type { SubscriberSocket } from "../../transport/transport.ts"
import type { Node } from "../node.ts"
import { baselineTopicBytes, directTopicBytes } from "../private-topic.ts"
import type { TopicState } from "../topic-state.ts"
import type { Asked, Interests } from "./interests.ts"
import type { Legs } from "./legs.ts"

export interface SubscriptionsOptions {
  readonly node: Pick<Node, "topics" | "resequencer">
  readonly interests: Interests
  /** Those of the present link, or of the attempt under way. */
  readonly legs: () => Legs | undefined
  readonly linked: () => boolean
  readonly control: (body: ControlBody) => boolean
}

export class Subscriptions {
  readonly #o: SubscriptionsOptions
  readonly #subscribedOn = new WeakSet<SubscriberSocket>()

  constructor(options: SubscriptionsOptions) {
    this.#o = options
  }

  /** Subscribes to everything wanted and asks for a baseline of it all. */
  askAll(legs: Legs): void {
    const { subscriber, accept } = legs
    if (subscriber === undefined || accept === undefined) return
    const first = !this.#subscribedOn.has(subscriber)
    this.#subscribedOn.add(subscriber)
    const interests = this.#o.interests.takeAll()
    if (first) {
      subscriber.subscribe(directTopicBytes(accept.privatePrefix))
      for (const interest of interests) subscriber.subscribe(interest.prefix)
    }
    this.#ask(legs, { interests, settling: [], all: true })
  }

  /** While joining, the interests go with the first SYNC or, if that is out, right after the link is up. */
  askNew(): void {
    const { interests, linked } = this.#o
    const legs = this.#o.legs()
    if (!linked() || legs?.subscriber === undefined || !interests.hasNew) return
    const wanted = interests.takeNew()
    for (const interest of wanted) legs.subscriber.subscribe(interest.prefix)
    this.#ask(legs, { interests: wanted, settling: [], all: false })
  }

  /** Asks how far these topics are. */
  settle(topics: readonly TopicState[]): void {
    const legs = this.#o.legs()
    if (legs?.subscriber !== undefined) this.#ask(legs, { interests: [], settling: topics, all: false })
  }

  /** A SYNC whose baseline did not come is asked again under a new number. */
  retry(legs: Legs): void {
    this.#o.interests.retry(asked => {
      if (asked.all) this.askAll(legs)
      else if (asked.settling.length > 0 || asked.interests.some(interest => interest.base === undefined))
        this.#ask(legs, asked)
    })
  }

  /** The baseline of that number has come. */
  answered(number: number): void {
    const legs = this.#o.legs()
    if (legs?.accept === undefined) return
    legs.subscriber?.unsubscribe(baselineTopicBytes(legs.accept.privatePrefix, number))
    legs.baseline.resolve()
  }

  /** Nobody wants these any more. */
  leave(gone: readonly Uint8Array[]): void {
    if (gone.length === 0) return
    const { node, interests, control } = this.#o
    const legs = this.#o.legs()
    for (const prefix of gone) legs?.subscriber?.unsubscribe(prefix)
    // A host that has not taken us yet knows of none of them, and may refuse us.
    if (legs?.accept !== undefined) control({ case: "unsubscribe", value: { prefixes: [...gone] } })
    // L5: unsubscribing forgets receive state.
    for (const prefix of gone) {
      for (const topic of node.topics.matching(prefix))
        if (!interests.isWanted(topic.bytes)) node.resequencer.forget(topic)
    }
  }

  #ask(legs: Legs, asked: Asked): void {
    const number = this.#o.interests.ask(asked)
    legs.subscriber!.subscribe(baselineTopicBytes(legs.accept!.privatePrefix, number))
    const prefixes = asked.interests.map(interest => interest.prefix)
    const settling = asked.settling.map(topic => topic.bytes)
    this.#o.control({ case: "sync", value: { number, prefixes, settling } })
  }
}
