/**
 * Runs handler modules in worker threads, so that CPU-bound handling uses every core. Piscina is the pool; our mailbox
 * above it keeps one message in flight per key. This is a shell: it touches threads, and only Node has them.
 */
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { Piscina } from "piscina"
import { ZincError } from "../../core/errors.ts"
import type { HandlerModule, Message } from "../api.ts"
import type { WorkerCall } from "./worker-entry.ts"

export class WorkerPool {
  readonly #pool: Piscina
  readonly #module: string
  readonly #exported: string

  constructor(handler: HandlerModule) {
    const url = handler.module instanceof URL ? handler.module.href : handler.module
    this.#module = url.startsWith("file:") ? url : new URL(`file://${url}`).href
    this.#exported = handler.export ?? "default"
    const threads = handler.threads ?? Math.max(1, availableParallelism() - 1)
    if (!(Number.isInteger(threads) && threads >= 1 && threads <= 1024)) {
      throw new ZincError("BadOption", `threads must be a whole number from 1 to 1024, not ${threads}`)
    }
    this.#pool = new Piscina({
      filename: fileURLToPath(new URL("./worker-entry.js", import.meta.url)),
      minThreads: 1,
      maxThreads: threads,
      idleTimeout: 30_000,
    })
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

  close(): Promise<void> {
    return this.#pool.close({ force: false })
  }
}
