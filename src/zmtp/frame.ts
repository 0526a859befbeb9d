/**
 * The frame of ZMTP 3: a flags octet, a size of one octet or (LONG) eight, then the body.
 *
 *   flags: bit 0 MORE, another frame of this message follows · bit 1 LONG · bit 2 COMMAND · others are ignored
 */
export const Flag = { More: 1, Long: 2, Command: 4 } as const

/** Bodies longer than this need a LONG header. */
export const shortBodyMax = 255
export const shortHeaderBytes = 2
export const longHeaderBytes = 9

/** Octets a frame takes on the wire. */
export function frameBytes(bodyBytes: number): number {
  return bodyBytes > shortBodyMax ? bodyBytes + longHeaderBytes : bodyBytes + shortHeaderBytes
}

/** Writes a header for `bodyBytes` at `at`, with LONG as needed. Returns where the body goes. */
export function writeHeader(into: Uint8Array, at: number, flags: number, bodyBytes: number): number {
  if (bodyBytes <= shortBodyMax) {
    into[at] = flags
    into[at + 1] = bodyBytes
    return at + shortHeaderBytes
  }
  into[at] = flags | Flag.Long
  // Sizes are below 2⁵³, so the upper half needs a division, not a shift.
  const high = bodyBytes > 0xffff_ffff ? Math.floor(bodyBytes / 0x1_0000_0000) : 0
  into[at + 1] = high >>> 24
  into[at + 2] = high >>> 16
  into[at + 3] = high >>> 8
  into[at + 4] = high
  into[at + 5] = bodyBytes >>> 24
  into[at + 6] = bodyBytes >>> 16
  into[at + 7] = bodyBytes >>> 8
  into[at + 8] = bodyBytes
  return at + longHeaderBytes
}

/** Below this a loop beats the call that `set` is. */
const loopBytes = 24

/** Copies all `size` octets of `from` to `at`. */
export function copyInto(into: Uint8Array, at: number, from: Uint8Array, size: number): void {
  if (size <= loopBytes) for (let i = 0; i < size; i++) into[at + i] = from[i]!
  else into.set(from, at)
}

/** Octets a whole message takes on the wire. */
export function messageBytes(frames: readonly Uint8Array[]): number {
  let total = 0
  for (let i = 0; i < frames.length; i++) total += frameBytes(frames[i]!.length)
  return total
}

/** A whole message as wire octets, for tests and for messages sent rarely. */
export function encodeMessage(frames: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(messageBytes(frames))
  let at = 0
  for (let i = 0; i < frames.length; i++) {
    const frame = frames[i]!
    at = writeHeader(bytes, at, i < frames.length - 1 ? Flag.More : 0, frame.length)
    bytes.set(frame, at)
    at += frame.length
  }
  return bytes
}

/** A command frame around `body`. */
export function encodeCommandFrame(body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(frameBytes(body.length))
  bytes.set(body, writeHeader(bytes, 0, Flag.Command, body.length))
  return bytes
}
