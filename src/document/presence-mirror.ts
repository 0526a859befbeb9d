/**
 * Who is present in a document, at a client: a mirror of the root's table. It follows the presence topic, asks for the
 * list at each baseline, and once more when a frame says that something is missing. What is said here goes to the host by
 * asking, one question at a time; what changes meanwhile goes with the next. A relay answers those below it from its
 * mirror, and passes on what they say.
 *
 *     baseline ─ list, in parts ─┐  then frames: (previous, through]
 *                └── again after a gap, another table, or a hole between two frames
 */
import { equalBytes } from "../core/bytes.ts"
import { sleep } from "../core/clock.ts"
import { messageOf } from "../core/errors.ts"
import { Events } from "../core/events.ts"
import { type EndpointId, endpointIdFromBytes, endpointIdToBytes } from "../core/id.ts"
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
import {
  checkPresence,
  clashRetryMs,
  type Presence,
  type PresenceChange,
  type Present,
  presenceBytesMax,
  presenceEntryBytes,
  presencePartBytes,
} from "./presence.ts"
import { PresenceSayings, type Saying, type Spoken } from "./presence-sayings.ts"
import { type PresenceList, type WireEntry, wired } from "./presence-table.ts"

/** Others remembered; beyond them nobody is seen. */
const othersMax = 16_384
/** A question that failed is asked again after a wait drawn from [0, min(max, min × 2ⁿ)). */
const retryMinMs = 100
const retryMaxMs = 5_000

interface Known extends Present {
  readonly revision: number
}

type MirrorEvent = { readonly type: "change" } & PresenceChange

