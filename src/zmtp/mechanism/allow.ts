/** Authenticators for the common cases: a list of keys, a list of names and passwords. */
import { toHex, utf8 } from "../../core/bytes.ts"
import type { PeerAuthenticator } from "./authenticator.ts"
import { type CurveKey, readKey, sameOctets } from "./curve/key.ts"

/** Accepts CURVE clients with these public keys; as a map, under the names they have there. Throws `BadOption`. */
export function allowKeys(keys: Iterable<CurveKey> | ReadonlyMap<string, CurveKey>): PeerAuthenticator {
  const named = new Map<string, string>()
  const entries: Iterable<readonly [string | undefined, CurveKey]> =
    keys instanceof Map ? keys : [...(keys as Iterable<CurveKey>)].map(key => [undefined, key] as const)
  for (const [name, key] of entries) {
    const hex = toHex(readKey("a client's key", key))
    named.set(hex, name ?? hex)
  }
  return ({ credentials }) => {
    const userId = credentials.mechanism === "CURVE" ? named.get(toHex(credentials.publicKey)) : undefined
    return userId === undefined ? { status: 400, text: "an unknown key" } : { status: 200, userId }
  }
}

/** Accepts PLAIN clients with these names and passwords. */
export function allowUsers(passwords: ReadonlyMap<string, string>): PeerAuthenticator {
  const known = new Map([...passwords].map(([name, password]) => [name, utf8(password)]))
  const nobody = new Uint8Array(1)
  return ({ credentials }) => {
    if (credentials.mechanism !== "PLAIN") return { status: 400, text: "no name and password" }
    const password = known.get(credentials.username)
    // Compared with something in any case, so that the time does not tell which names exist.
    const same = sameOctets(utf8(credentials.password), password ?? nobody)
    if (!same || password === undefined) return { status: 400, text: "an unknown name or a wrong password" }
    return { status: 200, userId: credentials.username }
  }
}
