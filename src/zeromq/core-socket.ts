/** The engine's socket behind each of ours, and its options as the engine wants them. */

import { guestClock } from "../core/clock.ts"
import type { Carrier, StreamTuning } from "../transport/carrier.ts"
import {
  Dealer,
  Pair,
  type PatternSocket,
  type PatternSocketOptions,
  Pub,
  Pull,
  Push,
  ReceivingSocket,
  Rep,
  Req,
  Router,
  Stream,
  Sub,
  XPub,
  XSub,
} from "../transport/zmtp/index.ts"
import type { Security } from "../zmtp/index.ts"
import type { Context } from "./context.ts"
import type { OptionBag } from "./option-bag.ts"
import { Type } from "./option-table.ts"
import { securityOf } from "./security.ts"

export type CoreSocket = Pair | Pub | Sub | Req | Rep | Dealer | Router | Pull | Push | XPub | XSub | Stream
/** One that sends. */
export type SendingCore = PatternSocket & { send(frames: readonly Uint8Array[]): boolean }

const classes: Readonly<Record<number, new (options: PatternSocketOptions) => CoreSocket>> = {
  [Type.Pair]: Pair,
  [Type.Publisher]: Pub,
  [Type.Subscriber]: Sub,
  [Type.Request]: Req,
  [Type.Reply]: Rep,
  [Type.Dealer]: Dealer,
  [Type.Router]: Router,
  [Type.Pull]: Pull,
  [Type.Push]: Push,
  [Type.XPublisher]: XPub,
  [Type.XSubscriber]: XSub,
  [Type.Stream]: Stream,
}

/** Received frames are Buffers from the first. */
function bufferOver(octets: Uint8Array, start: number, end: number): Buffer {
  return Buffer.from(octets.buffer, octets.byteOffset + start, end - start)
}

export function isKnownType(type: number): boolean {
  return Object.hasOwn(classes, type)
}

export function openCore(type: number, options: PatternSocketOptions): CoreSocket {
  return new classes[type]!(options)
}

/** Whether a read would give something now. */
export function isReadable(core: CoreSocket): core is CoreSocket & ReceivingSocket {
  return core instanceof ReceivingSocket && core.waiting > 0 && !(core instanceof Rep && core.isAnswering)
}

/** Whether a read, or a write, is out of turn. */
export function isOutOfTurn(core: CoreSocket, what: "send" | "receive"): boolean {
  if (core instanceof Req) return core.isAwaiting === (what === "send")
  return core instanceof Rep && core.isAnswering === (what === "receive")
}

/** In seconds, −1 for the system's own. */
function keepAliveOf(idle: number, interval: number, count: number): StreamTuning {
  return {
    keepAliveMs: Math.max(0, idle) * 1_000,
    ...(interval > 0 && { keepAliveIntervalMs: interval * 1_000 }),
    ...(count > 0 && { keepAliveProbes: count }),
  }
}

/** Reads the options each time the engine does, so that those that may change take effect. */
export function engineOptions(bag: OptionBag, context: Context, carriers: readonly Carrier[]): PatternSocketOptions {
  const bool = (id: number) => bag.value<boolean>(id)
  const number = (id: number) => bag.value<number>(id)
  const octets = (id: number) => {
    const text = bag.value<string | null>(id)
    return text === null ? undefined : Buffer.from(text)
  }
  let security: Security | undefined
  let securedAt = -1
  const options = {
    carriers,
    /** Made anew only when an option has changed, for some of it takes time. */
    get security() {
      if (securedAt !== bag.version) security = securityOf(bag, carriers)
      securedAt = bag.version
      return security
    },
    clock: guestClock,
    frameView: bufferOver,
    get sendLimits() {
      return { messages: number(23), bytes: 0 }
    },
    get receiveHighWaterMark() {
      return number(24)
    },
    get maxMessageBytes() {
      return number(22) < 0 ? Number.POSITIVE_INFINITY : number(22)
    },
    get connectTimeoutMs() {
      return number(79)
    },
    get handshakeTimeoutMs() {
      return number(66)
    },
    get heartbeat() {
      const intervalMs = number(75)
      if (intervalMs <= 0) return undefined
      return { intervalMs, timeoutMs: number(77) < 0 ? intervalMs : number(77), ttlMs: number(76) }
    },
    get reconnect() {
      const initialMs = number(18)
      return initialMs < 0 ? false : { initialMs, maxMs: number(21) || initialMs }
    },
    get lingerMs() {
      return number(17) < 0 ? Number.POSITIVE_INFINITY : number(17)
    },
    get immediate() {
      return bool(39)
    },
    get identity() {
      return octets(5)
    },
    get tuning() {
      return {
        backlog: number(19),
        ipv6: bool(42) || context.ipv6,
        background: true,
        ...(number(34) === 1 && keepAliveOf(number(36), number(37), number(35))),
        ...(number(57) > 0 && { typeOfService: number(57) }),
      }
    },
    get conflate() {
      return bool(54)
    },
    get probeRouter() {
      return bool(51)
    },
    get mandatory() {
      return bool(33)
    },
    get handover() {
      return bool(56)
    },
    get correlate() {
      return bool(52)
    },
    get relaxed() {
      return bool(53)
    },
    get verbose() {
      return bool(40)
    },
    get verboser() {
      return bool(78)
    },
    get manual() {
      return bool(71)
    },
    get lastValue() {
      return bool(98)
    },
    get noDrop() {
      return bool(69)
    },
    get welcome() {
      return octets(72)
    },
    get invertMatching() {
      return bool(74)
    },
    get notify() {
      return bool(73)
    },
  }
  // Absent and undefined are the same to the engine where it reads.
  return options as unknown as PatternSocketOptions
}
