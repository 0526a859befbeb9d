/**
 * Who is present in a document, at the host. Every change has a revision. What changed within a while goes out as one
 * frame to all who follow, with the latest state of each only; who comes later asks for the list, in parts.
 */
import type { Timer } from "../core/clock.ts"
import { ZincError } from "../core/errors.ts"
import { Events } from "../core/events.ts"
import { type EndpointId, endpointIdToBytes } from "../core/id.ts"
import type { DocumentPort } from "../endpoint/document-port.ts"
import { TopicKind } from "../message/topic.ts"
import { encodeMessage, PresenceFrameSchema } from "./document-message.ts"
import {
  checkPresence,
  clash,
  type Presence,
  type PresenceChange,
  type Present,
  presenceEntryBytes,
  presencePartBytes,
} from "./presence.ts"
import type { Spoken } from "./presence-sayings.ts"

/** Between two frames. */
const intervalMs = 50
/** Between two attempts while nothing may be published. */
const retryMs = 100

interface Entry extends Present {
  readonly revision: number
  /** Who told: itself, or the relay that it is below. */
  readonly via: EndpointId
}

/** As it travels. */
export interface WireEntry {
  readonly endpoint: Uint8Array
  readonly client: bigint
  readonly revision: bigint
  readonly state: Uint8Array
}

export interface PresenceList {
  readonly table: number
  readonly entries: WireEntry[]
  readonly through: bigint
  readonly more: boolean
}

type TableEvent = { readonly type: "change" } & PresenceChange

export class PresenceTable {
  /** Drawn anew, so that nobody takes our revisions for those of another. */
  readonly id: number
  readonly #port: DocumentPort
  readonly #name: string
  /** The oldest revision first. */
  readonly #entries = new Map<EndpointId, Entry>()
  /** Whose each client number is. */
  readonly #holders = new Map<number, EndpointId>()
  /** The latest of each that no frame has told; an empty state: gone. */
  readonly #untold = new Map<EndpointId, Entry>()
  readonly #events: Events<TableEvent>
  #revision = 0
  #told = 0
  #toldAt = Number.NEGATIVE_INFINITY
  #timer: Timer | undefined

  constructor(port: DocumentPort, name: string) {
    this.#port = port
    this.#name = name
    this.id = (port.random.u32() | 1) >>> 0
    this.#events = new Events(port.logger)
  }

