/** A typed event source: state changes as a union on `type`. A listener that throws is reported, never passed on. */
import { checkFunction } from "./arguments.ts"
import { ZincError } from "./errors.ts"
import { type Logger, silentLogger } from "./logger.ts"

export class Events<E extends { readonly type: string }> {
  readonly #listeners = new Map<string, Set<(event: never) => void>>()
  readonly #logger: Logger
  readonly #types: readonly string[] | undefined

  /** With `types`, all there are, a listener of another is refused. */
  constructor(logger: Logger = silentLogger, types?: readonly E["type"][]) {
    this.#logger = logger
    this.#types = types
  }

  /** Calls `listener` for each event of that type, or of every type for `"*"`. Returns what stops it. Throws `BadOption`. */
  on<T extends E["type"] | "*">(
    type: T,
    listener: (event: T extends "*" ? E : Extract<E, { type: T }>) => void,
  ): () => void {
    checkFunction("a listener", listener)
    if (this.#types !== undefined && type !== "*" && !this.#types.includes(type))
      throw new ZincError(
        "BadOption",
        `there is no event "${String(type)}"; there are ${this.#types.join(", ")}, and "*"`,
      )
    const listeners = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, listeners)
    listeners.add(listener as (event: never) => void)
    return () => {
      listeners.delete(listener as (event: never) => void)
    }
  }

  emit(event: E): void {
    for (const key of [event.type, "*"]) {
      const listeners = this.#listeners.get(key)
      if (listeners === undefined || listeners.size === 0) continue
      for (const listener of [...listeners]) {
        try {
          listener(event as never)
        } catch (thrown) {
          this.#logger.error(`a listener of "${event.type}" threw`, { thrown })
        }
      }
    }
  }

  /** Whether anyone listens, so that a costly event need not be built for nobody. */
  has(type: E["type"]): boolean {
    return (this.#listeners.get(type)?.size ?? 0) > 0 || (this.#listeners.get("*")?.size ?? 0) > 0
  }
}
