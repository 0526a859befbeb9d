/** Passes messages between two sockets, both ways, until told to stop; both are closed then, as in zeromq.js. */
import { SteerableProxy } from "../transport/zmtp/index.ts"
import { errnoError, translated } from "./errors.ts"
import { Socket } from "./socket.ts"

export class SocketProxy<F extends Socket = Socket, B extends Socket = Socket> {
  readonly #frontEnd: F
  readonly #backEnd: B
  #core: SteerableProxy | undefined

  constructor(frontEnd: F, backEnd: B) {
    if (typeof frontEnd !== "object" || frontEnd === null) throw new TypeError("Front-end must be a socket object")
    if (typeof backEnd !== "object" || backEnd === null) throw new TypeError("Back-end must be a socket object")
    // biome-ignore lint/complexity/noArguments: what is passed too much is an error here, as it is in zeromq.js
    if (arguments.length > 2) throw new TypeError("Expected 2 arguments")
    if (!(frontEnd instanceof Socket) || !(backEnd instanceof Socket)) throw errnoError("EINVAL")
    this.#frontEnd = frontEnd
    this.#backEnd = backEnd
  }

  get frontEnd(): F {
    return this.#frontEnd
  }
  get backEnd(): B {
    return this.#backEnd
  }

  /** Resolves after `terminate`. Rejects with `EINVAL` for a socket that is closed, or neither bound nor connected. */
  async run(): Promise<void> {
    if (!Socket.isAttached(this.#frontEnd))
      throw errnoError("EINVAL", { message: "Front-end socket must be bound or connected" })
    if (!Socket.isAttached(this.#backEnd))
      throw errnoError("EINVAL", { message: "Back-end socket must be bound or connected" })
    try {
      this.#core = new SteerableProxy(Socket.engineOf(this.#frontEnd), Socket.engineOf(this.#backEnd))
    } catch (thrown) {
      throw translated(thrown)
    }
    await this.#core.run()
    this.#core = undefined
    this.#frontEnd.close()
    this.#backEnd.close()
  }

  /** Lets nothing through for a while. Throws `EBADF` when it does not run; so do the others. */
  pause(): void {
    this.#running.pause()
  }
  resume(): void {
    this.#running.resume()
  }
  /** Stops, and closes both sockets. */
  terminate(): void {
    this.#running.terminate()
  }

  get #running(): SteerableProxy {
    if (this.#core === undefined) throw errnoError("EBADF")
    return this.#core
  }
}
