/**
 * Voters call at the same control address as clients do, and say VOTER_HELLO in place of JOIN (R1: outside the tree, and
 * outside `maxClients`). The gate asks the authenticator, and hands the connection to whoever votes here.
 */
import { ZincError } from "../../core/errors.ts"
import { type EndpointId, endpointIdFromBytes } from "../../core/id.ts"
import type { Logger } from "../../core/logger.ts"
import { type Control, encodeControl, type VoterHello } from "../../message/control.ts"
import type { RouterSocket } from "../../transport/transport.ts"
import type { Authenticator, Verdict } from "../authenticator.ts"

/** A connection of a voter that called here, as whoever votes here sees it. */
export interface VoterConnection {
  readonly remote: string
  /** False when it is gone or its queue is full. */
  send(frames: readonly Uint8Array[]): boolean
  close(): void
}

/** Hears what such a connection brings. A `BadFrame` thrown costs the caller its connection. */
export interface VoterCaller {
  received(control: Control): void
  /** The connection is over, by whomever it was closed. */
  closed(): void
}

/** Whoever votes at this endpoint. */
export interface VoterReception {
  /** The tree's record, as it is known here, names this endpoint as a voter. */
  readonly isVoter: boolean
  /** Somebody who may, says that it is a voter. */
  arrived(connection: VoterConnection, hello: VoterHello): VoterCaller
  /** One whose word counts calls, and all places are taken: closes a connection of one whose does not. False: there is none. */
  makeRoomFor(voterId: EndpointId): boolean
}

/** Voters that are connected at once: those of one tree, each in two lives, and some that want to become voters. */
export const voterConnectionsMax = 64

export interface VoterGateOptions {
  readonly router: Pick<RouterSocket, "send" | "disconnect">
  readonly authenticator: Authenticator | undefined
  readonly logger: Logger
  /** What a hello asked for could not be done. */
  readonly onFailed: (connection: number, thrown: unknown) => void
}

export class VoterGate {
  /** Undefined: nobody votes here, and callers are refused. */
  reception: VoterReception | undefined
  readonly #o: VoterGateOptions
  /** Undefined while the authenticator thinks. */
  readonly #callers = new Map<number, VoterCaller | undefined>()

  constructor(options: VoterGateOptions) {
    this.#o = options
  }

  /** Whether that connection is a voter's, or is being decided on. */
  has(connection: number): boolean {
    return this.#callers.has(connection)
  }

  /** Throws `BadFrame` for a second hello on one connection. */
  hello(connection: number, remote: string, hello: VoterHello): void {
    if (this.#callers.has(connection)) throw new ZincError("BadFrame", "a second VOTER_HELLO on one connection")
    const id = hello.from?.voterId
    const wrong = this.#wrongWith(hello)
    if (wrong !== undefined || id === undefined) {
      this.#refuse(connection, wrong?.code ?? "BadJoin", wrong?.reason ?? "", wrong?.retryAfterMs)
      return
    }
    this.#callers.set(connection, undefined)
    const decide = (verdict: Verdict) => {
      // It may have gone while the authenticator thought.
      if (!this.#callers.has(connection)) return
      const why = refusal(verdict)
      if (why !== undefined || this.reception === undefined) {
        this.#refuse(connection, "Unauthorized", why ?? "nobody votes here")
        return
      }
      this.#callers.set(connection, this.reception.arrived(this.#connection(connection, remote), hello))
    }
    const { authenticator, logger } = this.#o
    if (authenticator === undefined) {
      decide({ allow: true, grants: { voter: true } })
      return
    }
    const fail = (thrown: unknown) => {
      logger.error("the authenticator failed", { thrown })
      decide({ allow: false, reason: "the host could not decide; ask its operator" })
    }
    try {
      const verdict = authenticator.authenticate({
        id: endpointIdFromBytes(id),
        name: hello.from?.name ?? "",
        token: hello.token,
        tree: hello.tree,
        remote,
      })
      if (verdict instanceof Promise) verdict.then(decide, fail).catch(thrown => this.#o.onFailed(connection, thrown))
      else decide(verdict)
    } catch (thrown) {
      fail(thrown)
    }
  }

  /** What a voter's connection brings after its hello. */
  received(connection: number, control: Control): void {
    this.#callers.get(connection)?.received(control)
  }

  disconnected(connection: number): void {
    const caller = this.#callers.get(connection)
    this.#callers.delete(connection)
    caller?.closed()
  }

  /** The router closes: nothing is sent any more. */
  end(): void {
    this.reception = undefined
    this.#callers.clear()
  }

  #wrongWith(hello: VoterHello): { code: string; reason: string; retryAfterMs?: number } | undefined {
    if (hello.version !== 1) return { code: "VersionMismatch", reason: "this host speaks version 1 of votes" }
    if (hello.from?.voterId.length !== 16) return { code: "BadJoin", reason: "a voter id has sixteen octets" }
    if (this.reception === undefined) return { code: "Refused", reason: "nobody votes here", retryAfterMs: 1000 }
    if (this.#callers.size < voterConnectionsMax) return undefined
    if (this.reception.makeRoomFor(endpointIdFromBytes(hello.from.voterId))) return undefined
    const reason = `this host speaks with at most ${voterConnectionsMax} voters`
    return { code: "Full", reason, retryAfterMs: 1000 }
  }

  #connection(connection: number, remote: string): VoterConnection {
    const { router } = this.#o
    return {
      remote,
      send: frames => this.#callers.has(connection) && router.send(connection, frames),
      close: () => {
        if (!this.#callers.delete(connection)) return
        router.disconnect(connection)
      },
    }
  }

  #refuse(connection: number, code: string, reason: string, retryAfterMs = 0): void {
    const { router } = this.#o
    this.#callers.delete(connection)
    router.send(connection, [
      encodeControl({ case: "refuse", value: { code, reason, retryAfterMs, versionMin: 1, versionMax: 1 } }),
    ])
    router.disconnect(connection)
  }
}

/** Why a caller may not vote; undefined when it may. */
function refusal(verdict: Verdict | undefined): string | undefined {
  if (verdict?.allow !== true) return String(verdict?.reason ?? "the host does not say why")
  return verdict.grants?.voter === true ? undefined : "it may not vote here: it is not granted to be a voter"
}
