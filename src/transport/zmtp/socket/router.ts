/**
 * ROUTER: knows its peers by identity. Received messages begin with a frame that names the peer; sent ones go to the
 * peer that their first frame names, and that frame is not sent.
 */
import { ZincError } from "../../../core/errors.ts"
import type { Outbox } from "../../../zmtp/outbox.ts"
import { SocketType } from "../../../zmtp/socket-type.ts"
import { checkFrames } from "./frame-check.ts"
import type { Candidate, Peer } from "./peer.ts"
import { ReceivingSocket } from "./receiving.ts"
import { RouteTable } from "./route-table.ts"
import type { PatternSocketOptions } from "./socket-options.ts"

export interface RouterOptions extends PatternSocketOptions {
  /** Throw `Unreachable` for a message to nobody, instead of only returning false. Default false. */
  readonly mandatory?: boolean
  /** A new peer with an identity that is taken takes its place, and the old one's connection is closed. Default false. */
  readonly handover?: boolean
  /** Greet each peer with an empty message, so that a router knows us before we say anything. Default false. */
  readonly probeRouter?: boolean
}

export class Router extends ReceivingSocket {
  protected readonly socketType: SocketType = SocketType.Router
  protected override readonly withholdsReady: boolean = true
  protected override readonly namesPeers: boolean = true
  readonly #routes: RouteTable
  readonly #body: Uint8Array[] = []

  constructor(options: RouterOptions = {}) {
    super(options)
    this.#routes = new RouteTable(this.parts.random.u32())
  }

  /**
   * False when no peer has the identity of the first frame, its queue is full, or there is no further frame: the message
   * is then dropped, as libzmq does. With `mandatory`, nobody of that identity throws `Unreachable`.
   */
  send(frames: readonly Uint8Array[]): boolean {
    this.lifecycle.assertOpen()
    checkFrames(frames)
    const identity = frames[0]!
    // What a proxy passes on may be anything.
    if (frames.length === 1) return false
    const route = this.#routes.get(identity)
    if (route === undefined) {
      if (!this.#asked.mandatory) return false
      throw new ZincError("Unreachable", "no peer has the identity of the first frame", { retryable: true })
    }
    // The same array each time: an outbox keeps frames, never the list of them.
    const body = this.#body
    for (let i = 1; i < frames.length; i++) body.push(frames[i]!)
    const taken = route.outbox.send(body)
    body.length = 0
    return taken
  }

  /** Read when they matter, so that they may change. */
  get #asked(): RouterOptions {
    return this.options
  }

  /** Whether somebody of that identity could be sent a message now. */
  hasRoomFor(identity: Uint8Array): boolean {
    return this.#routes.get(identity)?.outbox.hasRoom ?? false
  }

  protected override get probes(): boolean {
    return this.#asked.probeRouter ?? false
  }

  override get drops(): boolean {
    return !this.#asked.mandatory
  }
  protected get hasRoom(): boolean {
    return this.#routes.hasRoom
  }

  protected override attached(outbox: Outbox, identity?: Uint8Array): void {
    if (identity !== undefined) this.#routes.give(outbox, identity)
  }
  protected override detached(outbox: Outbox): void {
    this.#routes.takeBack(outbox)
  }

  protected override objection({ info, remote, identity }: Candidate): ZincError | undefined {
    if (identity !== undefined || info.identity.length === 0) return undefined
    const route = this.#routes.get(info.identity)
    if (route === undefined || (this.#asked.handover && route.peer !== undefined)) return undefined
    this.events.emit({ type: "duplicateIdentity", remote, identity: info.identity })
    return new ZincError("HandshakeFailed", "another peer of this router has the same identity; give each its own")
  }

  protected override prefixFor({ info, identity }: Candidate, number: number): Uint8Array {
    return this.#routes.name(number, identity ?? (info.identity.length > 0 ? info.identity : undefined))
  }
  protected override opened(peer: Peer): void {
    // The one whose identity was handed over goes.
    this.#routes.open(peer)?.connection.destroy()
  }
  protected override closed(peer: Peer): void {
    this.#routes.close(peer)
  }
}
