/**
 * Runs handler modules in worker threads, so that CPU-bound handling uses every core. Piscina is the pool; our mailbox
 * above it keeps one message in flight per key. This is a shell: it touches threads, and only Node has them.
 */
import { availableParallelism } from "node:os"
import { fileURLToPath, pathToFileURL } from "node:url"
import { Piscina } from "piscina"
import type { HandlerModule, Message } from "../api.ts"
import type { WorkerCall } from "./worker-entry.ts"

export class WorkerPool {
  readonly #pool: Piscina
  readonly #module: string
  readonly #exported: string

  constructor(handler: HandlerModule) {
    const place = handler.module instanceof URL ? handler.module.href : handler.module
    this.#module = place.startsWith("file:") ? place : pathToFileURL(place).href
    this.#exported = handler.export ?? "default"
    const threads = handler.threads ?? Math.max(1, availableParallelism() - 1)
    this.#pool = new Piscina({
      filename: fileURLToPath(new URL("./worker-entry.js", import.meta.url)),
      minThreads: 1,
      maxThreads: threads,
      idleTimeout: 30_000,
    })
    // What befalls a call is that call's to tell; a thread that ends while it has none is made anew.
    this.#pool.on("error", () => {})
  }

  run(message: Message): Promise<unknown> {
    // Copied before it is handed over: the octets may lie in a buffer that others read too.
    const payload = message.payload.slice()
    const call: WorkerCall = {
      module: this.#module,
      exported: this.#exported,
      topic: message.topic,
      origin: message.origin,
      sequence: message.sequence,
      codec: message.codec,
      payload,
      // Codecs of the user's own live in this thread only.
      value: message.codec > 2 ? message.value : undefined,
    }
    return this.#pool.run(call, {
      transferList: [payload.buffer as ArrayBuffer],
      ...(message.signal === undefined ? {} : { signal: message.signal }),
    })
  }

  /** Ends the threads now. Whoever closes waits for its messages first, as long as it likes: one that still runs is cut off. */
  close(): Promise<void> {
    return this.#pool.destroy()
  }
}
