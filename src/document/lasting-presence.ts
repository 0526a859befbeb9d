/** Who is present as one document here sees it, wherever that is known: it stays the same when this endpoint becomes root. */
import { Events } from "../core/events.ts"
import type { Logger } from "../core/logger.ts"
import type { Presence, PresenceChange, Present } from "./presence.ts"

type Source = Presence & { close(): void }
type Told = ({ readonly type: "change" } & PresenceChange) | { readonly type: "close" }

export class LastingPresence implements Presence {
  readonly #events: Events<Told>
  #source: Source
  #stop: () => void
  /** Who was seen before, while another source is looked for. */
  #before: readonly Present[] = []

  constructor(source: Source, logger: Logger) {
    this.#events = new Events(logger)
    this.#source = source
    this.#stop = this.#listen(source)
  }

  set(client: number, state: Uint8Array | undefined): void {
    this.#source.set(client, state)
  }

  get others(): Iterable<Present> {
    return this.#source.others
  }

  onChange(listener: (change: PresenceChange) => void): () => void {
    return this.#events.on("change", listener)
  }
  onClose(listener: () => void): () => void {
    return this.#events.on("close", listener)
  }

  /** What is heard from now on is not of the source any more. `follow` comes next. */
  leave(): void {
    this.#before = [...this.#source.others]
    this.#stop()
  }

  follow(source: Source): void {
    this.#source = source
    this.#stop = this.#listen(source)
    const changed = [...source.others]
    const clients = new Set(changed.map(({ client }) => client))
    const gone = this.#before.filter(({ client }) => !clients.has(client))
    this.#before = []
    if (changed.length + gone.length > 0) this.#events.emit({ type: "change", changed, gone })
  }

  close(): void {
    this.#events.emit({ type: "close" })
    this.#stop()
    this.#source.close()
  }

  #listen(source: Source): () => void {
    return source.onChange(change => this.#events.emit({ type: "change", ...change }))
  }
}
