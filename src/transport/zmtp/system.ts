/** What the machine offers, for those who hand in nothing of their own. */
import { type Clock, systemClock } from "../../core/clock.ts"
import { type Logger, silentLogger } from "../../core/logger.ts"
import { type Random, systemRandom } from "../../core/random.ts"
import { IpcCarrier } from "../carrier/ipc.ts"
import { MemoryCarrier } from "../carrier/memory.ts"
import { TcpCarrier } from "../carrier/tcp.ts"
import { WebSocketCarrier } from "../carrier/websocket.ts"
import type { Carrier } from "../carrier.ts"

/** What sockets need from outside; everything has a default. */
export interface Parts {
  readonly clock?: Clock
  readonly random?: Random
  /** Default: tcp, ipc, and the inproc names and WebSocket ports that this process shares. */
  readonly carriers?: readonly Carrier[]
  readonly logger?: Logger
}

/** One name space for inproc addresses per process, as libzmq has one per context. */
const systemMemory = new MemoryCarrier(systemClock)

/** One for the process, so that sockets can share a port by path. */
const systemWeb = new WebSocketCarrier()

export function withSystemParts(parts: Parts): Required<Parts> {
  const random = parts.random ?? systemRandom
  return {
    clock: parts.clock ?? systemClock,
    random,
    carriers: parts.carriers ?? [new TcpCarrier(), new IpcCarrier(random), systemMemory, systemWeb],
    logger: parts.logger ?? silentLogger,
  }
}
