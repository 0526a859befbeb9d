/**
 * What happens to a socket, as zeromq.js tells it: read one by one, iterated, or heard with `on`; never two ways. Who waits
 * for an event keeps the process alive, as who listens with `on` does until the socket closes.
 */
import { EventEmitter } from "node:events"
import { type Deferred, deferred } from "../core/deferred.ts"
import { type ErrnoError, errnoError } from "./errors.ts"
import type { Event, EventOfType, EventType, Watched } from "./event.ts"
import { hold, release } from "./process-end.ts"

/** Most events that wait to be read; then the oldest go, for nobody reads them. */
const waitingMax = 10_000

export class Observer implements AsyncIterable<Event> {
  #events: Event[] = []
  #waiting: Deferred<Event> | undefined
  #emitter: EventEmitter | undefined
  /** Listeners keep the process alive. */
  #holds = false
  #closed = false
  readonly #socket: Watched

  constructor(socket: Watched) {
    if (typeof socket?.watchEvents !== "function") throw new TypeError("Socket must be a socket object")
    this.#socket = socket
    socket.watchEvents(event => this.#push(event))
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Reads no more. */
  close(): void {
    if (this.#closed) return
    const waiting = this.#waiting
    this.#end()
    this.#events = []
    waiting?.reject(errnoError("EAGAIN"))
  }

  /** The next event. Throws `EBADF` once closed, which it is after "end"; and in emitter mode. */
  get receive(): () => Promise<Event> {
    if (this.#emitter !== undefined)
      throw new Error(
        "Observer is in event emitter mode. After a call to events.on() it is not possible to read events with events.receive().",
      )
    return this.#receive
  }

  on<E extends EventType>(type: E, listener: (data: EventOfType<E>) => void): this {
    if (this.#emitter === undefined) {
      this.#emitter = new EventEmitter()
      this.#holds = !this.#closed && !this.#socket.closed
      if (this.#holds) hold()
      for (const event of this.#events.splice(0)) this.#emit(event)
    }
    this.#emitter.on(type, listener)
    return this
  }
  off<E extends EventType>(type: E, listener: (data: EventOfType<E>) => void): this {
    this.#emitter?.off(type, listener)
    return this
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Event, undefined> {
    while (!this.#closed) {
      try {
        yield await this.receive()
      } catch (thrown) {
        if (this.#closed && (thrown as ErrnoError).code === "EAGAIN") return undefined
        throw thrown
      }
    }
    return undefined
  }

  readonly #receive = (): Promise<Event> => {
    if (this.#closed) throw errnoError("EBADF")
    if (this.#waiting !== undefined) throw errnoError("EBUSY", { message: "Observer is busy; one receive at a time" })
    const event = this.#events.shift()
    if (event !== undefined) {
      this.#endIf(event)
      return Promise.resolve(event)
    }
    this.#waiting = deferred<Event>()
    hold()
    return this.#waiting.promise
  }

  #push(event: Event): void {
    if (this.#closed) return
    if (this.#emitter !== undefined) this.#emit(event)
    else if (this.#waiting !== undefined) {
      const waiting = this.#waiting
      this.#waiting = undefined
      release()
      this.#endIf(event)
      waiting.resolve(event)
    } else {
      this.#events.push(event)
      if (this.#events.length > waitingMax) this.#events.shift()
    }
  }

  #emit(event: Event): void {
    this.#endIf(event)
    this.#emitter!.emit(event.type, event)
  }
  #endIf(event: Event): void {
    if (event.type === "end") this.#end()
  }

  #end(): void {
    if (this.#closed) return
    this.#closed = true
    if (this.#waiting !== undefined || this.#holds) release()
    this.#waiting = undefined
  }
}
