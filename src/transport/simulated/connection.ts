/** A virtual connection: two ends and a pipe each way. */
import { FrameBatch } from "../../core/frame-batch.ts"
import type { SocketOptions } from "../transport.ts"
import type { Leg } from "./fault.ts"
import type { SimulatedNode } from "./node.ts"
import { type Item, type Message, Pipe } from "./pipe.ts"
import type { SimulatedNetwork } from "./simulated-network.ts"
import { Happening } from "./trace.ts"

/** What an end tells the socket that owns it. Always from a clock event of its node. */
export interface EndOwner {
  readonly options: SocketOptions
  /** The handshake is complete here. */
  onOpen(end: End): void
  onMessages(end: End, batch: FrameBatch): void
  onSubscription(end: End, on: boolean, prefix: Uint8Array): void
  /** Its queue was full and has fallen to half. */
  onRoom(end: End): void
  /** Nobody listens there. */
  onRefused(end: End): void
  /** Over, and the other side knows or will. Also for a handshake that failed: then `onOpen` never came. */
  onLost(end: End, error: Error | undefined): void
}

export class Connection {
  readonly id: number
  readonly leg: Leg
  /** The address that was dialled. */
  readonly address: string
  readonly dialer: End
  readonly acceptor: End

  constructor(
    network: SimulatedNetwork,
    id: number,
    leg: Leg,
    address: string,
    from: SimulatedNode,
    to: SimulatedNode,
  ) {
    this.id = id
    this.leg = leg
    this.address = address
    this.dialer = new End(network, this, from, 2 * id)
    this.acceptor = new End(network, this, to, 2 * id + 1)
    this.dialer.join(this.acceptor)
    this.acceptor.join(this.dialer)
  }

  touches(a: string, b: string): boolean {
    const from = this.dialer.node.name
    const to = this.acceptor.node.name
    return (from === a && to === b) || (from === b && to === a)
  }

  /** Breaks both ways at once. */
  sever(error: Error): void {
    this.dialer.out.sever(error)
    this.acceptor.out.sever(error)
  }
}

/** The share of one process in a connection. */
export class End {
  readonly id: number
  readonly node: SimulatedNode
  readonly connection: Connection
  readonly #network: SimulatedNetwork
  /** The number its socket gives it. */
  number = 0
  out!: Pipe
  peer!: End
  #owner: EndOwner | undefined
  #paused = false
  #reading = false
  #waking = false
  /** Nothing is read here any more. */
  #deaf = false
  /** The process that owned this end is gone. */
  #dead = false
  #onDrained: (() => void) | undefined
  #unheardSince: number | undefined
  readonly #batch = new FrameBatch()

  constructor(network: SimulatedNetwork, connection: Connection, node: SimulatedNode, id: number) {
    this.#network = network
    this.connection = connection
    this.node = node
    this.id = id
  }

  join(peer: End): void {
    this.peer = peer
    this.out = new Pipe(this.#network, this.connection.leg, this, peer)
  }

  get owner(): EndOwner | undefined {
    return this.#owner
  }
  /** Closed or lost: nothing is read here any more. */
  get over(): boolean {
    return this.#deaf
  }

  own(owner: EndOwner): void {
    this.#owner = owner
    this.out.limit(owner.options.sendLimits)
  }

  send(message: Message): boolean {
    return this.out.send(message)
  }

  pause(): void {
    this.#paused = true
  }
  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#network.clock.after(0, () => this.wake())
  }

