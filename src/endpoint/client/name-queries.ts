/** Names that the host was asked about and has not answered yet. */
import { type Deferred, deferred } from "../../core/deferred.ts"
import type { ZincError } from "../../core/errors.ts"

export class NameQueries {
  readonly #waiting = new Map<number, Deferred<Uint8Array[]>>()
  #last = 0

  /** `send` puts the question under the number given. Resolves with the ids of those who bear the name. */
  ask(send: (id: number) => void): Promise<Uint8Array[]> {
    const id = ++this.#last
    const answer = deferred<Uint8Array[]>()
    this.#waiting.set(id, answer)
    send(id)
    return answer.promise
  }

  answered(id: number, ids: Uint8Array[]): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    waiting?.resolve(ids)
  }

  /** No answer will come to any of them. */
  fail(error: ZincError): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const answer of waiting) answer.reject(error)
  }
}
