/** What a page has in place of worker threads: nothing, said when a handler asks for them. The build puts it there. */
import { ZincError } from "../core/errors.ts"

export class WorkerPool {
  constructor() {
    throw new ZincError("Unsupported", "handlers in worker threads need Node; in a page give the handler itself")
  }
}
