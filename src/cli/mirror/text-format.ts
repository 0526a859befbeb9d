/**
 * Between the octets of a file and the text of a document. A byte order mark and Windows line ends belong to the file:
 * the document holds neither, and the file keeps what it had, so that one document can be mirrored by an editor on
 * Windows and one on Linux. A file whose line ends are mixed is taken as it is.
 */
import { ZincError } from "../../core/index.ts"

export interface TextFormat {
  /** The file begins with EF BB BF. */
  readonly byteOrderMark: boolean
  /** Every line of the file ends with CR LF. */
  readonly windowsLines: boolean
}

/** What a new file gets. */
export const plainFormat: TextFormat = { byteOrderMark: false, windowsLines: false }

export interface DecodedText {
  readonly text: string
  readonly format: TextFormat
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

/** Reads a file's octets. Throws `BadFile` for what is no UTF-8 text; `path` is for messages. */
export function decodeText(bytes: Uint8Array, path: string): DecodedText {
  const zero = bytes.indexOf(0)
  if (zero !== -1)
    throw new ZincError(
      "BadFile",
      `${path} is binary (a zero octet at ${zero}); only UTF-8 text can be mirrored${looksLikeUtf16(bytes) ? ", this looks like UTF-16: save it as UTF-8" : ""}`,
    )
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch {
    throw new ZincError("BadFile", `${path} is not UTF-8 text; save it as UTF-8, or mirror another file`)
  }
  const byteOrderMark = text.startsWith("\ufeff")
  if (byteOrderMark) text = text.slice(1)
  const windowsLines = /\r\n/.test(text) && !/(^|[^\r])\n|\r(?!\n)/.test(text)
  return { text: windowsLines ? text.replaceAll("\r\n", "\n") : text, format: { byteOrderMark, windowsLines } }
}

/** The octets to write. Throws `BadFile` for a text that no file can hold so that it could be read again. */
export function encodeText(text: string, format: TextFormat, path: string): Uint8Array {
  if (text.includes("\0"))
    throw new ZincError(
      "BadFile",
      `the document holds a zero character and cannot be written to ${path} as text; remove it from the document`,
    )
  const lines = format.windowsLines ? text.replace(/\r?\n/g, "\r\n") : text
  return encoder.encode(format.byteOrderMark ? `\ufeff${lines}` : lines)
}

function looksLikeUtf16(bytes: Uint8Array): boolean {
  return (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)
}
