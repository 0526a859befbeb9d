/**
 * When a program may end. An open socket alone does not keep a process alive; a wait does: for a message, for room, for
 * an event, for a bind. At the end what is still queued is sent first, for as long as each socket may linger. Whoever calls
 * `process.exit` lets nothing wait: what was sent in the same turn is given to the system then, as far as it takes it at once.
 */
import { systemClock, type Timer } from "../core/clock.ts"

/** A socket that may have something to send when the program has nothing left to do. */
export interface Lingering {
  /** Messages that are queued, and worth waiting for. */
  readonly unsent: number
  /** Whether it lingers because its context says so. */
  readonly isBlocky: boolean
  close(): void
  /** Gives the system what it takes at once. */
  flush(): void
}

/** Longer than any timer of the platform's need be. */
const foreverMs = 0x7fff_ffff
/** How long the end is held up before we say why. */
const patienceMs = 300

const open = new Set<Lingering>()
/** These, and those that are closed and linger. */
const sending = new Set<Lingering>()
let waits = 0
let keeper: Timer | undefined
let listening = false
let warned: Timer | undefined

/** Something is waited for. */
export function hold(): void {
  if (waits++ === 0) keeper = systemClock.every(foreverMs, () => {})
}
/** It has come, or will not. */
export function release(): void {
  if (--waits > 0) return
  keeper?.cancel()
  warned?.cancel()
}

/** The socket is open, and has something to send now and then. */
export function opened(socket: Lingering): void {
  open.add(socket)
  sending.add(socket)
  if (listening) return
  listening = true
  process.on("exit", () => {
    for (const socket of sending) socket.flush()
  })
  process.on("beforeExit", () => {
    const unsent = [...open].filter(one => one.unsent > 0)
    if (unsent.length === 0) return
    for (const socket of unsent) socket.close()
    const isBlocky = unsent.some(one => one.isBlocky)
    warned = systemClock.after(patienceMs, () => warn(isBlocky))
  })
}
export function closed(socket: Lingering): void {
  open.delete(socket)
}
/** It has sent what it will. */
export function sent(socket: Lingering): void {
  sending.delete(socket)
}

function warn(isBlocky: boolean): void {
  const advice = isBlocky ? " Set 'context.blocky = false' to change this behaviour." : ""
  process.stderr.write(`(node:${process.pid}) WARNING: Waiting for queued ZeroMQ messages to be delivered.${advice}\n`)
}
