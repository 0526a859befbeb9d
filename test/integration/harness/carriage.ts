/** Over what the fault tests run: every transport that loads here, over the carriers it has. */
import { createRequire } from "node:module"
import type { TransportName } from "./endpoint-process.ts"

export interface Carriage {
  readonly transport: TransportName
  readonly scheme: "tcp" | "ipc"
}

/** npm `zeromq` is an optional peer; scripts/test.mjs says loudly when it is missing. */
export const hasNative: boolean = loads("zeromq")

const native: readonly Carriage[] = hasNative ? [{ transport: "native", scheme: "tcp" }] : []

export const carriages: readonly Carriage[] = [
  { transport: "zmtp", scheme: "tcp" },
  { transport: "zmtp", scheme: "ipc" },
  ...native,
]

function loads(name: string): boolean {
  try {
    createRequire(import.meta.url)(name)
    return true
  } catch {
    return false
  }
}
