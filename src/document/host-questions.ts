/** What a replica asks of the host above about one document: compare, give me that, take this. */

import type { ErrorCode } from "../core/errors.ts"
import { ZincError } from "../core/errors.ts"
import type { DocumentPort } from "../endpoint/document-port.ts"
import {
  DocumentPullSchema,
  DocumentPushReplySchema,
  DocumentPushSchema,
  type DocumentSyncReply,
  DocumentSyncReplySchema,
  DocumentSyncRequestSchema,
  DocumentTopic,
  type DocumentTransfer,
  decodeMessage,
  encodeMessage,
  pieceBytes,
  type Refusal,
} from "./document-message.ts"

/** Pieces of one transfer asked for ahead. */
const pullAhead = 4

export interface HostQuestionsOptions {
  readonly port: DocumentPort
  readonly name: string
  readonly type: string
  readonly maxDocumentBytes: number
}

export class HostQuestions {
  readonly #o: HostQuestionsOptions

  constructor(options: HostQuestionsOptions) {
    this.#o = options
  }

  /** What the host has, and what a holder of that version lacks; or why it does not say. */
  async sync(version: Uint8Array, signal: AbortSignal): Promise<DocumentSyncReply> {
    const { port, name, type } = this.#o
    const question = encodeMessage(DocumentSyncRequestSchema, { name, type, version })
    return decodeMessage(DocumentSyncReplySchema, await port.ask(DocumentTopic.Sync, question, { signal }))
  }

  /** The fragments of a transfer. Throws `TooLarge`, or `Lost` when the host no longer has it. */
  async pull(transfer: DocumentTransfer, signal: AbortSignal): Promise<Uint8Array[]> {
    const { port, name, maxDocumentBytes } = this.#o
    const lengths = transfer.fragments.map(Number)
    const size = lengths.reduce((sum, length) => sum + length, 0)
    if (!(size <= maxDocumentBytes)) {
      throw new ZincError("TooLarge", `document "${name}" has ${size} octets; raise maxDocumentBytes to hold it`)
    }
    const whole = new Uint8Array(size)
    const pieceAt = async (offset: number) => {
      const piece = await port.ask(
        DocumentTopic.Pull,
        encodeMessage(DocumentPullSchema, { transfer: transfer.id, offset: BigInt(offset), length: pieceBytes }),
        { signal },
      )
      if (piece.length !== Math.min(pieceBytes, size - offset)) {
        throw new ZincError("Lost", `the host no longer offers document "${name}"`, { retryable: true })
      }
      whole.set(piece, offset)
    }
    const starts = Array.from({ length: Math.ceil(size / pieceBytes) }, (_, i) => i * pieceBytes)
    const next = starts.values()
    const lanes = Array.from({ length: Math.min(pullAhead, starts.length) }, async () => {
      for (const start of next) await pieceAt(start)
    })
    await Promise.all(lanes)
    const fragments: Uint8Array[] = []
    let at = 0
    for (const length of lengths) {
      fragments.push(whole.subarray(at, at + length))
      at += length
    }
    return fragments
  }

  /** Gives a fragment in pieces. Returns why the host will not have it, if so; throws what is to be tried again. */
  async push(fragment: Uint8Array, signal: AbortSignal): Promise<Refusal | undefined> {
    const { port, name, type } = this.#o
    const transfer = BigInt(port.random.u32())
    for (let offset = 0; offset < fragment.length; offset += pieceBytes) {
      const piece = encodeMessage(DocumentPushSchema, {
        name,
        type,
        transfer,
        size: BigInt(fragment.length),
        offset: BigInt(offset),
        piece: fragment.subarray(offset, offset + pieceBytes),
      })
      const reply = decodeMessage(DocumentPushReplySchema, await port.ask(DocumentTopic.Push, piece, { signal }))
      if (reply.refusal === undefined) continue
      const { reason, retryAfterMs } = reply.refusal
      const code = reply.refusal.code as ErrorCode
      if (retryAfterMs === 0) return { code, reason }
      throw new ZincError(code, reason, { retryable: true, retryAfterMs })
    }
    return undefined
  }
}
