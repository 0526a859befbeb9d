/**
 * Documents that nobody keeps open, in a tree with voters: somebody opens one, writes a word, and closes it; roots are lost
 * meanwhile. Judged is what voters keep: none of them loses a word while it lives, and in the end each has every word that
 * any of them has, and so has who opens the document then. A word is lost only with all voters that had come to have it.
 */
import * as Y from "yjs"
import type { SeededRandom } from "../../../core/random.ts"
import type { DocumentOptions, DocumentService } from "../../../document/document-service.ts"
import { type TextDocument, text } from "../../../document/yjs/text.ts"
import { MemoryStorage } from "../../../storage/memory/index.ts"
import type { Life, World } from "../world.ts"

const names = ["c1", "c2", "c3"]
/** Between two words. */
const leastMs = 100
const spanMs = 700
/** Between two looks at what voters have. */
const lookMs = 100
/** Voters let go of what is quiet this long. */
const keepIdleMs = 2_000

interface Voter {
  readonly life: Life
  readonly service: DocumentService
  readonly storage: MemoryStorage
  readonly seen: Set<string>
}

export class ClosedDocuments {
  /** Words that the root was said to have. */
  acknowledged = 0
  /** Of these, how many were lost with every voter that had them. */
  lostRooted = 0
  readonly #world: World
  readonly #random: SeededRandom
  readonly #acknowledged = new Set<string>()
  #voters: Voter[] = []
  #writers: { readonly life: Life; readonly service: DocumentService }[] = []
  #words = 0
  #running = false

  constructor(world: World, random: SeededRandom) {
    this.#world = world
    this.#random = random
  }

  /** Puts a newly opened endpoint to work; `open` opens its documents. */
  employ(life: Life, open: (options: DocumentOptions) => DocumentService): void {
    // What a voter keeps is lost with it, whatever becomes of its folder.
    const storage = new MemoryStorage()
    const isVoter = life.endpoint!.documentPort.keeps
    const service = open(isVoter ? { idleStorage: storage, keepIdleMs } : {})
    this.#writers.push({ life, service })
    if (isVoter) this.#voters.push({ life, service, storage, seen: new Set() })
  }

  start(): void {
    this.#running = true
    this.#write()
    this.#look()
  }

  stop(): void {
    this.#running = false
  }

  #write(): void {
    this.#world.clock.after(leastMs + spanMs * this.#random.float(), () => {
      if (!this.#running) return
      this.#writers = this.#writers.filter(({ life }) => life.alive)
      const open = this.#writers.filter(({ life }) => life.endpoint?.state === "open")
      if (open.length > 0) {
        const { life, service } = open[this.#random.below(open.length)]!
        const word = `${life.label}#${++this.#words}`
        // Who is lost meanwhile, or without a host for long, does not come to its end.
        this.#writeWord(service, names[this.#random.below(names.length)]!, word).catch(() => {})
      }
      this.#write()
    })
  }

  async #writeWord(service: DocumentService, name: string, word: string): Promise<void> {
    const document = await service.open(name, text)
    try {
      document.insert(document.length, `${word} `)
      await document.acknowledged("rooted")
      this.#acknowledged.add(word)
      this.acknowledged++
    } finally {
      await document.close()
    }
  }

  #look(): void {
    this.#world.clock.after(lookMs, async () => {
      await this.#lookNow()
      if (this.#running) this.#look()
    })
  }

  /** The words that living voters have. */
  async #lookNow(): Promise<Set<string>> {
    const all = new Set<string>()
    this.#voters = this.#voters.filter(({ life }) => this.#isThere(life))
    for (const voter of this.#voters) {
      const { life, seen } = voter
      const had = await this.#wordsOf(voter)
      const lost = [...seen].filter(word => !had.has(word))
      if (lost.length > 0 && this.#isThere(life))
        this.#world.journal.violated("kept", `${life.label} has lost ${lost.length} words that it had: ${lost[0]}`)
      for (const word of had) {
        seen.add(word)
        all.add(word)
      }
    }
    return all
  }

  #isThere(life: Life): boolean {
    return life.alive && this.#world.life(life.name) === life && life.endpoint?.state === "open"
  }

  async #wordsOf({ service, storage }: Voter): Promise<Set<string>> {
    const texts: string[] = []
    const take = (delta: unknown) => {
      for (const { insert } of delta as readonly { insert: unknown }[]) texts.push(String(insert))
    }
    // What is open first: it is in storage before it is open no more.
    for (const sync of service.documents) if (names.includes(sync.name)) take(sync.replica.snapshot())
    for (const name of names) {
      const record = await storage.get(["document", name])
      if (record === undefined) continue
      const stored = new Y.Doc()
      Y.applyUpdate(stored, record.subarray(2 + record[1]!))
      texts.push(stored.getText("text").toString())
    }
    return new Set(texts.join(" ").split(/\s+/).filter(Boolean))
  }

  /** When all has healed. */
  async judge(): Promise<void> {
    const { journal } = this.#world
    const all = await this.#lookNow()
    for (const { life, seen } of this.#voters) {
      const missing = [...all].filter(word => !seen.has(word))
      if (missing.length > 0)
        journal.violated("kept", `${life.label} lacks ${missing.length} words that other voters have: ${missing[0]}`)
    }
    const reader = this.#writers.findLast(({ life }) => this.#isThere(life))
    if (reader === undefined) return
    const read: TextDocument[] = await Promise.all(
      names.map(name => this.#world.until(reader.service.open(name, text))),
    )
    const words = new Set(read.map(String).join(" ").split(/\s+/))
    const missing = [...all].filter(word => !words.has(word))
    if (missing.length > 0)
      journal.violated("kept", `who opens closed documents in the end lacks ${missing.length} words: ${missing[0]}`)
    this.lostRooted = [...this.#acknowledged].filter(word => !all.has(word)).length
  }
}
