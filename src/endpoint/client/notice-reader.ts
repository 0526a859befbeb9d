/**
 * What the host says of messages of ours that it took and could not pass on. Notices are numbered within a session, so
 * that those which an ACCEPT brings again are told once (decision 24).
 */
import { ErrorCode, ZincError } from "../../core/errors.ts"
import { type EndpointId, endpointIdFromBytes } from "../../core/id.ts"
import type { Accept, Denied, Undeliverable } from "../../message/control.ts"
import type { TopicState } from "../topic-state.ts"
import type { TopicTable } from "../topic-table.ts"

export interface NoticeReaderOptions {
  readonly topics: Pick<TopicTable, "of">
  readonly onUndeliverable: (target: EndpointId, sequence: number, correlation: number, code: ErrorCode) => void
  /** It is about a message of somebody below this relay. False when nobody here knows of whom. */
  readonly onUndeliverableBelow: ((news: News) => boolean) | undefined
  /** The host does not let us send on that topic, for as long as this session lasts. */
  readonly onDenied: (topic: TopicState, error: ZincError) => void
  /** At a relay: nor does it let those below, for whom the relay speaks. */
  readonly onDeniedBelow: ((topic: TopicState, code: string, reason: string) => void) | undefined
  /** What was denied in an earlier session may be allowed in this one. */
  readonly onNewSession: () => void
}

type News = Pick<Undeliverable, "target" | "sequence" | "correlation" | "code" | "origin">

export class NoticeReader {
  readonly #o: NoticeReaderOptions
  /** The last that came. */
  #last = 0

  constructor(options: NoticeReaderOptions) {
    this.#o = options
  }

  accepted(accept: Pick<Accept, "resumed" | "undeliverable" | "denied">): void {
    if (!accept.resumed) {
      this.#last = 0
      this.#o.onNewSession()
    }
    const last = this.#last
    for (const notice of accept.undeliverable) this.undeliverable(notice, last)
    for (const notice of accept.denied) this.denied(notice, last)
  }

  /** `number` as in the message; without one it is news in any case. */
  undeliverable(news: News & { readonly number?: bigint }, last: number = this.#last): void {
    const { target, sequence, correlation, code, number = 0n } = news
    if (!this.#isNew(number, last) || this.#o.onUndeliverableBelow?.(news)) return
    const known = code in ErrorCode ? (code as ErrorCode) : "NoSuchEndpoint"
    this.#o.onUndeliverable(endpointIdFromBytes(target), Number(sequence), Number(correlation), known)
  }

  denied({ topic: bytes, code, reason, number }: Denied, last: number = this.#last): void {
    if (!this.#isNew(number, last)) return
    const topic = this.#o.topics.of(bytes)
    this.#o.onDeniedBelow?.(topic, code, reason)
    // Of topics that we sent on there are not more than we know.
    if (topic.sent === 0) return
    const known = code in ErrorCode ? (code as ErrorCode) : "Refused"
    this.#o.onDenied(topic, new ZincError(known, `nothing may be sent on "${topic.name}": ${reason}`))
  }

  /** A host that does not count says 0. */
  #isNew(number: bigint, last: number): boolean {
    if (number !== 0n && number <= last) return false
    this.#last = Math.max(this.#last, Number(number))
    return true
  }
}
