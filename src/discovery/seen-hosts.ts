/** Records of hosts as a store gives them, read once each, and counted where they are none. */
import { ZincError } from "../core/errors.ts"
import { type AnnouncedHost, decodeHostRecord, hostsMax } from "./host-record.ts"

interface Seen {
  /** What the store calls this writing of it; another writing is read again. */
  readonly writing: string
  /** Undefined: it is no record. */
  readonly host: AnnouncedHost | undefined
}

export class SeenHosts {
  readonly #tree: string
  #seen = new Map<string, Seen>()
  #refused = 0

  constructor(tree: string) {
    this.#tree = tree
  }

  get refused(): number {
    return this.#refused
  }

  /** `key`: where in the store. A record under a key that does not end in its own id is none. */
  take(key: string, writing: string, bytes: Uint8Array): void {
    if (this.#seen.get(key)?.writing === writing) return
    if (!this.#seen.has(key) && this.#seen.size >= hostsMax) {
      this.#refused++
      return
    }
    this.#seen.set(key, { writing, host: this.#read(key, bytes) })
  }

  /** Forgets all keys but these. */
  keep(keys: ReadonlySet<string>): void {
    for (const key of this.#seen.keys()) if (!keys.has(key)) this.#seen.delete(key)
  }

  remove(key: string): void {
    this.#seen.delete(key)
  }

  /** In the order of their ids. */
  get hosts(): AnnouncedHost[] {
    const hosts: AnnouncedHost[] = []
    for (const { host } of this.#seen.values()) if (host !== undefined) hosts.push(host)
    return hosts.sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  #read(key: string, bytes: Uint8Array): AnnouncedHost | undefined {
    try {
      const host = decodeHostRecord(bytes, this.#tree)
      if (key.endsWith(host.id)) return host
    } catch (error) {
      if (!ZincError.is(error)) throw error
    }
    this.#refused++
    return undefined
  }
}
