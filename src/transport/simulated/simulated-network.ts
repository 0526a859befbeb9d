/**
 * A whole network in one process on virtual time. Given the same seed and the same program, everything happens in the
 * same order at the same instants, and `traceHash` says so in one word. Faults are options and can be made at any time.
 *
 * What it is faithful to: a connection is a pair of byte streams with a window; a partition holds what is under way and
 * lets it through after healing; a stopped process still has a machine that accepts connections and bytes; a killed one
 * has a machine that refuses. What it leaves out: a stream that gives up after a quarter of an hour of retransmitting.
 */
import type { Clock } from "../../core/clock.ts"
import { ZincError } from "../../core/errors.ts"
import type { SeededRandom } from "../../core/random.ts"
import type { SimulatedClock } from "../../core/simulated-clock.ts"
import { badAddress, parseAddress } from "../address.ts"
import type { HostSockets, Transport } from "../transport.ts"
import { SimulatedPublisher } from "./bound-publisher.ts"
import { type BoundSocket, SimulatedPuller, SimulatedRouter } from "./bound-socket.ts"
import { Connection, type End } from "./connection.ts"
import { type FaultCounters, type Faults, type Latency, type Leg, type LegFaults, zeroCounters } from "./fault.ts"
import { SimulatedNode } from "./node.ts"
import { SimulatedTransport } from "./simulated-transport.ts"
import { Happening, Trace } from "./trace.ts"

export interface SimulatedNetworkOptions {
  readonly clock: SimulatedClock
  readonly random: SeededRandom
  readonly faults?: Faults
  /** What may be under way and unread in one direction of a connection, in octets. Default 256 KiB. */
  readonly windowBytes?: number
}

interface Listener {
  readonly node: SimulatedNode
  readonly control: SimulatedRouter
  readonly publish: SimulatedPublisher
  readonly push: SimulatedPuller
}

const defaultLatency: Latency = { min: 0.1, max: 0.5 }
/** Round trips of a TCP and a ZMTP handshake until the bound side knows the peer, counted in one-way times. */
const handshakeLegs = 3

export class SimulatedNetwork {
  readonly clock: SimulatedClock
  readonly random: SeededRandom
  readonly windowBytes: number
  readonly counters: FaultCounters = zeroCounters()
  readonly trace: Trace = new Trace()
  readonly #nodes = new Map<string, SimulatedNode>()
  readonly #listeners = new Map<string, Listener>()
  readonly #connections = new Set<Connection>()
  readonly #sockets = new Map<SimulatedNode, Set<{ crash(): void }>>()
  /** "from to" for each direction in which nothing passes. */
  readonly #blocked = new Set<string>()
  #faults: Faults
  #nextConnection = 1

  constructor(options: SimulatedNetworkOptions) {
    this.clock = options.clock
    this.random = options.random
    this.windowBytes = options.windowBytes ?? 256 << 10
    this.#faults = options.faults ?? {}
  }

  /** A digest of everything that happened up to now. */
  get traceHash(): string {
    return this.trace.hash
  }

  /** The transport of a process. After a crash this starts the process anew. */
  transport(nodeName: string): Transport {
    const node = this.node(nodeName)
    node.start()
    return new SimulatedTransport(this, node)
  }

  /**
   * The clock of a process: its timers are held while it is paused and gone when it crashed. Ask again after a crash;
   * that starts the process anew.
   */
  clockOf(nodeName: string): Clock {
    const node = this.node(nodeName)
    node.start()
    return node.clock
  }

  // ---- faults ----

  /** Replaces the faults of one leg, or of all; what is under way keeps its fate. */
  setFaults(leg: Leg | "all", faults: LegFaults): void {
    const all = { control: faults, publish: faults, push: faults }
    this.#faults = leg === "all" ? all : { ...this.#faults, [leg]: faults }
  }

  /**
   * Nothing passes between the two; connections stay and what is under way waits. `oneWay`: only from `a` to `b` is
   * blocked.
   */
  partition(a: string, b: string, options: { readonly oneWay?: boolean } = {}): void {
    this.#blocked.add(way(a, b))
    if (options.oneWay !== true) this.#blocked.add(way(b, a))
    this.counters.partitions++
    this.#fault(Happening.Partitioned, a, b)
    this.#review()
  }

