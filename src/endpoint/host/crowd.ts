/** Connections of one kind that belong to no session yet, oldest first: so many at most, whatever strangers do. */
export class Crowd<V> extends Map<number, V> {
  readonly #most: number
  readonly #cut: (connection: number) => void

  /** When one too many arrives, `cut` closes the oldest, which is forgotten already. */
  constructor(most: number, cut: (connection: number) => void) {
    super()
    this.#most = most
    this.#cut = cut
  }

  /** A new connection; the oldest makes room for it. */
  arrive(connection: number, value: V): void {
    this.set(connection, value)
    if (this.size <= this.#most) return
    const oldest = this.keys().next().value as number
    this.delete(oldest)
    this.#cut(oldest)
  }
}

/** Most connections of one kind that are nobody's. */
export const strangersMax = 1024
/** Strangers may stay this long without joining or binding. */
export const strangerMs = 10_000
