/** Asks the system, through sockets of node:net, for what a StreamTuning says. */
import type { Socket } from "node:net"
import type { StreamTuning } from "../carrier.ts"

/** What newer versions of node:net can do beside (Node 24.14 and later; the types are those of Node 20). */
interface TunableSocket {
  setKeepAlive(enable: boolean, initialDelayMs: number, intervalMs?: number, count?: number): unknown
  setTypeOfService?(value: number): unknown
}

/** To be called when the socket is connected. What this Node cannot set is left as the system has it. */
export function tune(socket: Socket, tuning: StreamTuning | undefined): void {
  if (tuning === undefined) return
  const { background, keepAliveMs, keepAliveIntervalMs, keepAliveProbes, typeOfService } = tuning
  if (background) socket.unref()
  const tunable = socket as TunableSocket
  if (keepAliveMs !== undefined) tunable.setKeepAlive(true, keepAliveMs, keepAliveIntervalMs, keepAliveProbes)
  if (typeOfService === undefined || tunable.setTypeOfService === undefined) return
  try {
    tunable.setTypeOfService(typeOfService)
  } catch {
    // The system refuses the value, or the connection is over by now: it goes unmarked.
  }
}
