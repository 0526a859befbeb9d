/**
 * ROUTER: knows its peers by identity. Received messages begin with a frame that names the peer; sent ones go to the
 * peer that their first frame names, and that frame is not sent.
 */
import { writeU32 } from "../../../core/bytes.ts"
import { ZincError } from "../../../core/errors.ts"
import type { PeerInfo } from "../../../zmtp/connection.ts"
import { keyOf } from "../../../zmtp/pattern/subscription-count.ts"
import { SocketType } from "../../../zmtp/socket-type.ts"
import type { PatternSocketOptions, Peer } from "./pattern-socket.ts"
import { ReceivingSocket } from "./receiving.ts"

export interface RouterOptions extends PatternSocketOptions {
  /** Throw `Unreachable` for a message to nobody, instead of only returning false. Default false. */
  readonly mandatory?: boolean
}

export class Router extends ReceivingSocket {
  protected readonly socketType: SocketType = SocketType.Router
  protected override readonly withholdsReady: boolean = true
  readonly #mandatory: boolean
  readonly #byIdentity = new Map<string, Peer>()
  /** The identity of each peer here: its own, or the one we gave it. */
  readonly #identities = new Map<number, Uint8Array>()
  #given: number

  constructor(options: RouterOptions = {}) {
    super(options)
    this.#mandatory = options.mandatory ?? false
    this.#given = this.parts.random.u32()
  }

  /**
   * False when no peer has the identity of the first frame, or its queue is full: the message is then dropped, as
   * libzmq does. With `mandatory`, nobody of that identity throws `Unreachable`.
   */
  send(frames: readonly Uint8Array[]): boolean {
    if (!this.lifecycle.isOpen) return false
    const identity = frames[0]
    if (identity === undefined)
      throw new ZincError("BadOption", "a router's message begins with the identity of a peer")
    const peer = this.#byIdentity.get(keyOf(identity))
    if (peer === undefined) {
      if (!this.#mandatory) return false
      throw new ZincError("Unreachable", "no peer has the identity of the first frame", { retryable: true })
    }
    return peer.outbox.send(frames.slice(1))
  }

  protected get hasRoom(): boolean {
    for (const peer of this.#byIdentity.values()) if (peer.outbox.hasRoom) return true
    return false
  }

  protected override objection(peer: PeerInfo, remote: string): ZincError | undefined {
    if (peer.identity.length === 0 || !this.#byIdentity.has(keyOf(peer.identity))) return undefined
    this.events.emit({ type: "duplicateIdentity", remote, identity: peer.identity })
    return new ZincError("HandshakeFailed", "another peer of this router has the same identity; give each its own")
  }

  protected override prefixFor(peer: PeerInfo, number: number): Uint8Array {
    const identity = peer.identity.length > 0 ? peer.identity : this.#give()
    this.#identities.set(number, identity)
    return identity
  }

  protected override opened(peer: Peer): void {
    this.#byIdentity.set(keyOf(this.#identities.get(peer.number)!), peer)
  }

  protected override closed(peer: Peer): void {
    this.#byIdentity.delete(keyOf(this.#identities.get(peer.number)!))
    this.#identities.delete(peer.number)
  }

  /** A zero octet and a number, as libzmq does; skips what a peer may have chosen for itself. */
  #give(): Uint8Array {
    const identity = new Uint8Array(5)
    do {
      writeU32(identity, 1, this.#given)
      this.#given = (this.#given + 1) >>> 0
    } while (this.#byIdentity.has(keyOf(identity)))
    return identity
  }
}
