/** `--relays N`: threads of the host that are relays, each with the transport that the other options say. */
import { availableParallelism } from "node:os"
import type { RelayOptions } from "../../index.ts"
import { wholeNumber } from "../option.ts"
import type { SecurityChoices } from "../security-choice.ts"

export interface RelayChoices extends SecurityChoices {
  readonly transport: string
  readonly relays?: string
}

/** Undefined without the option. Throws `BadOption`. */
export function relaysOf({ relays, transport, ...choices }: RelayChoices): RelayOptions | undefined {
  if (relays === undefined) return undefined
  const { curveKey, serverKey, allowKey, tlsCert, tlsKey, tlsCa } = choices
  const secured = { curveKey, serverKey, allowKey, tlsCert, tlsKey, tlsCa }
  return {
    threads:
      relays === "auto"
        ? Math.max(1, availableParallelism() - 1)
        : wholeNumber("--relays", relays, { least: 1, most: 64 }),
    module: new URL("./relay-parts.js", import.meta.url),
    data: { transport, ...Object.fromEntries(Object.entries(secured).filter(([, value]) => value !== undefined)) },
  }
}
