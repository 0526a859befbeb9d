/**
 * The box of libsodium. As WebAssembly, by the optional package `libsodium-wrappers`, it is several times faster than plain
 * JavaScript; work is done inside its memory, in place, so that nothing is allocated or marshalled per message. Where
 * `sodium-native` is installed too, long messages go to its machine code, which is faster still but dear to call.
 */
import { copyOf } from "../../../core/bytes.ts"
import { ZincError } from "../../../core/errors.ts"
import { type Box, keyBytes, nonceBytes, tagBytes } from "./box.ts"
import { nobleBox } from "./noble-box.ts"

/** What we use of the module inside `libsodium-wrappers`. Numbers are places in its memory; lengths come in two halves. */
interface Sodium {
  readonly HEAPU8: Uint8Array
  _malloc(bytes: number): number
  _crypto_scalarmult_base(publicKey: number, secretKey: number): number
  _crypto_box_beforenm(shared: number, publicKey: number, secretKey: number): number
  _crypto_secretbox_easy(to: number, from: number, low: number, high: number, nonce: number, key: number): number
  _crypto_secretbox_open_easy(to: number, from: number, low: number, high: number, nonce: number, key: number): number
}

/** What we use of `sodium-native`. Octets may be covered in place. */
interface Native {
  crypto_secretbox_easy(to: Uint8Array, from: Uint8Array, nonce: Uint8Array, key: Uint8Array): void
  crypto_secretbox_open_easy(to: Uint8Array, from: Uint8Array, nonce: Uint8Array, key: Uint8Array): boolean
}

/** From this length on machine code wins over WebAssembly, its dearer call included (measured). */
const nativeBytes = 640

/** Most that is sealed or opened in libsodium's memory, which never shrinks; what is larger goes the plain way. */
const workspaceMax = 1024 * 1024

export class SodiumBox implements Box {
  readonly name: string
  readonly directBytes: number
  readonly #sodium: Sodium
  readonly #native: Native | undefined
  /** Three keys' room, then a nonce. */
  readonly #keysAt: number
  readonly #nonceAt: number
  #workspaceAt = 0
  #workspaceBytes = 0
  #workspace: Uint8Array = new Uint8Array(0)
  /** The key that is in place now. */
  #key: Uint8Array | undefined

  private constructor(sodium: Sodium, native: Native | undefined) {
    this.name = native === undefined ? "sodium" : "sodium with native"
    this.directBytes = native === undefined ? Number.POSITIVE_INFINITY : nativeBytes
    this.#sodium = sodium
    this.#native = native
    this.#keysAt = sodium._malloc(3 * keyBytes + nonceBytes)
    this.#nonceAt = this.#keysAt + 3 * keyBytes
  }

  /**
   * Rejects with `MissingPackage` where `libsodium-wrappers`, or WebAssembly, is not to be had. `native: false` leaves
   * `sodium-native` aside.
   */
  static async load(options: { readonly native?: boolean } = {}): Promise<Box> {
    const native = options.native === false ? undefined : await loadNative()
    try {
      const { default: wrappers } = (await import("libsodium-wrappers")) as unknown as {
        default: { readonly ready: Promise<void>; readonly libsodium: Sodium }
      }
      await wrappers.ready
      const box = new SodiumBox(wrappers.libsodium, native)
      box.#prove()
      return box
    } catch (cause) {
      throw new ZincError("MissingPackage", "libsodium cannot be had here: npm install libsodium-wrappers", { cause })
    }
  }

  publicKeyOf(secretKey: Uint8Array): Uint8Array {
    const { HEAPU8 } = this.#sodium
    const at = this.#keysAt
    HEAPU8.set(secretKey, at + keyBytes)
    this.#sodium._crypto_scalarmult_base(at, at + keyBytes)
    return this.#take()
  }

  sharedKey(publicKey: Uint8Array, secretKey: Uint8Array): Uint8Array | undefined {
    const { HEAPU8 } = this.#sodium
    const at = this.#keysAt
    HEAPU8.set(publicKey, at + keyBytes)
    HEAPU8.set(secretKey, at + 2 * keyBytes)
    const status = this.#sodium._crypto_box_beforenm(at, at + keyBytes, at + 2 * keyBytes)
    const shared = this.#take()
    return status === 0 ? shared : undefined
  }

