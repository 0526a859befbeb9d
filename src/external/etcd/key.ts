/** Keys and values as etcd's gateway writes them: base64, and 64-bit numbers as texts. */
import { fromUtf8, utf8 } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"

export interface EtcdEntry {
  readonly key: string
  readonly value: Uint8Array
  /** The store's change that last wrote it. */
  readonly modRevision: bigint
  /** The lease it ends with; 0 for none. */
  readonly lease: bigint
}

export function base64(value: string | Uint8Array): string {
  const bytes = typeof value === "string" ? utf8(value) : value
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64")
}

/** The first key after all that begin with this one, which ends in an ASCII character. */
export function prefixEnd(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)
}

/** Throws `BadFrame`. */
export function entryOf(kv: unknown): EtcdEntry {
  const { key, value = "", mod_revision, lease = "0" } = (kv ?? {}) as Record<string, unknown>
  if (typeof key !== "string" || typeof value !== "string") throw badEntry()
  return {
    key: fromUtf8(Buffer.from(key, "base64")),
    value: new Uint8Array(Buffer.from(value, "base64")),
    modRevision: revisionOf(mod_revision),
    lease: revisionOf(lease),
  }
}

export function revisionOf(text: unknown): bigint {
  if (typeof text !== "string" || !/^-?\d{1,20}$/.test(text)) throw badEntry()
  return BigInt(text)
}

/** The store's revision as of an answer. */
export function revisionOfHeader(answer: Record<string, unknown>): bigint {
  return revisionOf((answer.header as { revision?: unknown } | undefined)?.revision)
}

function badEntry(): ZincError {
  return new ZincError("BadFrame", "an entry without key or revision from what should be etcd")
}
