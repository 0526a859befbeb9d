/** Names that the host was asked about and has not answered yet, so many at once; later ones wait for their turn. */
import { type Deferred, deferred } from "../../core/deferred.ts"
import { ZincError } from "../../core/errors.ts"

/** Questions that are open at a host at once. */
export const openQueriesMax = 256
/** Heartbeats until one that was not answered has failed. */
const patience = 8

interface Query {
  readonly answer: Deferred<Uint8Array[]>
  readonly send: (id: number) => boolean
  ticks: number
}

export class NameQueries {
  readonly #open = new Map<number, Query>()
  #waiting: Query[] = []
  #last = 0

  /**
   * `send` puts the question under the number given; false when it could not. Resolves with the ids of those who bear the
   * name. Rejects with `Timeout` when no answer comes, and with what `fail` is given.
   */
  ask(send: (id: number) => boolean): Promise<Uint8Array[]> {
    const query: Query = { answer: deferred(), send, ticks: 0 }
    this.#waiting.push(query)
    this.#pump()
    return query.answer.promise
  }

  answered(id: number, ids: Uint8Array[]): void {
    const query = this.#open.get(id)
    this.#open.delete(id)
    query?.answer.resolve(ids)
    this.#pump()
  }

  /** A heartbeat has passed. */
  tick(): void {
    for (const [id, query] of this.#open) {
      if (++query.ticks < patience) continue
      this.#open.delete(id)
      query.answer.reject(
        new ZincError("Timeout", "the host was asked for a name and did not answer", { retryable: true }),
      )
    }
    this.#pump()
  }

  /** No answer will come to any of them. */
  fail(error: ZincError): void {
    const queries = [...this.#open.values(), ...this.#waiting]
    this.#open.clear()
    this.#waiting = []
    for (const { answer } of queries) answer.reject(error)
  }

  /** One that cannot be sent now waits for the next answer or heartbeat. */
  #pump(): void {
    let sent = 0
    for (const query of this.#waiting) {
      if (this.#open.size >= openQueriesMax) break
      this.#open.set(++this.#last, query)
      if (!query.send(this.#last)) {
        this.#open.delete(this.#last)
        break
      }
      sent++
    }
    this.#waiting.splice(0, sent)
  }
}
