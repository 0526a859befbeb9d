/**
 * Who is present in a document, at a client: a mirror of the host's table. It follows the presence topic, asks for the
 * list at each baseline, and once more when a frame says that something is missing. What is said here goes to the host by
 * asking, one question at a time; what changes meanwhile goes with the next.
 *
 *     baseline ─ list, in parts ─┐  then frames: (previous, through]
 *                └── again after a gap, another table, or a hole between two frames
 */
import { equalBytes } from "../core/bytes.ts"
import { sleep } from "../core/clock.ts"
import { messageOf } from "../core/errors.ts"
import { Events } from "../core/events.ts"
import { type EndpointId, endpointIdFromBytes } from "../core/id.ts"
import type { DocumentPort, Follow, ReceivedFragment } from "../endpoint/document-port.ts"
import { TopicKind } from "../message/topic.ts"
import {
  DocumentTopic,
  decodeMessage,
  encodeMessage,
  PresenceFrameSchema,
  PresenceReplySchema,
  PresenceRequestSchema,
} from "./document-message.ts"
import { checkPresence, type Presence, type PresenceChange, type Present, presenceBytesMax } from "./presence.ts"
import type { WireEntry } from "./presence-table.ts"

/** Others remembered; beyond them nobody is seen. */
const othersMax = 16_384
/** A question that failed is asked again after a wait drawn from [0, min(max, min × 2ⁿ)). */
const retryMinMs = 100
const retryMaxMs = 5_000

interface Known extends Present {
  readonly revision: number
}

/** What is said here. */
interface Own {
  readonly client: number
  readonly state: Uint8Array | undefined
}

type MirrorEvent = ({ readonly type: "change" } & PresenceChange) | { readonly type: "close" }

export class PresenceMirror implements Presence {
  readonly #port: DocumentPort
  readonly #name: string
  readonly #type: string
  readonly #follow: Follow
  readonly #stopLink: () => void
  readonly #events: Events<MirrorEvent>
  readonly #others = new Map<EndpointId, Known>()
  /** While a list is under way: those it or a frame spoke of, with the revision; the others are gone when it ends. */
  #spoken: Map<EndpointId, number> | undefined
  #table = 0
  #through = 0

  #own: Own | undefined
  #untold = false
  #asking = false
  #waitsForRoom = false
  #baseline = false
  /** The list is to be asked for, from its beginning. */
  #again = false
  /** Why the host does not take what is said here, or tell who is there. */
  #muted = false
  #closed = false
  #linkEnd = new AbortController()

