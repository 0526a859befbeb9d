/**
 * At a voter below the root: keeps what is written in the tree, so that the next root has it whoever has it open. It asks
 * the root which documents it holds, and opens each as a relay does for someone below: while a document changes it
 * follows, afterwards it is in storage only. Below another root than before it gives what that one lacks, and catches up
 * on the rest, one document after the other.
 *
 *     which? ─ wait ─ these changed ─▶ open, exchange, follow ─ quiet ─▶ storage
 */
import { equalBytes, noBytes } from "../core/bytes.ts"
import { sleep } from "../core/clock.ts"
import { messageOf, ZincError } from "../core/errors.ts"
import type { DocumentPort } from "../endpoint/document-port.ts"
import {
  type DocumentHeldReply,
  DocumentHeldReplySchema,
  DocumentHeldRequestSchema,
  DocumentTopic,
  decodeMessage,
  encodeMessage,
} from "./document-message.ts"
import type { DocumentStore } from "./document-store.ts"
import type { OpenDocuments } from "./open-documents.ts"
import { heldDeadlineMs } from "./reign-answers.ts"

/** Documents that are opened at once because they changed. */
const lanesMax = 4
/** Documents kept open that nobody here or below has open; beyond, the one quiet longest goes to storage. */
const keptOpenMax = 500
/** Catching up pauses this long after each document. */
const paceMs = 20
/** Between two questions when there was nothing to tell. */
const pauseMs = 100
/** After a failure, half as long at least. */
const retryMs = 1_000
/** Documents that are remembered as told of when they cannot be kept. */
const toldMax = 1_000
/** How long one document is waited for before the next has its turn; it goes on by itself. */
const turnMs = 5_000

export interface KeeperOptions {
  readonly port: DocumentPort
  readonly documents: OpenDocuments
  readonly store: () => DocumentStore | undefined
}

export class Keeper {
  readonly #o: KeeperOptions
  #ending: AbortController | undefined
  /** The root's list, and how far it is known. */
  #list: Uint8Array = noBytes
  #after = 0
  /** The list that all there was has been caught up with. */
  #caughtUp: Uint8Array = noBytes
  /** What changed and has not had its turn, with its type. */
  readonly #due = new Map<string, string>()
  #lanes = 0
  /** Documents that are not kept, and were told of. */
  readonly #told = new Set<string>()

  constructor(options: KeeperOptions) {
    this.#o = options
  }

  /** There is a host above. */
  start(): void {
    this.stop()
    const ending = new AbortController()
    this.#ending = ending
    void this.#watch(ending.signal)
    this.#work(ending.signal)
  }

