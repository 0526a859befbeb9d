/**
 * What a program hands to a socket, checked at the door: TypeScript keeps texts and numbers out, plain JavaScript does not,
 * and behind the door octets are copied unseen. One `instanceof` for each frame, which costs next to nothing.
 */
import { kindOf } from "../../../core/arguments.ts"
import { ZincError } from "../../../core/errors.ts"

/** A message is a list of at least one frame, and each is a Uint8Array (a Buffer is one). Throws `BadOption`. */
export function checkFrames(frames: readonly Uint8Array[]): void {
  // What nearly every message is. `instanceof` is what the engine compiles best; asking for a prototype costs thrice as much.
  if (frames?.length === 1 && frames[0] instanceof Uint8Array) return
  checkAll(frames)
}

function checkAll(frames: readonly Uint8Array[]): void {
  const count = frames?.length ?? 0
  for (let i = 0; i < count; i++) {
    const frame: unknown = frames[i]
    if (frame instanceof Uint8Array) continue
    if (!Array.isArray(frames)) throw noList(frames)
    checkOctets(count === 1 ? "a frame" : `frame ${i} of ${count}`, frame)
  }
  if (count > 0) return
  if (!Array.isArray(frames)) throw noList(frames)
  throw new ZincError("BadOption", "a message has at least one frame; an empty one is new Uint8Array(0)")
}

/** Octets are a Uint8Array, also one of another realm (node:vm). `what` names them. Throws `BadOption`. */
export function checkOctets(what: string, given: unknown): void {
  if (given instanceof Uint8Array) return
  if (ArrayBuffer.isView(given) && Object.prototype.toString.call(given) === "[object Uint8Array]") return
  throw new ZincError("BadOption", `${what} must be a Uint8Array, not ${kindOf(given)}; encode text with TextEncoder`)
}

function noList(given: unknown): ZincError {
  const advice = "give a list of frames: send([frame])"
  return new ZincError("BadOption", `a message must be an array of Uint8Array, not ${kindOf(given)}; ${advice}`)
}
