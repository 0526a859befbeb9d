/**
 * What the clients of a relay follow, counted over all of them, so that the relay follows just that above (L2): a prefix
 * goes up when the first wants it and is taken back when the last does not. A client's SYNC can be answered once the host
 * above has answered for each of its prefixes.
 */
import { toHex } from "../../core/bytes.ts"
import { messageOf } from "../../core/errors.ts"
import type { Link } from "./link.ts"

/** Where a relay follows things. */
export interface InterestAbove {
  /** Resolves when everything on the prefix comes from now on; rejects when it is not allowed. */
  want(prefix: Uint8Array): Promise<void>
  unwant(prefix: Uint8Array): void
}

export interface RefusedAbove {
  readonly prefix: Uint8Array
  readonly reason: string
}

interface Wanted {
  readonly prefix: Uint8Array
  count: number
  /** Undefined until the host above has answered. */
  refused: string | false | undefined
  readonly answered: Promise<void>
}

export class SubtreeInterest {
  readonly #above: InterestAbove
  readonly #wanted = new Map<string, Wanted>()
  readonly #byLink = new Map<Link, Map<string, Wanted>>()

  constructor(above: InterestAbove) {
    this.#above = above
  }

  /** Prefixes wanted below. */
  get size(): number {
    return this.#wanted.size
  }

  /** The client wants these too; with `only` these and no others. */
  want(link: Link, prefixes: readonly Uint8Array[], only: boolean): void {
    const before = this.#byLink.get(link) ?? new Map<string, Wanted>()
    const after = only ? new Map<string, Wanted>() : before
    for (const prefix of prefixes) {
      const key = toHex(prefix)
      if (after.has(key)) continue
      const wanted = before.get(key) ?? this.#count(key, prefix)
      after.set(key, wanted)
    }
    this.#byLink.set(link, after)
    if (only) for (const [key, wanted] of before) if (!after.has(key)) this.#uncount(key, wanted)
  }

  unwant(link: Link, prefixes: readonly Uint8Array[]): void {
    const mine = this.#byLink.get(link)
    for (const prefix of prefixes) {
      const key = toHex(prefix)
      const wanted = mine?.get(key)
      if (wanted === undefined) continue
      mine!.delete(key)
      this.#uncount(key, wanted)
    }
  }

  /** The client's session is over. */
  forget(link: Link): void {
    for (const [key, wanted] of this.#byLink.get(link) ?? []) this.#uncount(key, wanted)
    this.#byLink.delete(link)
  }

  /** Resolves when the host above has answered for all of these; at once, with no promise, when it has already. */
  answered(prefixes: readonly Uint8Array[]): Promise<unknown> | undefined {
    const waiting = prefixes
      .map(prefix => this.#wanted.get(toHex(prefix)))
      .filter(wanted => wanted !== undefined && wanted.refused === undefined)
    return waiting.length === 0 ? undefined : Promise.all(waiting.map(wanted => wanted!.answered))
  }

  /** Which of these the host above does not let us follow. */
  refused(prefixes: readonly Uint8Array[]): RefusedAbove[] {
    return prefixes.flatMap(prefix => {
      const reason = this.#wanted.get(toHex(prefix))?.refused
      return typeof reason === "string" ? [{ prefix, reason }] : []
    })
  }

  #count(key: string, prefix: Uint8Array): Wanted {
    let wanted = this.#wanted.get(key)
    if (wanted === undefined) {
      const own = prefix.slice()
      const answered: Promise<void> = this.#above.want(own).then(
        () => {
          made.refused = false
        },
        thrown => {
          made.refused = messageOf(thrown)
        },
      )
      const made: Wanted = { prefix: own, count: 0, refused: undefined, answered }
      wanted = made
      this.#wanted.set(key, wanted)
    }
    wanted.count++
    return wanted
  }

  #uncount(key: string, wanted: Wanted): void {
    if (--wanted.count > 0) return
    this.#wanted.delete(key)
    this.#above.unwant(wanted.prefix)
  }
}