  workspace(bytes: number): Uint8Array {
    if (bytes > workspaceMax) return nobleBox.workspace(bytes)
    if (this.#workspaceBytes < bytes) {
      // At most five times in a process: what is left behind is smaller than what is made.
      const size = Math.min(workspaceMax, Math.max(64 * 1024, 2 ** Math.ceil(Math.log2(bytes))))
      this.#workspaceAt = this.#sodium._malloc(size)
      if (this.#workspaceAt === 0) return nobleBox.workspace(bytes)
      this.#workspaceBytes = size
    }
    const { buffer } = this.#sodium.HEAPU8
    // The memory moves when it grows, by whomever.
    if (this.#workspace.buffer !== buffer || this.#workspace.length !== this.#workspaceBytes) {
      this.#workspace = new Uint8Array(buffer, this.#workspaceAt, this.#workspaceBytes)
    }
    return this.#workspace
  }

  seal(key: Uint8Array, nonce: Uint8Array, bytes: Uint8Array, at: number, end: number): void {
    const native = this.#native
    if (native !== undefined && (end - at >= nativeBytes || bytes !== this.#workspace)) {
      native.crypto_secretbox_easy(bytes.subarray(at, end), bytes.subarray(at + tagBytes, end), nonce, key)
      return
    }
    if (bytes !== this.#workspace) {
      nobleBox.seal(key, nonce, bytes, at, end)
      return
    }
    this.#place(key, nonce)
    const to = this.#workspaceAt + at
    const length = end - at - tagBytes
    this.#sodium._crypto_secretbox_easy(to, to + tagBytes, length, 0, this.#nonceAt, this.#keysAt)
  }

  open(key: Uint8Array, nonce: Uint8Array, bytes: Uint8Array, at: number, end: number): boolean {
    if (end - at < tagBytes) return false
    const native = this.#native
    if (native !== undefined && (end - at >= nativeBytes || bytes !== this.#workspace)) {
      return native.crypto_secretbox_open_easy(bytes.subarray(at + tagBytes, end), bytes.subarray(at, end), nonce, key)
    }
    if (bytes !== this.#workspace) return nobleBox.open(key, nonce, bytes, at, end)
    this.#place(key, nonce)
    const from = this.#workspaceAt + at
    return (
      this.#sodium._crypto_secretbox_open_easy(from + tagBytes, from, end - at, 0, this.#nonceAt, this.#keysAt) === 0
    )
  }

  openTo(
    key: Uint8Array,
    nonce: Uint8Array,
    bytes: Uint8Array,
    at: number,
    end: number,
    into: Uint8Array,
    to: number,
  ): boolean {
    const opened = into.subarray(to, to + end - at - tagBytes)
    return this.#native!.crypto_secretbox_open_easy(opened, bytes.subarray(at, end), nonce, key)
  }

  #place(key: Uint8Array, nonce: Uint8Array): void {
    const { HEAPU8 } = this.#sodium
    if (this.#key !== key) {
      HEAPU8.set(key, this.#keysAt)
      this.#key = key
    }
    const at = this.#nonceAt
    for (let i = 0; i < nonceBytes; i++) HEAPU8[at + i] = nonce[i]!
  }

  /** The first key's room, copied out; then all three are wiped. */
  #take(): Uint8Array {
    const { HEAPU8 } = this.#sodium
    const key = copyOf(HEAPU8, this.#keysAt, this.#keysAt + keyBytes)
    HEAPU8.fill(0, this.#keysAt, this.#keysAt + 3 * keyBytes)
    this.#key = undefined
    return key
  }

  /** It must do what the plain one does, short and long: the way we call it is no promise of its package. */
  #prove(): void {
    for (const length of [40, 2 * nativeBytes]) this.#proveOf(length)
  }

  #proveOf(length: number): void {
    const key = new Uint8Array(keyBytes).fill(7)
    const nonce = new Uint8Array(nonceBytes).fill(9)
    const ours = new Uint8Array(tagBytes + length).fill(1)
    nobleBox.seal(key, nonce, ours, 0, ours.length)
    const theirs = this.workspace(ours.length)
    theirs.fill(1, 0, ours.length)
    this.seal(key, nonce, theirs, 0, ours.length)
    for (let i = 0; i < ours.length; i++) if (ours[i] !== theirs[i]) throw new Error("libsodium seals otherwise")
    theirs[3]! ^= 1
    if (this.open(key, nonce, theirs, 0, ours.length)) throw new Error("libsodium takes a forgery")
    if (ours.length >= this.directBytes) {
      const opened = new Uint8Array(length)
      if (!this.openTo(key, nonce, ours, 0, ours.length, opened, 0) || opened.some(octet => octet !== 1)) {
        throw new Error("libsodium does not open what it should")
      }
      if (this.openTo(key, nonce, theirs, 0, ours.length, opened, 0)) throw new Error("libsodium takes a forgery")
    }
    this.#key = undefined
  }
}

async function loadNative(): Promise<Native | undefined> {
  try {
    // The name is not written where bundlers look: it is for Node, and optional.
    const name = "sodium-native"
    return ((await import(name)) as { default: Native }).default
  } catch {
    return undefined
  }
}
