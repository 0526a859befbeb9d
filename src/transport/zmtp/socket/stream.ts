/**
 * STREAM: plain TCP (or whatever the carrier has), without ZMTP, for talking to programs that know nothing of it. A
 * message is two frames: who, and octets as they came. An empty second frame says that somebody is there, or has gone;
 * sent, it closes.
 */
import { noBytes } from "../../../core/bytes.ts"
import { ZincError } from "../../../core/errors.ts"
import { FrameBatch } from "../../../core/frame-batch.ts"
import type { ConnectionOptions } from "../../../zmtp/connection.ts"
import type { Link } from "../../../zmtp/link.ts"
import type { Outbox } from "../../../zmtp/outbox.ts"
import { RawConnection } from "../../../zmtp/raw-connection.ts"
import { SocketType } from "../../../zmtp/socket-type.ts"
import { checkFrames } from "./frame-check.ts"
import type { Candidate, Peer } from "./peer.ts"
import { ReceivingSocket } from "./receiving.ts"
import { RouteTable } from "./route-table.ts"
import type { PatternSocketOptions } from "./socket-options.ts"

export interface StreamOptions extends PatternSocketOptions {
  /** Tell of peers that come and go by an empty frame (libzmq's ZMQ_STREAM_NOTIFY). Default true. */
  readonly notify?: boolean
}

export class Stream extends ReceivingSocket {
  protected readonly socketType: SocketType = SocketType.Stream
  protected override readonly namesPeers: boolean = true
  readonly #notify: boolean
  readonly #routes: RouteTable

  constructor(options: StreamOptions = {}) {
    super(options)
    this.#notify = options.notify ?? true
    this.#routes = new RouteTable(this.parts.random.u32())
  }

  /**
   * Two frames: the peer, and octets for it. An empty second frame closes its connection after what is queued. False when
   * it has no room. Throws `Unreachable` when there is no such peer.
   */
  send(frames: readonly Uint8Array[]): boolean {
    this.lifecycle.assertOpen()
    checkFrames(frames)
    const [identity, octets] = frames
    if (identity === undefined || octets === undefined || frames.length !== 2)
      throw new ZincError("BadOption", "a Stream's message has two frames: the identity of a peer, and octets")
    const route = this.#routes.get(identity)
    if (route === undefined)
      throw new ZincError("Unreachable", "no peer has the identity of the first frame", { retryable: true })
    if (octets.length > 0) return route.outbox.sendRaw(octets)
    if (route.peer !== undefined) this.disconnectPeer(route.peer.number)
    return true
  }

  protected get hasRoom(): boolean {
    return this.#routes.hasRoom
  }

  protected override linkOver(options: ConnectionOptions): Link {
    return new RawConnection(options)
  }
  protected override attached(outbox: Outbox, identity?: Uint8Array): void {
    if (identity !== undefined) this.#routes.give(outbox, identity)
  }
  protected override detached(outbox: Outbox): void {
    this.#routes.takeBack(outbox)
  }

  protected override prefixFor({ identity }: Candidate, number: number): Uint8Array {
    return this.#routes.name(number, identity)
  }
  protected override opened(peer: Peer): void {
    this.#routes.open(peer)
    this.#tell(peer)
  }
  protected override closed(peer: Peer): void {
    this.#tell(peer)
    this.#routes.close(peer)
  }

  #tell(peer: Peer): void {
    const name = this.#routes.nameOf(peer)
    if (!this.#notify || name === undefined) return
    const batch = new FrameBatch()
    batch.connection = peer.number
    batch.addMessage([name, noBytes])
    this.inbox.deliver(batch)
  }
}
