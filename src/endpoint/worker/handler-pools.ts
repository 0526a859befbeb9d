/** The worker threads of an endpoint's handler modules: a pool for each, which ends with its handling or with the endpoint. */
import type { HandlerModule, MessageHandler } from "../api.ts"
import { checkHandlerModule } from "./handler-module.ts"
import type { WorkerPool } from "./worker-pool.ts"

export interface HandlerPool {
  /** Runs the module's function in one of the threads. */
  readonly handler: MessageHandler
  /** Ends the threads now. */
  close(): Promise<void>
}

export class HandlerPools {
  readonly #open = new Set<WorkerPool>()

  /** Throws `BadOption` for what is no module. The pool is loaded with the first one: nobody else pays for it. */
  add(module: HandlerModule): HandlerPool {
    checkHandlerModule(module)
    const opening = import("./worker-pool.ts").then(loaded => {
      const pool = new loaded.WorkerPool(module)
      this.#open.add(pool)
      return pool
    })
    opening.catch(() => {})
    return {
      handler: async message => (await opening).run(message),
      close: async () => {
        const pool = await opening
        this.#open.delete(pool)
        await pool.close()
      },
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map(pool => pool.close()))
  }
}