export class PresenceMirror {
  readonly #port: DocumentPort
  readonly #name: string
  readonly #type: string
  readonly #follow: Follow
  readonly #stopLink: () => void
  readonly #events: Events<MirrorEvent>
  readonly #others = new Map<EndpointId, Known>()
  /** This endpoint as the root has it: those below see it, and we do not. */
  #self: Known | undefined
  readonly #sayings = new PresenceSayings()
  /** While a list is under way: those it or a frame spoke of, with the revision; the others are gone when it ends. */
  #spoken: Map<EndpointId, number> | undefined
  #table = 0
  #through = 0

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
    this.#stopLink = port.onLink(change => {
      if (change === "down") this.#onDown()
      // A baseline may come a moment before the link is said to be up.
      else if (change === "up") this.#talkSoon()
    })
    this.#follow = port.follow(TopicKind.Presence, name, {
      onFragments: fragments => this.#onFrames(fragments),
      onBaseline: () => this.#onBaseline(),
      onGap: () => this.#listAnew(),
      onRefused: reason =>
        port.logger.warn(`who is present in document "${name}" cannot be told`, { reason, document: name }),
    })
  }

  /** As one who is here sees it. */
  seenHere(): Presence & { close(): void } {
    const closing = new Events<{ readonly type: "close" }>(this.#port.logger)
    const stops: (() => void)[] = []
    const others = () => this.#others.values()
    return {
      set: (client, state) => {
        checkPresence(this.#name, state)
        this.say(this.#port.id, client, state)
      },
      get others() {
        return others()
      },
      onChange: listener => {
        const stop = this.#events.on("change", listener)
        stops.push(stop)
        return stop
      },
      onClose: listener => closing.on("close", listener),
      // A host that hears that the document is closed forgets what was said; one above a relay is told.
      close: () => {
        closing.emit({ type: "close" })
        for (const stop of stops) stop()
        this.gone(this.#port.id)
      },
    }
  }

  /** What that endpoint says of itself, as `via` told. Throws `Refused` when another here has that client number. */
  say(endpoint: EndpointId, client: number, state: Uint8Array | undefined, via: EndpointId = endpoint): void {
    if (this.#closed) return
    this.#sayings.say(endpoint, client, state, via)
    this.#port.clock.soon(() => this.#talkSoon())
  }

  /** What was said here, for whoever tells it from now on. */
  get spoken(): Spoken[] {
    return this.#sayings.present
  }

  /** That endpoint has left, and with it those it spoke for. */
  gone(via: EndpointId): void {
    if (this.#closed) return
    this.#sayings.gone(via)
    this.#port.clock.soon(() => this.#talkSoon())
  }

  /** For those below: what changed after that revision, or its first part; undefined while it is not known here. */
  list(after: number): PresenceList | undefined {
    if (!this.#baseline || this.#again || this.#spoken !== undefined || this.#table === 0) return undefined
    const known = [...this.#others.values(), ...(this.#self === undefined ? [] : [this.#self])]
      .filter(({ revision }) => revision > after)
      .sort((a, b) => a.revision - b.revision)
    const entries: WireEntry[] = []
    let bytes = 0
    for (const each of known) {
      if (bytes >= presencePartBytes)
        return { table: this.#table, entries, through: entries.at(-1)!.revision, more: true }
      entries.push(wired(each))
      bytes += presenceEntryBytes + each.state.length
    }
    return { table: this.#table, entries, through: BigInt(this.#through), more: false }
  }

  /** What is said here lasts until the host hears that the document is closed. */
  close(): void {
    if (this.#closed) return
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
    this.#sayings.tellAll()
    this.#muted = false
    this.#listAnew()
  }

  #onDown(): void {
    this.#baseline = false
    this.#endLink()
    this.#spoken = undefined
    const gone = [...this.#others.values()]
    this.#others.clear()
    this.#self = undefined
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
    if (!this.#again && this.#spoken === undefined && (this.#muted || !this.#sayings.hasUntold(this.#holdsBack))) return
    this.#asking = true
    void this.#talk(this.#linkEnd.signal).finally(() => {
      this.#asking = false
      this.#talkSoon()
    })
  }

  /** What is said here waits while the outbound channel is closed; what others say does not. */
  readonly #holdsBack = (endpoint: EndpointId): boolean => {
    if (endpoint !== this.#port.id || this.#port.outbound) return false
    if (!this.#waitsForRoom) {
      this.#waitsForRoom = true
      this.#port.onRoom(() => {
        this.#waitsForRoom = false
        this.#talkSoon()
      })
    }
    return true
  }

  async #talk(signal: AbortSignal): Promise<void> {
    const { clock, random, logger } = this.#port
    for (let failures = 0; !this.#closed && !signal.aborted; ) {
      const list = this.#again || this.#spoken !== undefined
      const part = this.#muted ? [] : this.#sayings.take(this.#holdsBack)
      if (!list && part.length === 0) return
      if (this.#again) {
        this.#again = false
        this.#spoken = new Map()
        this.#through = 0
      }
      let wait = 0
      try {
        wait = await this.#ask(list, part, signal)
        failures = 0
      } catch (thrown) {
        this.#sayings.failed(part)
        if (signal.aborted) return
        logger.debug(`who is present in document "${this.#name}" is asked again`, { reason: messageOf(thrown) })
        wait = Math.ceil(random.float() * Math.min(retryMaxMs, retryMinMs * 2 ** failures++))
      }
      if (signal.aborted) return
      if (wait > 0) {
        this.#again ||= list
        await sleep(clock, wait, signal).catch(() => {})
      }
    }
  }

  /** Returns how long to wait before the same is asked again; 0 when it was answered. */
  async #ask(list: boolean, part: readonly Saying[], signal: AbortSignal): Promise<number> {
    const own = part.find(({ endpoint }) => endpoint === this.#port.id)
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
          below: part
            .filter(saying => saying !== own)
            .map(({ endpoint, client, state }) => ({
              endpoint: endpointIdToBytes(endpoint),
              client: BigInt(client),
              ...(state && { state }),
            })),
        }),
        { signal },
      ),
    )
    if (reply.refusal !== undefined) {
      const { code, reason, retryAfterMs } = reply.refusal
      this.#sayings.failed(part)
      if (signal.aborted) return 0
      if (retryAfterMs > 0) return Math.ceil(retryAfterMs * (0.5 + this.#port.random.float()))
      this.#port.logger.warn(`the host refuses presence in document "${this.#name}"`, { code, reason })
      if (part.length === 0) this.#spoken = undefined
      else {
        // Others may be seen all the same.
        this.#muted = true
        this.#again ||= list
      }
      return 0
    }
    this.#sayings.told(part)
    if (reply.clashing.length > 0) this.#tellAgainLater(reply.clashing)
    if (signal.aborted) return 0
    if (!list || this.#spoken === undefined) return 0
    if (this.#through > 0 && reply.table !== this.#table) {
      this.#again = true
      return 0
    }
    // What frames of the table before said, since the list was asked for, is void.
    if (reply.table !== this.#table) this.#spoken.clear()
    this.#table = reply.table
    this.#through = Math.max(this.#through, Number(reply.through))
    const [changed, gone] = this.#take(reply.entries)
    if (!reply.more && !this.#again) {
      if (!this.#spoken.has(this.#port.id)) this.#self = undefined
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

  /** Others at the host have their client numbers, until one of the two is gone. */
  #tellAgainLater(endpoints: readonly Uint8Array[]): void {
    this.#port.clock.after(clashRetryMs, () => {
      if (this.#closed) return
      for (const endpoint of endpoints)
        if (endpoint.length === 16) this.#sayings.tellAgain(endpointIdFromBytes(endpoint))
      this.#talkSoon()
    })
  }

  // ---- frames ----

  #onFrames(fragments: readonly ReceivedFragment[]): void {
    if (this.#closed || !this.#baseline) return
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
      // One after the other: who came with the one and went with the next is gone.
      this.#emit(...this.#take(frame.entries))
    }
    if (this.#again) this.#talkSoon()
  }

  #take(entries: readonly WireEntry[]): [Present[], Present[]] {
    const changed: Present[] = []
    const gone: Present[] = []
    for (const entry of entries) {
      if (entry.endpoint.length !== 16 || entry.state.length > presenceBytesMax) continue
      const endpoint = endpointIdFromBytes(entry.endpoint)
      const revision = Number(entry.revision)
      if (endpoint === this.#port.id) {
        if (revision <= (this.#self?.revision ?? 0) && this.#spoken === undefined) continue
        this.#spoken?.set(endpoint, revision)
        const state = entry.state.slice()
        this.#self = state.length === 0 ? undefined : { endpoint, client: Number(entry.client), state, revision }
        continue
      }
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
