/**
 * What goes up about who is present: what an endpoint says of itself and, at a relay, what those below it say. The latest
 * of each counts; what the host has been told is remembered, so that after a loss of the link all is told anew.
 */
import type { EndpointId } from "../core/id.ts"
import { clash, type Present, presenceEntryBytes, presencePartBytes } from "./presence.ts"

/** The latest of one endpoint. */
export interface Saying {
  readonly endpoint: EndpointId
  readonly client: number
  /** Undefined: not present any more. */
  readonly state: Uint8Array | undefined
  /** Who said so: itself, or the relay that it is below. */
  readonly via: EndpointId
}

/** One who is present, and who said so. */
export interface Spoken extends Present {
  readonly via: EndpointId
}

export class PresenceSayings {
  readonly #said = new Map<EndpointId, Saying>()
  readonly #holders = new Map<number, EndpointId>()
  readonly #untold = new Set<EndpointId>()

  /** Throws `Refused` when another here has that client number. */
  say(endpoint: EndpointId, client: number, state: Uint8Array | undefined, via: EndpointId = endpoint): void {
    const before = this.#said.get(endpoint)
    if (state === undefined || state.length === 0) {
      // Another spoke for it meanwhile: it has moved, and is present there.
      if (before?.state === undefined || before.via !== via) return
      this.#holders.delete(before.client)
      this.#put({ ...before, state: undefined })
      return
    }
    const holder = this.#holders.get(client)
    if (holder !== undefined && holder !== endpoint) throw clash(client)
    if (before !== undefined) this.#holders.delete(before.client)
    this.#holders.set(client, endpoint)
    this.#put({ endpoint, client, state: state.slice(), via })
  }

  /** That endpoint is gone, and with it what it said of itself and of others. */
  gone(via: EndpointId): void {
    for (const saying of [...this.#said.values()]) if (saying.via === via) this.say(saying.endpoint, 0, undefined, via)
  }

  /** Who is present, as said here. */
  get present(): Spoken[] {
    return [...this.#said.values()].flatMap(({ endpoint, client, state, via }) =>
      state === undefined ? [] : [{ endpoint, client, state, via }],
    )
  }

  /** A host that knows nothing yet is to hear everything. */
  tellAll(): void {
    for (const endpoint of this.#said.keys()) this.#untold.add(endpoint)
  }

  /** That one is to be told again. */
  tellAgain(endpoint: EndpointId): void {
    if (this.#said.has(endpoint)) this.#untold.add(endpoint)
  }

  /** Whether there is anything to tell, leaving aside those that `holdsBack`. */
  hasUntold(holdsBack: (endpoint: EndpointId) => boolean): boolean {
    for (const endpoint of this.#untold) if (!holdsBack(endpoint)) return true
    return false
  }

  /** What the host is to be told next, without those that `holdsBack`. They count as told from now on. */
  take(holdsBack: (endpoint: EndpointId) => boolean): Saying[] {
    const part: Saying[] = []
    let bytes = 0
    for (const endpoint of this.#untold) {
      if (holdsBack(endpoint)) continue
      const saying = this.#said.get(endpoint)!
      part.push(saying)
      this.#untold.delete(endpoint)
      bytes += presenceEntryBytes + (saying.state?.length ?? 0)
      if (bytes >= presencePartBytes) break
    }
    return part
  }

  /** The host may not have heard: told again, unless there is something newer. */
  failed(part: readonly Saying[]): void {
    for (const saying of part) if (this.#said.get(saying.endpoint) === saying) this.#untold.add(saying.endpoint)
  }

  /** The host has heard. Who is not present any more is forgotten. */
  told(part: readonly Saying[]): void {
    for (const saying of part) {
      const { endpoint, state } = saying
      if (state !== undefined || this.#said.get(endpoint) !== saying) continue
      this.#said.delete(endpoint)
      // A baseline may have come since, at which all was to be told anew.
      this.#untold.delete(endpoint)
    }
  }

  #put(saying: Saying): void {
    this.#said.set(saying.endpoint, saying)
    this.#untold.add(saying.endpoint)
  }
}
