/**
 * A copy of the keys with one prefix (or of one key), kept up to date by a watch. Whenever the watch ends, the keys are
 * listed anew, so that the copy never misses what came last.
 */
import { type Clock, sleep } from "../../core/clock.ts"
import { messageOf } from "../../core/errors.ts"
import { type Logger, silentLogger } from "../../core/logger.ts"
import type { EtcdGateway } from "./gateway.ts"
import { base64, type EtcdEntry, entryOf, prefixEnd, revisionOfHeader } from "./key.ts"

export interface KeyMirrorOptions {
  readonly gateway: EtcdGateway
  readonly clock: Clock
  readonly key: string
  /** Everything that begins with `key`, not it alone. */
  readonly prefix: boolean
  /** Entries kept; what is beyond is not seen. */
  readonly entriesMax: number
  /** Lists everything this often although the watch lives, since one may die without a word. Default: never. */
  readonly listEveryMs?: number
  /** The copy is another now, or was made for the first time. */
  changed(entries: ReadonlyMap<string, EtcdEntry>): void
  readonly logger?: Logger
}

const pauseMinMs = 25
const pauseMaxMs = 1_000

export class KeyMirror {
  readonly #options: KeyMirrorOptions
  readonly #logger: Logger
  #entries = new Map<string, EtcdEntry>()
  #revision = -1n
  #listed = false
  #running = false
  #stream = new AbortController()

  constructor(options: KeyMirrorOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
    options.gateway.closing.addEventListener("abort", () => this.#stream.abort(), { once: true })
  }

  /** Begins, if it has not. */
  start(): void {
    if (this.#running || this.#options.gateway.closing.aborted) return
    this.#running = true
    void this.#run()
  }

  /** Lists and watches anew: the watch may have died without a word. */
  restart(): void {
    this.#stream.abort()
  }

  /** What somebody else listed, of the same keys. Older than what is known, it is ignored. */
  observe(answer: Record<string, unknown>): void {
    const revision = revisionOfHeader(answer)
    if (!this.#listed || revision <= this.#revision) return
    this.#replace(answer, revision)
  }

  async #run(): Promise<void> {
    const { gateway, clock } = this.#options
    let pauseMs = pauseMinMs
    while (!gateway.closing.aborted) {
      this.#stream = new AbortController()
      try {
        const answer = await gateway.ask("/v3/kv/range", rangeOf(this.#options), { harmless: true })
        this.#replace(answer, revisionOfHeader(answer))
        const began = clock.now()
        const reason = await this.#watch()
        if (clock.now() - began > pauseMaxMs) pauseMs = pauseMinMs
        this.#logger.debug("a watch of etcd ended", { reason })
      } catch (error) {
        this.#logger.debug("etcd could not be listed", { reason: messageOf(error) })
      }
      pauseMs = Math.min(pauseMs * 2, pauseMaxMs)
      await sleep(clock, pauseMs, gateway.closing).catch(() => {})
    }
    this.#running = false
  }

  #watch(): Promise<string> {
    const { gateway, clock, key, prefix, listEveryMs } = this.#options
    const { signal } = this.#stream
    if (gateway.closing.aborted) this.#stream.abort()
    const create = {
      key: base64(key),
      ...(prefix ? { range_end: base64(prefixEnd(key)) } : {}),
      start_revision: String(this.#revision + 1n),
    }
    const timer = listEveryMs === undefined ? undefined : clock.after(listEveryMs, () => this.restart())
    const ended = gateway.stream("/v3/watch", { create_request: create }, message => this.#hear(message), signal)
    return ended.finally(() => timer?.cancel())
  }

  #hear(message: Record<string, unknown>): void {
    // The revisions that we want were forgotten, or etcd ended it: from the start again.
    if (message.canceled === true) {
      this.#stream.abort()
      return
    }
    const revision = revisionOfHeader(message)
    if (!Array.isArray(message.events) || message.events.length === 0) return
    if (revision < this.#revision) return
    let moved = false
    for (const event of message.events as Record<string, unknown>[]) {
      const entry = entryOf(event.kv)
      if (event.type === "DELETE") moved = this.#remove(entry) || moved
      else moved = this.#take(entry) || moved
    }
    if (revision > this.#revision) this.#revision = revision
    if (moved) this.#options.changed(this.#entries)
  }

  #take(entry: EtcdEntry): boolean {
    const known = this.#entries.get(entry.key)
    if (known === undefined ? this.#entries.size >= this.#options.entriesMax : known.modRevision >= entry.modRevision)
      return false
    this.#entries.set(entry.key, entry)
    return true
  }

  /** A removal's revision is that of the removal. */
  #remove(entry: EtcdEntry): boolean {
    const known = this.#entries.get(entry.key)
    return known !== undefined && known.modRevision < entry.modRevision && this.#entries.delete(entry.key)
  }

  #replace(answer: Record<string, unknown>, revision: bigint): void {
    const entries = new Map<string, EtcdEntry>()
    for (const kv of Array.isArray(answer.kvs) ? answer.kvs : []) {
      const entry = entryOf(kv)
      entries.set(entry.key, entry)
    }
    const same = this.#listed && sameEntries(this.#entries, entries)
    this.#listed = true
    this.#entries = entries
    this.#revision = revision
    if (!same) this.#options.changed(entries)
  }
}

/** The body of a listing. It is linearizable: etcd asks its leader. */
export function rangeOf(options: Pick<KeyMirrorOptions, "key" | "prefix" | "entriesMax">): object {
  const { key, prefix, entriesMax } = options
  return {
    key: base64(key),
    ...(prefix ? { range_end: base64(prefixEnd(key)) } : {}),
    limit: String(entriesMax),
  }
}

function sameEntries(a: ReadonlyMap<string, EtcdEntry>, b: ReadonlyMap<string, EtcdEntry>): boolean {
  if (a.size !== b.size) return false
  for (const [key, entry] of b) if (a.get(key)?.modRevision !== entry.modRevision) return false
  return true
}
