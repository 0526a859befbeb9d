/** The host's side of the virtual network: what router, puller and publisher share, and the first two. */
import { ZincError } from "../../core/errors.ts"
import type { FrameBatch } from "../../core/frame-batch.ts"
import type {
  BatchHandler,
  ConnectionHandler,
  PullerHandler,
  PullerSocket,
  RouterHandler,
  RouterSocket,
  SocketOptions,
} from "../transport.ts"
import type { End, EndOwner } from "./connection.ts"
import type { SimulatedNode } from "./node.ts"
import type { Message } from "./pipe.ts"
import type { SimulatedNetwork } from "./simulated-network.ts"

const defaultLingerMs = 1_000

/** The caller's frames, copied. */
export function messageOf(frames: readonly Uint8Array[]): Message {
  let bytes = 0
  const copies: Uint8Array[] = []
  for (const frame of frames) {
    bytes += frame.length
    copies.push(new Uint8Array(frame))
  }
  return { frames: copies, bytes }
}

export abstract class BoundSocket implements EndOwner {
  readonly options: SocketOptions
  protected readonly network: SimulatedNetwork
  protected readonly node: SimulatedNode
  protected readonly ends: Map<number, End> = new Map()
  readonly #what: string
  readonly #handler: ConnectionHandler & Partial<BatchHandler>
  #next = 1
  #closed = false
  #closing: Promise<void> | undefined
  #lingering: End[] = []

  constructor(
    network: SimulatedNetwork,
    node: SimulatedNode,
    what: string,
    handler: ConnectionHandler & Partial<BatchHandler>,
    options: SocketOptions,
  ) {
    this.network = network
    this.node = node
    this.#what = `the ${what} of "${node.name}"`
    this.#handler = handler
    this.options = options
    network.own(node, this)
  }

  get closed(): boolean {
    return this.#closed
  }

  adopt(end: End): void {
    end.number = this.#next++
    this.ends.set(end.number, end)
    end.own(this)
    end.review()
    this.#handler.onConnect?.(end.number, end.peer.node.name)
  }

  disconnect(connection: number): void {
    this.assertOpen()
    const end = this.ends.get(connection)
    if (end === undefined) return
    this.ends.delete(connection)
    this.#lingering.push(end)
    end.finish(defaultLingerMs, () => {
      this.node.clock.after(0, () => {
        this.#lingering = this.#lingering.filter(other => other !== end)
        if (!this.#closed) this.#tellLost(end, undefined)
      })
    })
  }

  close(options: { readonly lingerMs?: number } = {}): Promise<void> {
    this.#closing ??= new Promise(resolve => {
      const ends = this.#shut()
      let left = ends.length + 1
      const done = () => {
        if (--left === 0) this.node.clock.after(0, resolve)
      }
      for (const end of ends) end.finish(options.lingerMs ?? defaultLingerMs, done)
      done()
    })
    return this.#closing
  }

  abort(): void {
    this.#closing ??= Promise.resolve()
    for (const end of [...this.#shut(), ...this.#lingering]) end.close()
  }

  /** The process is gone: nothing is told any more. */
  crash(): void {
    this.#closed = true
    this.ends.clear()
  }

  onOpen(): void {}
  onRefused(): void {}
  onRoom(_end: End): void {}
  onSubscription(_end: End, _on: boolean, _prefix: Uint8Array): void {}

  onMessages(_end: End, batch: FrameBatch): void {
    this.#handler.onBatch?.(batch)
  }

  onLost(end: End, error: Error | undefined): void {
    if (!this.ends.delete(end.number)) return
    this.#tellLost(end, error)
  }

  /** Throws `Closed`. A process that died may still run a last line; it does no harm. */
  assertOpen(): void {
    if (this.#closing !== undefined) throw new ZincError("Closed", `${this.#what} is closed; make a new one`)
  }

  /** What a subclass keeps for a connection goes with it. */
  protected forgetEnd(_end: End): void {}

  #tellLost(end: End, error: Error | undefined): void {
    this.forgetEnd(end)
    if (error === undefined) this.#handler.onDisconnect?.(end.number)
    else this.#handler.onDisconnect?.(end.number, error)
  }

  #shut(): End[] {
    this.#closed = true
    const ends = [...this.ends.values()]
    this.ends.clear()
    this.network.disown(this.node, this)
    this.network.unlisten(this)
    return ends
  }
}

export class SimulatedRouter extends BoundSocket implements RouterSocket {
  constructor(network: SimulatedNetwork, node: SimulatedNode, handler: RouterHandler, options: SocketOptions) {
    super(network, node, "router", handler, options)
  }

  send(connection: number, frames: readonly Uint8Array[]): boolean {
    this.assertOpen()
    return this.ends.get(connection)?.send(messageOf(frames)) ?? false
  }
}

export class SimulatedPuller extends BoundSocket implements PullerSocket {
  constructor(network: SimulatedNetwork, node: SimulatedNode, handler: PullerHandler, options: SocketOptions) {
    super(network, node, "puller", handler, options)
  }

  pause(connection: number): void {
    this.assertOpen()
    this.ends.get(connection)?.pause()
  }
  resume(connection: number): void {
    this.assertOpen()
    this.ends.get(connection)?.resume()
  }
}
