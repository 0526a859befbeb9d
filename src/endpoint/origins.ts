/**
 * Origins interned: one object for each endpoint that frames come from, so that streams share it and comparing two is
 * comparing references.
 */
import { AgingByteMap } from "../core/aging-byte-map.ts"
import { sameBytes } from "../core/byte-map.ts"
import { type EndpointId, endpointIdToBytes } from "../core/id.ts"
import type { Origin } from "./topic-state.ts"

/** Those met last, this many at least and twice as many at most. */
const originsMax = 65_536

export class Origins {
  /** This endpoint: told apart by being this very object. */
  readonly self: Origin
  readonly #met: AgingByteMap<Origin>

  /** `seed`: an integer nobody outside knows, so that nobody can choose ids that collide. */
  constructor(self: EndpointId, seed: number) {
    this.self = { bytes: endpointIdToBytes(self), id: self }
    this.#met = new AgingByteMap(originsMax, seed)
    this.#met.set(this.self.bytes, this.self)
  }

  /** The origin whose sixteen octets stand at `at`. */
  at(buffer: Uint8Array, at: number): Origin {
    let origin = this.#met.get(buffer, at, at + 16)
    if (origin === undefined) {
      if (sameBytes(this.self.bytes, buffer, at, at + 16)) return this.self
      origin = { bytes: buffer.slice(at, at + 16), id: undefined }
      this.#met.set(origin.bytes, origin)
    }
    return origin
  }
}