  /** There is none, or this endpoint ends. */
  stop(): void {
    this.#ending?.abort()
    this.#ending = undefined
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { clock, random, logger } = this.#o.port
    let catchingUp = false
    while (!signal.aborted) {
      try {
        const reply = await this.#ask(this.#list, this.#after, true, signal)
        if (signal.aborted) return
        if (!equalBytes(reply.list, this.#list)) {
          this.#list = reply.list
          this.#after = Number(reply.last)
          catchingUp = false
        } else {
          this.#after = Number(reply.through)
          for (const { name, type } of reply.documents) this.#due.set(name, type)
          this.#work(signal)
        }
        if (!catchingUp && !equalBytes(this.#list, this.#caughtUp)) {
          catchingUp = true
          void this.#catchUp(this.#list, signal)
        }
        if (reply.documents.length === 0) await sleep(clock, pauseMs, signal)
      } catch (thrown) {
        if (signal.aborted) return
        logger.debug("which documents to keep could not be asked; it is asked again", { reason: messageOf(thrown) })
        await sleep(clock, retryMs * (0.5 + random.float() / 2), signal).catch(() => {})
      }
    }
  }

  async #ask(list: Uint8Array, after: number, wait: boolean, signal: AbortSignal): Promise<DocumentHeldReply> {
    const question = encodeMessage(DocumentHeldRequestSchema, { list, after: BigInt(after), wait })
    const options = { deadlineMs: heldDeadlineMs, signal }
    return decodeMessage(DocumentHeldReplySchema, await this.#o.port.ask(DocumentTopic.Held, question, options))
  }

  // ---- what changes ----

  #work(signal: AbortSignal): void {
    while (this.#lanes < lanesMax && !signal.aborted) {
      const next = this.#due.entries().next()
      if (next.done) return
      const [name, type] = next.value
      this.#due.delete(name)
      this.#lanes++
      void this.#keep(name, type, signal).finally(() => {
        this.#lanes--
        this.#work(this.#ending?.signal ?? signal)
      })
    }
  }

  async #keep(name: string, type: string, signal: AbortSignal): Promise<void> {
    if (await this.#visit(name, type, signal)) await this.#o.documents.keepOpen(keptOpenMax)
    else if (!this.#due.has(name)) this.#due.set(name, type)
  }

  /** Opens it and waits for the exchange. False when it is to be tried again. */
  async #visit(name: string, type: string, signal: AbortSignal): Promise<boolean> {
    const { port, documents } = this.#o
    const waiting = new AbortController()
    const end = () => waiting.abort()
    signal.addEventListener("abort", end, { once: true })
    const timer = port.clock.after(turnMs, end)
    try {
      await documents.visit(name, type, waiting.signal)
      return true
    } catch (thrown) {
      // What takes long goes on by itself.
      if (waiting.signal.aborted) return !signal.aborted
      await documents.putAway(name)
      const isFull = ZincError.is(thrown) && (thrown.code === "Full" || thrown.retryable)
      this.#tellOnce(name, isFull, thrown)
      if (isFull) await sleep(port.clock, retryMs * (0.5 + port.random.float()), signal).catch(() => {})
      return !isFull
    } finally {
      timer.cancel()
      signal.removeEventListener("abort", end)
    }
  }

  #tellOnce(name: string, isFull: boolean, thrown: unknown): void {
    if (this.#told.has(name)) return
    if (this.#told.size >= toldMax) this.#told.clear()
    this.#told.add(name)
    this.#o.port.logger.warn(`document "${name}" is not kept here${isFull ? " now" : ""}`, {
      reason: messageOf(thrown),
    })
  }

  // ---- another root than before ----

  async #catchUp(list: Uint8Array, signal: AbortSignal): Promise<void> {
    const { port } = this.#o
    while (!signal.aborted && equalBytes(list, this.#list)) {
      try {
        await this.#compareAll(list, signal)
        return
      } catch (thrown) {
        if (signal.aborted) return
        port.logger.warn("catching up on documents is tried again", { reason: messageOf(thrown) })
        await sleep(port.clock, retryMs * (0.5 + port.random.float() / 2), signal).catch(() => {})
      }
    }
  }

  async #compareAll(list: Uint8Array, signal: AbortSignal): Promise<void> {
    const { port, documents, store } = this.#o
    const held = await this.#allHeld(list, signal)
    if (held === undefined) return
    const own: [string, string][] = []
    for await (const name of store()?.names() ?? []) {
      if (held.has(name) || documents.get(name) !== undefined) continue
      const type = (await store()?.load(name))?.type
      if (type !== undefined) own.push([name, type])
    }
    // What the root does not have comes first: it may be asked for it.
    for (const [name, type] of [...own, ...held]) {
      // What is open is compared at each baseline.
      if (documents.get(name) !== undefined) continue
      const isDone = await this.#visit(name, type, signal)
      if (signal.aborted) return
      if (!isDone) this.#due.set(name, type)
      await documents.putAway(name)
      await sleep(port.clock, paceMs, signal)
    }
    this.#caughtUp = list
    this.#work(signal)
  }

  /** All documents of that list, with their types; undefined when there is another list now. */
  async #allHeld(list: Uint8Array, signal: AbortSignal): Promise<Map<string, string> | undefined> {
    const held = new Map<string, string>()
    let until: number | undefined
    for (let after = 0; ; ) {
      const reply = await this.#ask(list, after, false, signal)
      if (!equalBytes(reply.list, list)) return undefined
      until ??= Number(reply.last)
      for (const { name, type } of reply.documents) held.set(name, type)
      after = Number(reply.through)
      if (after >= until) return held
    }
  }
}
