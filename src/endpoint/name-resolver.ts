/**
 * Whom a target means: an id as it is, a name as the tree knows it now. The root knows by itself; others ask above, and
 * keep the answer for a moment, so that a run of messages to one name asks once.
 */
import type { Clock } from "../core/clock.ts"
import { ZincError } from "../core/errors.ts"
import { type EndpointId, isEndpointId } from "../core/id.ts"
import type { Random } from "../core/random.ts"
import type { Target } from "./api.ts"

export interface NameResolverOptions {
  readonly clock: Clock
  readonly random: Random
  /** At the root, all of the tree that bear the name, itself included; undefined elsewhere. */
  readonly known: (name: string) => readonly EndpointId[] | undefined
  /** Elsewhere: asks the root, by the host. */
  readonly ask: (name: string) => Promise<readonly EndpointId[]>
}

/** How long a resolved name is taken to hold. */
const nameKeptMs = 1000
const namesMax = 1024

export class NameResolver {
  readonly #o: NameResolverOptions
  readonly #kept = new Map<string, { readonly id: EndpointId; readonly until: number }>()

  constructor(options: NameResolverOptions) {
    this.#o = options
  }

  /** Rejects with `BadOption`, `NoSuchEndpoint`, or `Ambiguous` for a name of several; `any` draws one, anew each time. */
  async resolve(target: Target): Promise<EndpointId> {
    const { clock, random } = this.#o
    const any = typeof target === "object"
    const name = typeof target === "object" ? target?.any : target
    if (typeof name !== "string" || name === "")
      throw new ZincError("BadOption", "a target is an endpoint id, a name, or { any: name }")
    if (isEndpointId(name)) return name
    let ids = this.#o.known(name)
    if (ids === undefined) {
      const kept = this.#kept.get(name)
      if (kept !== undefined && clock.now() < kept.until) return kept.id
      ids = await this.#o.ask(name)
      if (ids.length === 1 && !any) {
        if (this.#kept.size >= namesMax) this.#kept.clear()
        this.#kept.set(name, { id: ids[0]!, until: clock.now() + nameKeptMs })
      }
    }
    const first = ids[0]
    if (first === undefined)
      throw new ZincError("NoSuchEndpoint", `no endpoint named "${name}" is in this tree now`, { retryable: true })
    if (ids.length > 1 && !any) {
      throw new ZincError(
        "Ambiguous",
        `${ids.length} endpoints are named "${name}"; use an id, or { any: "${name}" } for one of them`,
      )
    }
    return any ? ids[random.below(ids.length)]! : first
  }

  /** Somebody was not where a name had led: the next messages ask again. */
  forget(): void {
    this.#kept.clear()
  }
}
