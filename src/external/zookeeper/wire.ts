/** The one place where ZooKeeper's servers are dialled. */
import { connect } from "node:net"

export interface ServerPlace {
  readonly host: string
  readonly port: number
}

export interface WireEvents {
  open(): void
  data(chunk: Uint8Array): void
  /** Once, whatever the cause. */
  closed(reason: string): void
}

export interface Wire {
  write(bytes: Uint8Array): void
  /** Now, without `closed`. */
  destroy(): void
}

export type Dial = (server: ServerPlace, events: WireEvents) => Wire

export const dialTcp: Dial = (server, events) => {
  const socket = connect({ host: server.host, port: server.port, noDelay: true })
  let reason = "the server closed the connection"
  socket.on("connect", () => events.open())
  socket.on("data", chunk => events.data(chunk))
  socket.on("error", error => {
    reason = error.message
  })
  socket.on("close", () => events.closed(reason))
  return {
    write: bytes => void socket.write(bytes),
    destroy() {
      socket.removeAllListeners()
      // A late error of a socket that nobody minds any more.
      socket.on("error", () => {})
      socket.destroy()
    },
  }
}
