/**
 * The mask of WebSocket, put on and taken off alike: each octet is combined with the next of the key's four. What is long
 * goes a word at a time, which costs a sixth of going octet by octet (measured at 64 KiB).
 */

/** Below this many octets the way to words costs more than it saves. */
const wordsFrom = 64

const scratch = new Uint8Array(4)
const scratchWord = new Uint32Array(scratch.buffer)

/** The words of the memory that was masked last: long runs of messages lie in the same. */
let viewed: ArrayBufferLike | undefined
let words: Uint32Array = new Uint32Array(0)

/** Masks [start, end) in place; `phase` is the place in the key that the first octet has, 0 to 3. */
export function applyMask(bytes: Uint8Array, start: number, end: number, key: Uint8Array, phase: number): void {
  let at = start
  let place = phase
  if (end - start >= wordsFrom) {
    while (((bytes.byteOffset + at) & 3) !== 0) bytes[at++]! ^= key[place++ & 3]!
    for (let i = 0; i < 4; i++) scratch[i] = key[(place + i) & 3]!
    const mask = scratchWord[0]!
    const view = wordsOf(bytes.buffer)
    const count = (end - at) >>> 2
    let word = (bytes.byteOffset + at) >>> 2
    const stop = word + count
    for (const last = stop - 3; word < last; word += 4) {
      view[word]! ^= mask
      view[word + 1]! ^= mask
      view[word + 2]! ^= mask
      view[word + 3]! ^= mask
    }
    for (; word < stop; word++) view[word]! ^= mask
    at += count * 4
  }
  for (; at < end; at++) bytes[at]! ^= key[place++ & 3]!
}

function wordsOf(buffer: ArrayBufferLike): Uint32Array {
  if (viewed !== buffer) {
    viewed = buffer
    words = new Uint32Array(buffer, 0, buffer.byteLength >>> 2)
  }
  return words
}
