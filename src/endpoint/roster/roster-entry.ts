/** One endpoint as the roster knows it, and that in a message and back. */
import { utf8Prefix } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"
import { type EndpointId, endpointIdFromBytes, endpointIdToBytes } from "../../core/id.ts"
import type { RosterEntryMessage, RosterEntryShape } from "../../message/control.ts"
import type { Rates } from "./traffic.ts"

/** What an endpoint says of itself, and its host of it. */
export interface Standing {
  readonly id: EndpointId
  readonly name: string
  readonly role: "root" | "relay" | "client"
  /** It is one of the voters that choose the root, as far as it knows. */
  readonly isVoter: boolean
  /** The host it is a client of; undefined at the root. */
  readonly parent: EndpointId | undefined
  /** Where it may be dialled; empty for a client. */
  readonly addresses: readonly string[]
  readonly epoch: number
  /** Clients it hosts. */
  readonly clients: number
  readonly rates: Rates
  /** The longest its event loop stood still since it spoke before, in milliseconds. */
  readonly loopLagMs: number
  /** Of the package it runs; empty when it has said nothing of itself. */
  readonly version: string
  /** As its host sees it. */
  readonly state: "up" | "degraded" | "away"
  /** How far its host sees it behind, in milliseconds. */
  readonly queueLagMs: number
  /** Round trip of its last heartbeat, in milliseconds, as its host measured it; undefined when not known. */
  readonly roundTripMs: number | undefined
  /** How often it has been attached since it opened; 0 until it has said so. */
  readonly attach: number
  /** How often it has spoken of itself. */
  readonly clock: number
  /** When it spoke last, by the clock of whoever keeps this. */
  readonly seenAt: number
}

/** Octets of an address or a version, and addresses of one endpoint; more is cut off. */
const textBytesMax = 256
const addressesMax = 8
const nameBytesMax = 64

export function standingToMessage(standing: Standing, now: number): RosterEntryShape {
  const { rates } = standing
  return {
    endpointId: endpointIdToBytes(standing.id),
    name: standing.name,
    role: standing.role,
    voter: standing.isVoter,
    parent: standing.parent === undefined ? new Uint8Array(0) : endpointIdToBytes(standing.parent),
    addresses: standing.addresses.slice(0, addressesMax),
    epoch: standing.epoch,
    attach: BigInt(standing.attach),
    clock: BigInt(standing.clock),
    clients: standing.clients,
    messagesIn: rates.messagesIn,
    messagesOut: rates.messagesOut,
    bytesIn: BigInt(rates.bytesIn),
    bytesOut: BigInt(rates.bytesOut),
    loopLagMs: standing.loopLagMs,
    version: standing.version,
    state: standing.state,
    queueLagMs: whole(standing.queueLagMs),
    roundTripUs: standing.roundTripMs === undefined ? 0 : Math.max(1, whole(standing.roundTripMs * 1000)),
    ageMs: whole(now - standing.seenAt),
  }
}

/** Throws `BadFrame` for what is no endpoint. */
export function standingFromMessage(message: RosterEntryMessage, now: number): Standing {
  const { endpointId, parent, role, state, roundTripUs } = message
  if (endpointId.length !== 16 || (parent.length !== 16 && parent.length !== 0))
    throw new ZincError("BadFrame", "a peer sent a roster entry without a sound id")
  return {
    id: endpointIdFromBytes(endpointId),
    name: utf8Prefix(message.name, nameBytesMax),
    role: role === "root" || role === "relay" ? role : "client",
    isVoter: message.voter,
    parent: parent.length === 0 ? undefined : endpointIdFromBytes(parent),
    addresses: message.addresses.slice(0, addressesMax).map(each => utf8Prefix(each, textBytesMax)),
    epoch: message.epoch,
    clients: message.clients,
    rates: {
      messagesIn: message.messagesIn,
      messagesOut: message.messagesOut,
      bytesIn: Number(message.bytesIn),
      bytesOut: Number(message.bytesOut),
    },
    loopLagMs: message.loopLagMs,
    version: utf8Prefix(message.version, textBytesMax),
    state: state === "away" || state === "degraded" ? state : "up",
    queueLagMs: message.queueLagMs,
    roundTripMs: roundTripUs === 0 ? undefined : roundTripUs / 1000,
    attach: Number(message.attach),
    clock: Number(message.clock),
    seenAt: now - message.ageMs,
  }
}

function whole(value: number): number {
  return Math.min(0xffff_ffff, Math.max(0, Math.round(value)))
}
