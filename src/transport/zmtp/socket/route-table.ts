/**
 * Who is called what, for sockets that address their peers: a peer's own identity, the one it was given where it was
 * dialled, or one that we make up. What was given outlives connections; the others go with their peer.
 */
import { writeU32 } from "../../../core/bytes.ts"
import { ZincError } from "../../../core/errors.ts"
import type { Outbox } from "../../../zmtp/outbox.ts"
import { keyOf } from "../../../zmtp/pattern/subscription-count.ts"
import type { Peer } from "./peer.ts"

/** Where messages for an identity go. */
export interface Route {
  readonly outbox: Outbox
  /** Absent while a peer that was named where it was dialled is not there. */
  peer: Peer | undefined
}

export class RouteTable {
  readonly #routes = new Map<string, Route>()
  /** The name of each peer. */
  readonly #names = new Map<number, Uint8Array>()
  /** Names given where peers were dialled. */
  readonly #given = new Map<Outbox, string>()
  #next: number

  /** `first` is where the made-up names begin; a random one, so that those of an earlier life mean nobody. */
  constructor(first: number) {
    this.#next = first
  }

  get(identity: Uint8Array): Route | undefined {
    return this.#routes.get(keyOf(identity))
  }
  get hasRoom(): boolean {
    for (const route of this.#routes.values()) if (route.outbox.hasRoom) return true
    return false
  }
  nameOf(peer: Peer): Uint8Array | undefined {
    return this.#names.get(peer.number)
  }

  /** A queue for somebody who is dialled under this name. Throws `BadOption` when it is taken. */
  give(outbox: Outbox, identity: Uint8Array): void {
    const key = keyOf(identity)
    if (this.#routes.has(key))
      throw new ZincError("BadOption", "a peer of this socket has that identity already; choose another")
    this.#routes.set(key, { outbox, peer: undefined })
    this.#given.set(outbox, key)
  }
  /** That queue is gone. */
  takeBack(outbox: Outbox): void {
    const key = this.#given.get(outbox)
    if (key === undefined) return
    this.#given.delete(outbox)
    this.#routes.delete(key)
  }

  /** Notes the name of a peer to come; makes one up, a zero octet and a number as libzmq does, where it has none. */
  name(number: number, identity: Uint8Array | undefined): Uint8Array {
    const name = identity ?? this.#makeUp()
    this.#names.set(number, name)
    return name
  }

  /** The peer is there. Whose place it took, if any. */
  open(peer: Peer): Peer | undefined {
    const key = keyOf(this.#names.get(peer.number)!)
    const route = this.#routes.get(key)
    if (route?.outbox === peer.outbox) {
      route.peer = peer
      return undefined
    }
    this.#routes.set(key, { outbox: peer.outbox, peer })
    return route?.peer
  }

  /** The peer is gone, or never came. */
  close(peer: Peer): void {
    const name = this.#names.get(peer.number)
    if (name === undefined) return
    this.#names.delete(peer.number)
    const key = keyOf(name)
    const route = this.#routes.get(key)
    if (route === undefined || route.peer !== peer) return
    if (this.#given.has(route.outbox)) route.peer = undefined
    else this.#routes.delete(key)
  }

  #makeUp(): Uint8Array {
    const identity = new Uint8Array(5)
    do {
      writeU32(identity, 1, this.#next)
      this.#next = (this.#next + 1) >>> 0
    } while (this.#routes.has(keyOf(identity)))
    return identity
  }
}
