/** The publisher of the virtual network: subscriptions per connection, held until granted where guarded. */
import { ZincError } from "../../core/errors.ts"
import type { PublisherHandler, PublisherOptions, PublisherSocket } from "../transport.ts"
import { BoundSocket, messageOf } from "./bound-socket.ts"
import type { End } from "./connection.ts"
import type { SimulatedNode } from "./node.ts"
import type { SimulatedNetwork } from "./simulated-network.ts"
import { Happening } from "./trace.ts"

/** What one connection asked for. Prefixes are keyed as text, one character per octet. */
interface Interest {
  readonly active: Map<string, Uint8Array>
  /** Waits for a grant. */
  readonly held: Map<string, Uint8Array>
  allows: ((prefix: Uint8Array) => boolean) | undefined
  bytes: number
}

export class SimulatedPublisher extends BoundSocket implements PublisherSocket {
  readonly #handler: PublisherHandler
  readonly #guard: boolean
  readonly #maxSubscriptionBytes: number
  readonly #interests = new Map<End, Interest>()

  constructor(network: SimulatedNetwork, node: SimulatedNode, handler: PublisherHandler, options: PublisherOptions) {
    super(network, node, "publisher", handler, options)
    this.#handler = handler
    this.#guard = options.guard ?? false
    this.#maxSubscriptionBytes = options.maxSubscriptionBytes ?? 1 << 20
  }

  override adopt(end: End): void {
    this.#interests.set(end, {
      active: new Map(),
      held: new Map(),
      allows: this.#guard ? undefined : everything,
      bytes: 0,
    })
    super.adopt(end)
  }

  send(frames: readonly Uint8Array[]): void {
    this.assertOpen()
    const topic = textOf(frames[0] ?? new Uint8Array(0))
    const message = messageOf(frames)
    for (const end of [...this.ends.values()]) {
      if (!this.#wants(end, topic)) continue
      if (!end.send(message) && end.out.full && this.ends.has(end.number)) this.#handler.onFull?.(end.number, frames)
    }
  }

  sendTo(connection: number, frames: readonly Uint8Array[]): boolean {
    this.assertOpen()
    return this.ends.get(connection)?.send(messageOf(frames)) ?? false
  }

  grant(connection: number, allows: (prefix: Uint8Array) => boolean): void {
    this.assertOpen()
    const end = this.ends.get(connection)
    const interest = end && this.#interests.get(end)
    if (interest === undefined) return
    interest.allows = allows
    for (const [key, prefix] of interest.active) {
      if (allows(prefix)) continue
      interest.active.delete(key)
      interest.bytes -= prefix.length
    }
    for (const [key, prefix] of interest.held) {
      if (allows(prefix)) interest.active.set(key, prefix)
      else interest.bytes -= prefix.length
    }
    interest.held.clear()
  }

  waiting(connection: number): { readonly messages: number; readonly bytes: number } | undefined {
    const end = this.ends.get(connection)
    return end && { messages: end.out.messages, bytes: end.out.bytes }
  }

  clear(connection: number): number {
    this.assertOpen()
    return this.ends.get(connection)?.out.clear() ?? 0
  }

  override onRoom(end: End): void {
    this.#handler.onRoom?.(end.number)
  }

  override onSubscription(end: End, on: boolean, prefix: Uint8Array): void {
    const interest = this.#interests.get(end)
    if (interest === undefined) return
    const key = textOf(prefix)
    this.network.happened(on ? Happening.Subscribed : Happening.Unsubscribed, end.id, prefix.length)
    this.network.trace.bytes(prefix)
    if (!on) {
      if (interest.active.delete(key) || interest.held.delete(key)) interest.bytes -= prefix.length
      this.#handler.onUnsubscribe(end.number, prefix)
      return
    }
    const place = interest.allows === undefined ? interest.held : interest.active
    if (!place.has(key) && (interest.allows?.(prefix) ?? true)) {
      interest.bytes += prefix.length
      if (interest.bytes > this.#maxSubscriptionBytes) {
        const error = new ZincError("TooLarge", `subscriptions of more than ${this.#maxSubscriptionBytes} octets`)
        end.close(error)
        this.onLost(end, error)
        return
      }
      place.set(key, prefix)
    }
    this.#handler.onSubscribe(end.number, prefix)
  }

  protected override forgetEnd(end: End): void {
    this.#interests.delete(end)
  }

  #wants(end: End, topic: string): boolean {
    for (const prefix of this.#interests.get(end)?.active.keys() ?? []) if (topic.startsWith(prefix)) return true
    return false
  }
}

function everything(): boolean {
  return true
}

function textOf(bytes: Uint8Array): string {
  let text = ""
  for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i]!)
  return text
}