  /** Closes from this side: sends what is queued for at most `lingerMs`, then is over. Nothing is read meanwhile. */
  finish(lingerMs: number, onDone: () => void): void {
    this.#deafen()
    this.out.finish(undefined)
    if (this.out.finished || lingerMs <= 0) {
      this.out.close(undefined)
      this.#network.forget(this.connection)
      onDone()
      return
    }
    const timer = this.node.clock.after(lingerMs, () => {
      this.out.close(undefined)
      this.drained()
    })
    this.#onDrained = () => {
      timer.cancel()
      this.#network.forget(this.connection)
      onDone()
    }
  }

  /** Closes from this side, now. */
  close(error?: Error): void {
    this.#deafen()
    this.out.close(error)
    this.drained()
    this.#network.forget(this.connection)
  }

  /** Gives up a dial. One that has not reached the other side yet never will. */
  abandon(): void {
    if (this.out.withdraw()) this.peer.#deaf = true
    this.close()
  }

  /** The process is gone. */
  crash(error: Error, silent: boolean): void {
    this.#deafen()
    this.#dead = true
    this.#owner = undefined
    this.#onDrained = undefined
    if (!silent) this.out.orphan(error)
    else if (this.out.withdraw()) this.peer.#deaf = true
    else this.out.vanish()
  }

  /** The queue of an end that is finishing has gone. */
  drained(): void {
    const onDrained = this.#onDrained
    this.#onDrained = undefined
    onDrained?.()
  }

  room(): void {
    if (!this.#deaf) this.#owner?.onRoom(this)
  }

  /** Something arrived at this end's machine. */
  wake(): void {
    if (this.#deaf) {
      this.#discard()
      return
    }
    const first = this.peer.out.inbox[0]
    if (first?.kind === "open" && !this.#network.accepts(this)) {
      // The machine itself says no; the process need not run for that.
      this.peer.out.inbox.length = 0
      this.#deaf = true
      if (!this.node.silent) this.out.push({ kind: "refuse" }, this.#network.latency(this.connection.leg))
      this.#network.forget(this.connection)
      return
    }
    if (this.#waking || this.#reading || this.#paused || first === undefined) return
    this.#waking = true
    this.node.run(() => {
      this.#waking = false
      this.#read()
    })
  }

  /** Judges whether the peer can be heard, when something about that has changed. ZMTP's PING, without the traffic. */
  review(): void {
    const heartbeat = this.#owner?.options.heartbeat
    if (heartbeat === undefined || this.#deaf || this.number === 0) return
    const { node, peer } = this
    const network = this.#network
    const pinged = peer.owner?.options.heartbeat !== undefined
    const heard =
      peer.node.up &&
      !peer.#dead &&
      !peer.node.paused &&
      !network.blocked(peer.node, node) &&
      (pinged || !network.blocked(node, peer.node))
    if (heard) {
      this.#unheardSince = undefined
      return
    }
    if (this.#unheardSince !== undefined) return
    const since = network.clock.now()
    this.#unheardSince = since
    node.clock.after(heartbeat.intervalMs + heartbeat.timeoutMs, () => {
      if (this.#unheardSince !== since || this.#deaf) return
      this.#lose(new Error("no sign of life from the peer"))
    })
  }

  #read(): void {
    if (this.#reading) return
    this.#reading = true
    try {
      const inbox = this.peer.out.inbox
      while (inbox.length > 0 && !this.#paused && !this.#deaf) {
        let count = 0
        while (count < inbox.length && inbox[count]!.kind === "message") count++
        if (count > 0) this.#deliver(inbox.splice(0, count))
        else this.#handle(inbox.shift()!)
      }
    } finally {
      this.#reading = false
    }
    if (this.#deaf) this.#discard()
  }

  #deliver(items: Item[]): void {
    const batch = this.#batch
    const network = this.#network
    const limit = this.#owner?.options.maxMessageBytes ?? 64 << 20
    batch.clear()
    batch.connection = this.number
    let bytes = 0
    let tooLarge = false
    for (const item of items) {
      if (item.kind !== "message") continue
      if (item.message.bytes > limit) {
        tooLarge = true
        break
      }
      batch.addMessage(item.message.frames)
      bytes += item.message.bytes + 16
    }
    if (batch.count > 0) {
      network.counters.delivered += batch.count
      network.happened(Happening.Delivered, this.id, batch.count)
      for (let i = 0; i < batch.frames; i++) {
        network.trace.bytes(batch.buffers[i]!, batch.starts[i]!, batch.ends[i]!)
      }
      this.#owner?.onMessages(this, batch)
      this.peer.out.consumed(bytes)
    }
    if (tooLarge && !this.#deaf) this.#lose(new Error(`a message larger than the limit of ${limit} octets`))
  }

  #handle(item: Item): void {
    switch (item.kind) {
      case "open":
        this.#network.accept(this)
        return
      case "ready":
        this.#owner?.onOpen(this)
        return
      case "subscribe":
      case "cancel":
        this.#owner?.onSubscription(this, item.kind === "subscribe", item.prefix)
        return
      case "refuse":
        this.#deafen()
        this.#network.happened(Happening.Refused, this.id, 0)
        this.#network.forget(this.connection)
        this.#owner?.onRefused(this)
        return
      case "end":
        this.#lose(item.error)
        return
    }
  }

  #lose(error: Error | undefined): void {
    this.#deafen()
    this.out.close(error)
    this.drained()
    this.#network.happened(Happening.Lost, this.id, 0)
    this.#network.forget(this.connection)
    this.#owner?.onLost(this, error)
  }

  #deafen(): void {
    this.#deaf = true
    this.#discard()
  }

  /** Bytes for a closed end vanish. The far end of one that died silently is told once its machine is back. */
  #discard(): void {
    const inbox = this.peer.out.inbox
    if (inbox.length === 0) return
    const ended = inbox.some(item => item.kind === "end")
    inbox.length = 0
    if (this.#dead && !ended && this.node.up && !this.peer.over) {
      const peer = this.peer
      this.#network.clock.after(this.#network.latency(this.connection.leg), () => {
        if (!peer.over) peer.reset()
      })
    }
  }

  /** The far machine says that it knows no such connection. */
  reset(): void {
    this.node.run(() => {
      if (!this.#deaf) this.#lose(new Error("the connection was reset"))
    })
  }
}