  /** Ends the partition between two nodes, or every partition. */
  heal(a?: string, b?: string): void {
    if (a === undefined || b === undefined) this.#blocked.clear()
    else {
      this.#blocked.delete(way(a, b))
      this.#blocked.delete(way(b, a))
    }
    this.counters.heals++
    this.#fault(Happening.Healed, a ?? "", b ?? "")
    for (const connection of [...this.#connections]) {
      connection.dialer.out.unblock()
      connection.acceptor.out.unblock()
    }
    this.#review()
  }

  /** Breaks every connection between the two at once; both hear it. */
  cut(a: string, b: string): void {
    this.#fault(Happening.Cut, a, b)
    for (const connection of [...this.#connections]) {
      if (!connection.touches(a, b)) continue
      this.counters.cut++
      connection.sever(new Error("the connection was cut"))
    }
  }

  /** Limits what a node can receive, over all its connections; undefined lifts the limit for what is sent from now on. */
  slow(nodeName: string, bytesPerSecond: number | undefined): void {
    const node = this.node(nodeName)
    node.bytesPerSecond = bytesPerSecond
    node.lineFreeAt = this.clock.now()
    this.counters.slowdowns++
    this.#fault(Happening.Slowed, nodeName, String(bytesPerSecond))
  }

  /** Stops a process as SIGSTOP does: its timers and what it would read wait; its machine still accepts. */
  pause(nodeName: string): void {
    this.node(nodeName).pause()
    this.counters.pauses++
    this.#fault(Happening.Paused, nodeName, "")
    this.#review()
  }

  resume(nodeName: string): void {
    this.node(nodeName).resume()
    this.#fault(Happening.Resumed, nodeName, "")
    this.clock.after(0, () => this.#review())
  }

  /**
   * Ends a process as `kill -9` does: its sockets and timers vanish and its peers see that, unless partitioned.
   * `silent`: its machine loses power; peers hear nothing until they send to it after it has come back.
   */
  crash(nodeName: string, options: { readonly silent?: boolean } = {}): void {
    const node = this.node(nodeName)
    const silent = options.silent ?? false
    this.counters.crashes++
    this.#fault(Happening.Crashed, nodeName, silent ? "silent" : "")
    node.crash(silent)
    for (const [address, listener] of this.#listeners) if (listener.node === node) this.#listeners.delete(address)
    for (const socket of this.#sockets.get(node) ?? []) socket.crash()
    this.#sockets.delete(node)
    for (const connection of [...this.#connections]) {
      const error = new Error(`the process "${nodeName}" died`)
      if (connection.dialer.node === node) connection.dialer.crash(error, silent)
      if (connection.acceptor.node === node) connection.acceptor.crash(error, silent)
      this.forget(connection)
    }
    this.#review()
  }

  /** Makes a node's clock run at `rate` and its wall clock stand off by `wallOffsetMs`. */
  drift(nodeName: string, options: { readonly rate?: number; readonly wallOffsetMs?: number }): void {
    const { clock } = this.node(nodeName)
    if (options.rate !== undefined) clock.drift(options.rate)
    if (options.wallOffsetMs !== undefined) clock.skew(options.wallOffsetMs)
  }

  /** Live connections, half-open ones included. */
  get connections(): number {
    return this.#connections.size
  }

  // ---- for the parts of the network ----

  /** @internal */
  node(name: string): SimulatedNode {
    let node = this.#nodes.get(name)
    if (node === undefined) {
      node = new SimulatedNode(name, this.#nodes.size, this.clock)
      this.#nodes.set(name, node)
    }
    return node
  }

  /** @internal */
  own(node: SimulatedNode, socket: { crash(): void }): void {
    let sockets = this.#sockets.get(node)
    if (sockets === undefined) {
      sockets = new Set()
      this.#sockets.set(node, sockets)
    }
    sockets.add(socket)
  }

  /** @internal */
  disown(node: SimulatedNode, socket: { crash(): void }): void {
    this.#sockets.get(node)?.delete(socket)
  }

  /** @internal Reserves the address; throws what `bind` rejects with. */
  listen(node: SimulatedNode, text: string, sockets: HostSockets): string {
    const { router, publisher, puller } = sockets
    if (
      !(
        router instanceof SimulatedRouter &&
        publisher instanceof SimulatedPublisher &&
        puller instanceof SimulatedPuller
      )
    ) {
      throw new ZincError("BadOption", "bind takes the router, publisher and puller that this transport made")
    }
    for (const socket of [router, publisher, puller]) socket.assertOpen()
    const { host, port } = parseSim(text)
    if (host !== "*" && host !== node.name) {
      throw new ZincError(
        "Unreachable",
        `"${text}" is not an address of the node "${node.name}"; use "sim://${node.name}"`,
      )
    }
    const wanted = port === "0" || port === "*" ? String(node.port()) : port
    const address = wanted === undefined ? `sim://${node.name}` : `sim://${node.name}:${wanted}`
    if (this.#listeners.has(address)) {
      throw new ZincError("AddressInUse", `"${address}" is taken already on this network; choose another port or 0`)
    }
    this.#listeners.set(address, { node, control: router, publish: publisher, push: puller })
    return address
  }

  /** @internal Takes away a socket's share in its listeners; one that serves no socket is closed. */
  unlisten(socket: BoundSocket): void {
    for (const [address, listener] of this.#listeners) {
      if (listener.control !== socket && listener.publish !== socket && listener.push !== socket) continue
      if (listener.control.closed && listener.publish.closed && listener.push.closed) this.#listeners.delete(address)
    }
  }

  /** @internal Starts a connection; the answer comes to the end's owner. Throws `BadAddress`. */
  dial(node: SimulatedNode, leg: Leg, text: string): End {
    const { host, port } = parseSim(text)
    if (host === "*" || port === "0" || port === "*") throw badAddress(text, "a wildcard can be bound, not dialled")
    const address = port === undefined ? `sim://${host}` : `sim://${host}:${port}`
    const connection = new Connection(this, this.#nextConnection++, leg, address, node, this.node(host))
    this.#connections.add(connection)
    let delay = 0
    for (let i = 0; i < handshakeLegs; i++) delay += this.latency(leg)
    connection.dialer.out.push({ kind: "open" }, delay)
    return connection.dialer
  }

  /** @internal Whether the machine takes the connection. */
  accepts(end: End): boolean {
    return end.node.up && this.#listeners.has(end.connection.address)
  }

  /** @internal The process takes it, or closes it. */
  accept(end: End): void {
    const socket = this.#listeners.get(end.connection.address)?.[end.connection.leg]
    if (socket === undefined || socket.closed) {
      end.close(new Error("the host has no such socket open"))
      return
    }
    end.out.push({ kind: "ready" }, this.latency(end.connection.leg))
    socket.adopt(end)
    this.happened(Happening.Connected, end.id, 0)
  }

  /** @internal */
  forget(connection: Connection): void {
    if (connection.dialer.over && connection.acceptor.over) this.#connections.delete(connection)
  }

  /** @internal */
  blocked(from: SimulatedNode, to: SimulatedNode): boolean {
    return this.#blocked.size > 0 && this.#blocked.has(way(from.name, to.name))
  }

  /** @internal */
  faultsOf(leg: Leg): LegFaults {
    return this.#faults[leg] ?? noFaults
  }

  /** @internal */
  chance(rate: number | undefined): boolean {
    return rate !== undefined && rate > 0 && this.random.float() < rate
  }

  /** @internal One way, in milliseconds. */
  latency(leg: Leg): number {
    const { min, max, heavyTail } = this.faultsOf(leg).latencyMs ?? defaultLatency
    if (this.chance(heavyTail)) return max * Math.min(100, 1 / (1 - this.random.float()))
    return min === max ? min : min + (max - min) * this.random.float()
  }

  /** @internal */
  happened(what: Happening, subject: number, size: number): void {
    this.trace.happened(what, this.clock.now(), subject, size)
  }

  #fault(what: Happening, a: string, b: string): void {
    this.happened(what, 0, 0)
    this.trace.text(a)
    this.trace.text(b)
  }

  #review(): void {
    for (const connection of this.#connections) {
      connection.dialer.review()
      connection.acceptor.review()
    }
  }
}

const noFaults: LegFaults = {}

function way(from: string, to: string): string {
  return `${from} ${to}`
}

/** Reads `sim://name` or `sim://name:port`. */
function parseSim(text: string): { readonly host: string; readonly port: string | undefined } {
  const { scheme, rest } = parseAddress(text)
  const match = scheme === "sim" ? /^([^\s:/]+)(?::(\d{1,5}|\*))?$/.exec(rest) : null
  if (match === null || Number(match[2]) > 65_535)
    throw badAddress(text, 'write it as "sim://node" or "sim://node:port"')
  return { host: match[1]!, port: match[2] }
}
