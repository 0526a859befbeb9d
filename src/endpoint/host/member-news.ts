/** Who came and who went below a relay, gathered for one message to the host above: of each the latest counts. */
import { toHex } from "../../core/bytes.ts"

/** As it is told. */
export interface NewMember {
  readonly endpointId: Uint8Array
  readonly name: string
  readonly hostId: Uint8Array
  /** See `Member`. */
  readonly attach: number
}

export class MemberNews {
  readonly #arrived = new Map<string, NewMember>()
  readonly #departed = new Map<string, Uint8Array>()

  get arrived(): NewMember[] {
    return [...this.#arrived.values()]
  }
  get departed(): Uint8Array[] {
    return [...this.#departed.values()]
  }

  arrive(member: NewMember): void {
    const key = toHex(member.endpointId)
    // One that has moved within the subtree departs here and arrives there in one go.
    this.#departed.delete(key)
    // Behind the relay that it came with.
    this.#arrived.delete(key)
    this.#arrived.set(key, member)
  }

  depart(endpointId: Uint8Array): void {
    const key = toHex(endpointId)
    this.#arrived.delete(key)
    this.#departed.set(key, endpointId)
  }
}
