/** Dials with node:net, for tcp and ipc alike. */
import { connect, type NetConnectOpts } from "node:net"
import { ZincError } from "../../core/errors.ts"
import { NodeStream } from "./node-stream.ts"

/** Rejects with `Unreachable` or `Aborted`. */
export function dialNode(options: NetConnectOpts, address: string, signal: AbortSignal): Promise<NodeStream> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(aborted(address, signal))
    const socket = connect(options)
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
      resolve(new NodeStream(socket, address))
    })
  })
}

function aborted(address: string, signal: AbortSignal): ZincError {
  return new ZincError("Aborted", `dialling ${address} was aborted`, { cause: signal.reason })
}
