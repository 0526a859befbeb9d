/** The transport a person chose by name. Native is loaded only when asked for: its package is optional. */
import type { Transport } from "../transport/index.ts"

export const transportNames = ["zmtp", "native"] as const
export type TransportName = (typeof transportNames)[number]

/** Throws `MissingPackage` when npm `zeromq` cannot be loaded. */
export async function openTransport(name: TransportName): Promise<Transport> {
  if (name === "zmtp") {
    const { ZmtpTransport } = await import("../transport/zmtp/index.ts")
    return new ZmtpTransport()
  }
  const { NativeTransport } = await import("../transport/native/index.ts")
  return NativeTransport.open()
}
