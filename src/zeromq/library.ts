/** What this is, in the terms of libzmq. */
import { keyText, makeKeyPair } from "../zmtp/index.ts"

/** The libzmq whose behaviour we follow; there is none underneath. */
export const version = "4.3.5"

export const capability: Partial<
  Readonly<Record<"ipc" | "pgm" | "tipc" | "norm" | "curve" | "gssapi" | "draft", boolean>>
> = { ipc: true, pgm: false, tipc: false, norm: false, curve: true, gssapi: false, draft: false }

/** A new pair of keys for CURVE, in Z85. */
export function curveKeyPair(): { publicKey: string; secretKey: string } {
  const { publicKey, secretKey } = makeKeyPair()
  return { publicKey: keyText(publicKey), secretKey: keyText(secretKey) }
}
