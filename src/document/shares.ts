/** Who below has which documents open at this host, and how many each may have. */
import { ZincError } from "../core/errors.ts"
import type { EndpointId } from "../core/id.ts"

export class Shares {
  readonly #most: number
  readonly #byDocument = new Map<string, Set<EndpointId>>()
  readonly #byEndpoint = new Map<EndpointId, Set<string>>()

  /** `most` documents for each. */
  constructor(most: number) {
    this.#most = most
  }

  /** Throws `Full` when it has its share. Adding twice counts once. */
  add(name: string, from: EndpointId): void {
    const own = this.#byEndpoint.get(from)
    if (own?.has(name)) return
    if (own !== undefined && own.size >= this.#most) {
      throw new ZincError(
        "Full",
        `you have ${own.size} documents open here, which is all one client may have; close some, or have the host raise maxDocumentsPerClient`,
      )
    }
    if (own === undefined) this.#byEndpoint.set(from, new Set([name]))
    else own.add(name)
    const others = this.#byDocument.get(name)
    if (others === undefined) this.#byDocument.set(name, new Set([from]))
    else others.add(from)
  }

  delete(name: string, from: EndpointId): void {
    const own = this.#byEndpoint.get(from)
    if (!own?.delete(name)) return
    if (own.size === 0) this.#byEndpoint.delete(from)
    const others = this.#byDocument.get(name)!
    others.delete(from)
    if (others.size === 0) this.#byDocument.delete(name)
  }

  /** That endpoint has nothing open any more. Returns what it had. */
  gone(from: EndpointId): string[] {
    const own = [...(this.#byEndpoint.get(from) ?? [])]
    for (const name of own) this.delete(name, from)
    return own
  }

  /** Whether anybody below has it open. */
  holds(name: string): boolean {
    return this.#byDocument.has(name)
  }
  has(name: string, from: EndpointId): boolean {
    return this.#byEndpoint.get(from)?.has(name) ?? false
  }
}
