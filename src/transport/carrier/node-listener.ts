/** A listening server of node:net as a carrier's listener; connections are closed by their owner, not by it. */
import { existsSync } from "node:fs"
import type { Server } from "node:net"
import { dirname } from "node:path"
import { deferred } from "../../core/deferred.ts"
import { messageOf, ZincError } from "../../core/errors.ts"
import { parseAddress } from "../address.ts"
import type { CarrierListener } from "../carrier.ts"

export class NodeListener implements CarrierListener {
  readonly address: string
  readonly #server: Server
  #closing: Promise<void> | undefined

  constructor(server: Server, address: string) {
    this.#server = server
    this.address = address
  }

  /** Stops listening; resolves when the address is free, whatever connections live on. */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      // The server's own callback waits for its connections too; the address is free as soon as close returns.
      this.#server.close()
      this.#server.unref()
      this.#closing = Promise.resolve()
    }
    return this.#closing
  }
}

/** Begins to listen; rejects with what the system said, in our terms. */
export function listening(server: Server, options: object, address: string): Promise<void> {
  const done = deferred<void>()
  server.once("error", (error: NodeJS.ErrnoException) => done.reject(listenError(error, address)))
  server.listen(options, () => {
    server.removeAllListeners("error")
    // An accept that fails (too many open files) is that connection's misfortune.
    server.on("error", () => {})
    done.resolve()
  })
  return done.promise
}

function listenError(error: NodeJS.ErrnoException, address: string): ZincError {
  switch (error.code) {
    case "EADDRINUSE":
      return new ZincError(
        "AddressInUse",
        `${address} is already in use on this machine; choose another port or path`,
        {
          cause: error,
        },
      )
    case "EACCES":
      // What libuv also says of a path whose folder is missing.
      if (address.startsWith("ipc:") && !existsSync(folderOf(address)))
        return new ZincError(
          "BadAddress",
          `${address} cannot be made: there is no folder ${folderOf(address)}; create it first`,
          {
            cause: error,
          },
        )
      return new ZincError("BadAddress", `${address} may not be used by this user; choose another`, { cause: error })
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return new ZincError("Unreachable", `no interface of this machine has the address ${address}`, { cause: error })
    default:
      return new ZincError("BadAddress", `cannot listen at ${address}: ${messageOf(error)}`, { cause: error })
  }
}

function folderOf(address: string): string {
  return dirname(parseAddress(address).rest)
}
