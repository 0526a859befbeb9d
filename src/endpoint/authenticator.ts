/** Decides at the host who may join and what they may do. */
import type { EndpointId } from "../core/id.ts"

/** What the host knows of a joiner. */
export interface JoinRequest {
  readonly id: EndpointId
  readonly name: string
  /** What the joiner gave as token; empty when none. */
  readonly token: Uint8Array
  readonly tree: string
  /** Where it came from, for people. */
  readonly remote: string
}

/** What a client may do. Checked by the first host, before any fan-out. */
export interface Grants {
  /** Which topics it may follow, and documents it may read, as patterns; default all. */
  readonly receive?: readonly string[]
  /** Which topics it may send to, and documents it may write, as patterns; default all. */
  readonly send?: readonly string[]
  /** Whether it may host a cluster of its own and speak for others, under their ids. Default false. */
  readonly relay?: boolean
  /** Whether it may vote: who is root, and keep the tree's ordered log. Asked for its voter id. Default false. */
  readonly voter?: boolean
}

export type Verdict =
  | { readonly allow: true; readonly grants?: Grants }
  | { readonly allow: false; readonly reason: string }

export interface Authenticator {
  /** Called once per join. A throw or a rejection refuses the joiner with a neutral reason and is logged. */
  authenticate(request: JoinRequest): Verdict | Promise<Verdict>
}

/** Lets in whoever has the token, comparing in constant time. */
export function tokenAuthenticator(token: string | Uint8Array, grants?: Grants): Authenticator {
  const expected = typeof token === "string" ? new TextEncoder().encode(token) : token.slice()
  return {
    authenticate({ token: given }) {
      let difference = expected.length ^ given.length
      for (let i = 0; i < expected.length; i++) difference |= expected[i]! ^ (given[i % Math.max(1, given.length)] ?? 0)
      if (difference !== 0) return { allow: false, reason: "the token is wrong or missing" }
      return grants === undefined ? { allow: true } : { allow: true, grants }
    },
  }
}