  constructor(port: DocumentPort, name: string, type: string) {
    this.#port = port
    this.#name = name
    this.#type = type
    this.#events = new Events(port.logger)
    this.#stopLink = port.onLink(change => change === "down" && this.#onDown())
    this.#follow = port.follow(TopicKind.Presence, name, {
      onFragments: fragments => this.#onFrames(fragments),
      onBaseline: () => this.#onBaseline(),
      onGap: () => this.#listAnew(),
      onRefused: reason =>
        port.logger.warn(`who is present in document "${name}" cannot be told`, { reason, document: name }),
    })
  }

  set(client: number, state: Uint8Array | undefined): void {
    checkPresence(this.#name, state)
    if (this.#closed || (this.#own === undefined && state === undefined)) return
    this.#own = { client, state }
    this.#untold = true
    this.#port.clock.soon(() => this.#talkSoon())
  }

  get others(): Iterable<Present> {
    return this.#others.values()
  }
  onChange(listener: (change: PresenceChange) => void): () => void {
    return this.#events.on("change", listener)
  }
  onClose(listener: () => void): () => void {
    return this.#events.on("close", listener)
  }

  /** What is said here lasts until the host hears that the document is closed. */
  close(): void {
    if (this.#closed) return
    this.#events.emit({ type: "close" })
    this.#closed = true
    this.#follow.close()
    this.#stopLink()
    this.#linkEnd.abort()
    this.#others.clear()
  }

  // ---- the link ----

  #onBaseline(): void {
    // What was asked on a link that was lost without a word may never be answered.
    if (this.#asking) this.#endLink()
    this.#baseline = true
    this.#untold = this.#own !== undefined
    this.#muted = false
    this.#listAnew()
  }

  #onDown(): void {
    this.#baseline = false
    this.#endLink()
    this.#spoken = undefined
    const gone = [...this.#others.values()]
    this.#others.clear()
    this.#emit([], gone)
  }

  #endLink(): void {
    this.#linkEnd.abort()
    this.#linkEnd = new AbortController()
  }

  // ---- asking ----

  #listAnew(): void {
    this.#again = true
    this.#talkSoon()
  }

  #talkSoon(): void {
    if (this.#asking || this.#closed || !this.#baseline || !this.#port.linked) return
    if (!this.#again && this.#spoken === undefined && !this.#mayTell()) return
    this.#asking = true
    void this.#talk(this.#linkEnd.signal).finally(() => {
      this.#asking = false
      this.#talkSoon()
    })
  }

  /** There is something to say that may leave now; while the outbound channel is closed it waits for its opening. */
  #mayTell(): boolean {
    if (!this.#untold || this.#muted) return false
    if (this.#port.outbound) return true
    if (!this.#waitsForRoom) {
      this.#waitsForRoom = true
      this.#port.onRoom(() => {
        this.#waitsForRoom = false
        this.#talkSoon()
      })
    }
    return false
  }

  async #talk(signal: AbortSignal): Promise<void> {
    const { clock, random, logger } = this.#port
    for (let failures = 0; !this.#closed && !signal.aborted; ) {
      const list = this.#again || this.#spoken !== undefined
      const own = this.#mayTell() ? this.#own : undefined
      if (!list && own === undefined) return
      if (this.#again) {
        this.#again = false
        this.#spoken = new Map()
        this.#through = 0
      }
      if (own !== undefined) this.#untold = false
      let wait = 0
      try {
        wait = await this.#ask(list, own, signal)
        failures = 0
      } catch (thrown) {
        if (signal.aborted) return
        logger.debug(`who is present in document "${this.#name}" is asked again`, { reason: messageOf(thrown) })
        wait = Math.ceil(random.float() * Math.min(retryMaxMs, retryMinMs * 2 ** failures++))
      }
      if (signal.aborted) return
      if (wait > 0) {
        this.#untold ||= own !== undefined
        this.#again ||= list
        await sleep(clock, wait, signal).catch(() => {})
      }
    }
  }

  /** Returns how long to wait before the same is asked again; 0 when it was answered. */
  async #ask(list: boolean, own: Own | undefined, signal: AbortSignal): Promise<number> {
    const reply = decodeMessage(
      PresenceReplySchema,
      await this.#port.ask(
        DocumentTopic.Presence,
        encodeMessage(PresenceRequestSchema, {
          name: this.#name,
          type: this.#type,
          list,
          after: BigInt(list ? this.#through : 0),
          ...(own && { own: { client: BigInt(own.client), ...(own.state && { state: own.state }) } }),
        }),
        { signal },
      ),
    )
    if (signal.aborted) return 0
    if (reply.refusal !== undefined) {
      const { code, reason, retryAfterMs } = reply.refusal
      if (retryAfterMs > 0) return Math.ceil(retryAfterMs * (0.5 + this.#port.random.float()))
      this.#port.logger.warn(`the host refuses presence in document "${this.#name}"`, { code, reason })
      if (own === undefined) this.#spoken = undefined
      else {
        // Others may be seen all the same.
        this.#muted = true
        this.#again ||= list
      }
      return 0
    }
    if (!list || this.#spoken === undefined) return 0
    if (this.#through > 0 && reply.table !== this.#table) {
      this.#again = true
      return 0
    }
    this.#table = reply.table
    this.#through = Math.max(this.#through, Number(reply.through))
    const [changed, gone] = this.#take(reply.entries)
    if (!reply.more && !this.#again) {
      for (const other of [...this.#others.values()]) {
        if (this.#spoken.has(other.endpoint)) continue
        this.#others.delete(other.endpoint)
        gone.push(other)
      }
      this.#spoken = undefined
    }
    this.#emit(changed, gone)
    return 0
  }

  // ---- frames ----

  #onFrames(fragments: readonly ReceivedFragment[]): void {
    if (this.#closed || !this.#baseline) return
    const changed: Present[] = []
    const gone: Present[] = []
    for (const { payload } of fragments) {
      let frame: ReturnType<typeof decodeMessage<typeof PresenceFrameSchema>>
      try {
        frame = decodeMessage(PresenceFrameSchema, payload)
      } catch {
        continue
      }
      if (this.#spoken === undefined) {
        if (frame.table !== this.#table || frame.previous > this.#through) {
          // What it says is told again by the list.
          this.#again = true
          continue
        }
        this.#through = Math.max(this.#through, Number(frame.through))
      } else if (frame.table !== this.#table) {
        // The list has not begun to come, or is of a table that is no more.
        this.#again = true
        continue
      }
      const [more, less] = this.#take(frame.entries)
      changed.push(...more)
      gone.push(...less)
    }
    this.#emit(changed, gone)
    if (this.#again) this.#talkSoon()
  }

  #take(entries: readonly WireEntry[]): [Present[], Present[]] {
    const changed: Present[] = []
    const gone: Present[] = []
    for (const entry of entries) {
      if (entry.endpoint.length !== 16 || entry.state.length > presenceBytesMax) continue
      const endpoint = endpointIdFromBytes(entry.endpoint)
      if (endpoint === this.#port.id) continue
      const revision = Number(entry.revision)
      const known = this.#others.get(endpoint)
      const spoken = this.#spoken?.get(endpoint)
      if (revision <= (this.#spoken === undefined ? (known?.revision ?? 0) : (spoken ?? 0))) continue
      this.#spoken?.set(endpoint, revision)
      if (entry.state.length === 0) {
        if (known !== undefined) gone.push(known)
        this.#others.delete(endpoint)
      } else if (known !== undefined || this.#others.size < othersMax) {
        const client = Number(entry.client)
        if (known?.client === client && equalBytes(known.state, entry.state)) {
          this.#others.set(endpoint, { ...known, revision })
          continue
        }
        const present = { endpoint, client, state: entry.state.slice(), revision }
        if (known !== undefined && known.client !== client) gone.push(known)
        this.#others.set(endpoint, present)
        changed.push(present)
      }
    }
    return [changed, gone]
  }

  #emit(changed: readonly Present[], gone: readonly Present[]): void {
    if (changed.length + gone.length > 0) this.#events.emit({ type: "change", changed, gone })
  }
}
