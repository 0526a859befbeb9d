/** What runs in a worker thread: loads the user's module once, decodes, calls. */

import { ZincError } from "../../core/errors.ts"
import type { EndpointId } from "../../core/id.ts"
import { CodecRegistry } from "../../message/codec-registry.ts"
import type { WorkerMessage } from "../api.ts"

export interface WorkerCall {
  readonly module: string
  readonly exported: string
  readonly topic: string
  readonly origin: EndpointId
  readonly sequence: number
  readonly codec: number
  readonly payload: Uint8Array
  readonly value: unknown
}

const codecs = new CodecRegistry()
const loaded = new Map<string, Promise<Record<string, unknown>>>()

export default async function call(work: WorkerCall): Promise<unknown> {
  let module = loaded.get(work.module)
  if (module === undefined) {
    module = import(work.module) as Promise<Record<string, unknown>>
    loaded.set(work.module, module)
  }
  const handler = (await module)[work.exported]
  if (typeof handler !== "function") {
    throw new ZincError("BadOption", `the handler module ${work.module} exports no function "${work.exported}"`)
  }
  const message: WorkerMessage = {
    topic: work.topic,
    origin: work.origin,
    sequence: work.sequence,
    payload: work.payload,
    value: work.codec > 2 ? work.value : codecs.byNumber(work.codec).decode(work.payload),
  }
  return handler(message)
}