  /** As `via` told, by default itself. Throws `TooLarge`, or `Refused` when another has that client number. */
  set(endpoint: EndpointId, client: number, state: Uint8Array | undefined, via: EndpointId = endpoint): void {
    checkPresence(this.#name, state)
    if (state === undefined || state.length === 0) {
      this.delete(endpoint, via)
      return
    }
    const holder = this.#holders.get(client)
    if (holder !== undefined && holder !== endpoint) {
      throw clash(client)
    }
    const entry = { endpoint, client, state: state.slice(), revision: ++this.#revision, via }
    const before = this.#entries.get(endpoint)
    if (before !== undefined && before.client !== client) this.#holders.delete(before.client)
    this.#holders.set(client, endpoint)
    this.#entries.delete(endpoint)
    this.#entries.set(endpoint, entry)
    this.#changed(entry, { changed: [entry], gone: before !== undefined && before.client !== client ? [before] : [] })
  }

  /** Nothing happens when another told of it meanwhile: it has moved. */
  delete(endpoint: EndpointId, via: EndpointId = endpoint): void {
    const entry = this.#entries.get(endpoint)
    if (entry === undefined || entry.via !== via) return
    this.#entries.delete(endpoint)
    this.#holders.delete(entry.client)
    this.#changed(
      { endpoint, client: entry.client, state: new Uint8Array(0), revision: ++this.#revision, via },
      { changed: [], gone: [entry] },
    )
  }

  /** That endpoint is gone, and with it what it told of itself and of others. */
  gone(via: EndpointId): void {
    for (const entry of [...this.#entries.values()]) if (entry.via === via) this.delete(entry.endpoint, via)
  }

  /** What was said here, for whoever tells it from now on. */
  get spoken(): Spoken[] {
    return [...this.#entries.values()]
  }

  /** What changed after that revision, or its first part. */
  list(after: number): PresenceList {
    const entries: WireEntry[] = []
    let bytes = 0
    let through = this.#revision
    let more = false
    for (const entry of this.#entries.values()) {
      if (entry.revision <= after) continue
      if (bytes >= presencePartBytes) {
        more = true
        break
      }
      entries.push(wired(entry))
      bytes += presenceEntryBytes + entry.state.length
      through = entry.revision
    }
    return { table: this.id, entries, through: BigInt(more ? through : this.#revision), more }
  }

  /** The table as one who is here sees it. */
  seenBy(endpoint: EndpointId): Presence & { close(): void } {
    const events = new Events<{ readonly type: "close" }>(this.#port.logger)
    const stops: (() => void)[] = []
    const others = (list: readonly Present[]) => list.filter(entry => entry.endpoint !== endpoint)
    const all = this.#entries
    let held: (() => void) | undefined
    const set = (client: number, state: Uint8Array | undefined) => {
      // What is said here waits while the user keeps the outbound channel closed.
      if (this.#port.outbound) return this.set(endpoint, client, state)
      checkPresence(this.#name, state)
      if (held === undefined) this.#port.onRoom(() => held?.())
      held = () => {
        held = undefined
        set(client, state)
      }
    }
    return {
      set,
      get others() {
        return others([...all.values()])
      },
      onChange: listener => {
        const stop = this.#events.on("change", ({ changed, gone }) => {
          const seen = { changed: others(changed), gone: others(gone) }
          if (seen.changed.length + seen.gone.length > 0) listener(seen)
        })
        stops.push(stop)
        return stop
      },
      onClose: listener => events.on("close", listener),
      close: () => {
        events.emit({ type: "close" })
        held = undefined
        for (const stop of stops) stop()
        this.delete(endpoint)
      },
    }
  }

  close(): void {
    this.#timer?.cancel()
    this.#entries.clear()
    this.#untold.clear()
  }

  #changed(entry: Entry, change: PresenceChange): void {
    this.#untold.delete(entry.endpoint)
    this.#untold.set(entry.endpoint, entry)
    this.#events.emit({ type: "change", ...change })
    const wait = Math.max(0, this.#toldAt + intervalMs - this.#port.clock.now())
    this.#timer ??= this.#port.clock.after(wait, () => this.#tell())
  }

  #tell(): void {
    this.#timer = undefined
    const { clock } = this.#port
    this.#toldAt = clock.now()
    while (this.#untold.size > 0) {
      const part: Entry[] = []
      let bytes = 0
      for (const entry of this.#untold.values()) {
        if (bytes >= presencePartBytes) break
        part.push(entry)
        bytes += presenceEntryBytes + entry.state.length
      }
      const through = part[part.length - 1]!.revision
      if (!this.#publish(part, through)) {
        this.#timer = clock.after(retryMs, () => this.#tell())
        return
      }
      for (const { endpoint } of part) this.#untold.delete(endpoint)
      this.#told = through
    }
  }

  #publish(part: readonly Entry[], through: number): boolean {
    const frame = encodeMessage(PresenceFrameSchema, {
      table: this.id,
      previous: BigInt(this.#told),
      through: BigInt(through),
      entries: part.map(wired),
    })
    try {
      return this.#port.publish(TopicKind.Presence, this.#name, frame, true)
    } catch (thrown) {
      // The endpoint closes.
      if (ZincError.is(thrown) && thrown.code === "Closed") return false
      throw thrown
    }
  }
}

/** An entry as it travels. */
export function wired({ endpoint, client, state, revision }: Present & { readonly revision: number }): WireEntry {
  return { endpoint: endpointIdToBytes(endpoint), client: BigInt(client), revision: BigInt(revision), state }
}
