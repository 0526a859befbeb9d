/** Dials with node:net, for tcp and ipc alike. */
import { connect, type IpcNetConnectOpts, type Socket, type TcpNetConnectOpts } from "node:net"
import { ZincError } from "../../core/errors.ts"
import type { StreamTuning } from "../carrier.ts"
import { Reading } from "./node-read.ts"
import { NodeStream } from "./node-stream.ts"
import { tune } from "./node-tuning.ts"

/** Rejects with `Unreachable` or `Aborted`. */
export function dialNode(
  options: TcpNetConnectOpts | IpcNetConnectOpts,
  address: string,
  signal: AbortSignal,
  tuning: StreamTuning = {},
): Promise<NodeStream> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(aborted(address, signal))
    const reading = Reading.make()
    const socket = connect({ ...options, ...(reading && { onread: reading.onread }) })
    // It reads when somebody listens.
    socket.pause()
    if (tuning.background) socket.unref()
    const onAbort = () => {
      socket.destroy()
      reject(aborted(address, signal))
    }
    signal.addEventListener("abort", onAbort, { once: true })
    const onError = (error: Error) => {
      signal.removeEventListener("abort", onAbort)
      reject(
        new ZincError("Unreachable", `nobody answers at ${address}: ${error.message}`, {
          cause: error,
          retryable: true,
        }),
      )
    }
    socket.once("error", onError)
    socket.once("connect", () => {
      signal.removeEventListener("abort", onAbort)
      socket.removeListener("error", onError)
      if (leadsBack(socket)) {
        socket.destroy()
        const why = new Error("the connection led back to itself, as nobody listens there")
        onError(Object.assign(why, { code: "ECONNREFUSED" }))
        return
      }
      tune(socket, tuning)
      resolve(new NodeStream(socket, address, reading))
    })
  })
}

/**
 * Dialling a port of this machine at which nobody listens may succeed: where the system gives the dialler that very port,
 * TCP connects it to itself (RFC 9293, 3.5, simultaneous open). It would hold the port against whoever wants to listen.
 */
function leadsBack({ localPort, remotePort, localAddress, remoteAddress }: Socket): boolean {
  return localPort !== undefined && localPort === remotePort && localAddress === remoteAddress
}

function aborted(address: string, signal: AbortSignal): ZincError {
  return new ZincError("Aborted", `dialling ${address} was aborted`, { cause: signal.reason })
}
