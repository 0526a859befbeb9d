/**
 * What a cluster that edits documents does all day, and what is judged when all has healed: every replica holds the same,
 * presence tells of those who live and nobody else, and nothing is missing that a living writer wrote or that was
 * acknowledged.
 */
import { toHex } from "../../core/bytes.ts"
import type { SeededRandom } from "../../core/random.ts"
import { type DocumentOptions, DocumentService } from "../../document/document-service.ts"
import { type YjsDocument, yjs } from "../../document/yjs/yjs.ts"
import type { Life, World } from "./world.ts"

export interface DocumentWorkloadOptions {
  readonly documents: readonly string[]
  /** Between two acts of one writer: at least this long, and at most `leastMs` + `spanMs`. */
  readonly leastMs: number
  readonly spanMs: number
  /** The memory of the root was lost: what only it had acknowledged may be gone. */
  readonly rootLost: boolean
}

export class DocumentWorkload {
  edits = 0
  readonly deleted: Set<string> = new Set()
  /** Edits that the root had, and nobody has in the end. */
  lostRooted = 0
  /** Words that an acknowledgement said the root has, by document. */
  readonly #acknowledged = new Map<string, Set<string>>()
  readonly #world: World
  readonly #o: DocumentWorkloadOptions
  /** By machine: the last life that was put to work. */
  readonly #desks = new Map<string, Desk>()

  constructor(world: World, options: DocumentWorkloadOptions) {
    this.#world = world
    this.#o = options
    for (const name of options.documents) this.#acknowledged.set(name, new Set())
  }

  /** Edits whose acknowledgement came. */
  get acknowledged(): number {
    return [...this.#acknowledged.values()].reduce((sum, words) => sum + words.size, 0)
  }

  /** Puts a newly opened endpoint to work on those documents; on none it still serves those below. */
  employ(
    life: Life,
    documents: readonly string[],
    random: SeededRandom,
    options: DocumentOptions = {},
  ): DocumentService {
    const service = new DocumentService(life.endpoint!.documentPort, options)
    const writers = documents.map(
      document =>
        new Writer(life, service, document, random.fork(), {
          ...this.#o,
          wrote: () => this.edits++,
          deleted: word => this.deleted.add(word),
          acknowledged: word => this.#acknowledged.get(document)!.add(word),
          refused: thrown => {
            if (life.alive)
              this.#world.journal.violated("opening", `${life.label} could not open ${document}: ${thrown}`)
          },
        }),
    )
    this.#desks.set(life.name, { life, service, writers })
    return service
  }

  /** Before an endpoint closes: its documents hand on what is pending. */
  async leave(life: Life): Promise<void> {
    const desk = this.#desks.get(life.name)
    if (desk?.life === life) await desk.service.close()
  }

  stop(): void {
    for (const { writers } of this.#desks.values()) for (const writer of writers) writer.stop()
  }

  abort(): void {
    for (const { service } of this.#desks.values()) service.abort()
  }

  /** What the life on that machine has written so far. */
  writtenBy(name: string): readonly string[] {
    return this.#desks.get(name)?.writers.flatMap(({ written }) => written) ?? []
  }

  /**
   * Those of one side of a partition that hang at one host, and that host, see what each of them wrote up to that time:
   * documents go on without a majority. What the host itself writes waits until it has a host, or is the root.
   */
  judgeSide(side: string, names: readonly string[], through: number): void {
    for (const host of names) {
      const near = names.filter(name => name === host || this.#world.hostOf(name) === host)
      const writers = near.flatMap(name => this.#desks.get(name)?.writers ?? [])
      const isTold = (name: string) => name !== host || this.#world.life(name)?.endpoint?.role === "host"
      const wanted = writers.flatMap(({ life, writtenAt }) =>
        isTold(life.name) ? writtenAt.filter(({ at }) => at <= through) : [],
      )
      for (const { life, document } of writers) {
        if (document === undefined) continue
        const words = new Set(document.doc.getArray<string>("words").toArray())
        const missing = wanted.filter(({ word }) => !words.has(word) && !this.deleted.has(word))
        if (missing.length > 0)
          this.#world.journal.violated(
            "side",
            `${life.label}, at ${host} in the ${side}, does not see ${missing.length} words: ${missing[0]!.word}`,
          )
      }
    }
  }

  judge(): void {
    for (const document of this.#o.documents) this.#judge(document)
  }

  #judge(document: string): void {
    const { journal } = this.#world
    const copies = [...this.#desks.values()]
      .filter(({ life }) => this.#world.life(life.name) === life)
      .flatMap(({ life, writers }) => writers.map(writer => ({ name: life.name, writer })))
      .filter(({ writer }) => writer.name === document)
    if (copies.length === 0) return
    for (const { name, writer } of copies) {
      const state = writer.document?.state ?? "never opened"
      if (state !== "synchronized") journal.violated("liveness", `${document} of ${name} is ${state}`)
    }
    const open = copies.flatMap(({ name, writer }) =>
      writer.document === undefined ? [] : [{ name, writer, document: writer.document }],
    )
    const versions = groups(open.map(copy => [toHex(copy.document.version()), copy.name]))
    if (versions.size > 1)
      journal.violated(
        "convergence",
        `versions of ${document} differ: ${[...versions.values()].map(names => names.join("+")).join(" / ")}`,
      )
    this.#judgePresence(document, open)
    const words = new Set(open[0]?.document.doc.getArray<string>("words").toArray() ?? [])
    const missing = (written: Iterable<string>) =>
      [...written].filter(word => !words.has(word) && !this.deleted.has(word))
    for (const { name, writer } of copies) {
      // A machine that crashed is another life; every writer here lives, and has what it wrote.
      const lost = missing(writer.written)
      if (lost.length > 0)
        journal.violated("loss", `${lost.length} edits of living ${name} are gone: ${lost.slice(0, 3)}`)
    }
    const gone = missing(this.#acknowledged.get(document)!)
    this.lostRooted += gone.length
    if (gone.length > 0 && !this.#o.rootLost)
      journal.violated("acknowledged", `${gone.length} rooted edits are gone: ${gone.slice(0, 3)}`)
  }

  #judgePresence(document: string, open: readonly OpenCopy[]): void {
    const present = groups(
      open.map(({ name, document: { awareness } }) => [
        JSON.stringify([...awareness.getStates()].sort(([a], [b]) => a - b)),
        name,
      ]),
    )
    const labels = open.map(({ writer }) => writer.life.label)
    for (const [states, names] of present) {
      const strangers = (JSON.parse(states) as [number, { label: string }][]).filter(
        ([, { label }]) => !labels.includes(label),
      )
      if (present.size > 1 || strangers.length > 0)
        this.#world.journal.violated("presence", `${document} at ${names.join("+")}: ${states}`)
    }
  }
}

interface Desk {
  readonly life: Life
  readonly service: DocumentService
  readonly writers: readonly Writer[]
}

interface OpenCopy {
  readonly name: string
  readonly writer: Writer
  readonly document: YjsDocument
}

interface WriterOptions {
  readonly leastMs: number
  readonly spanMs: number
  wrote(): void
  deleted(word: string): void
  acknowledged(word: string): void
  refused(thrown: unknown): void
}

/** What one life does with one document. */
class Writer {
  readonly life: Life
  readonly name: string
  readonly written: string[] = []
  readonly writtenAt: { readonly word: string; readonly at: number }[] = []
  readonly #random: SeededRandom
  readonly #o: WriterOptions
  document: YjsDocument | undefined
  #running = true

  constructor(life: Life, service: DocumentService, name: string, random: SeededRandom, options: WriterOptions) {
    this.life = life
    this.name = name
    this.#random = random
    this.#o = options
    service.open(name, yjs).then(
      document => {
        this.document = document
        document.awareness.setLocalState({ label: life.label })
        this.#next()
      },
      thrown => options.refused(thrown),
    )
  }

  stop(): void {
    this.#running = false
  }

  #next(): void {
    this.life.clock.after(this.#o.leastMs + this.#o.spanMs * this.#random.float(), () => {
      if (!this.#running || !this.life.alive || this.document === undefined) return
      // Several edits of one tick are one fragment.
      for (let n = this.#random.below(4); n >= 0; n--) this.#edit(this.document)
      if (this.#random.below(3) === 0) this.document.awareness.setLocalStateField("edits", this.written.length)
      this.#next()
    })
  }

  #edit({ doc }: YjsDocument): void {
    const random = this.#random
    const words = doc.getArray<string>("words")
    const text = doc.getText("text")
    switch (random.below(8)) {
      case 0: {
        if (words.length === 0) return
        const at = random.below(words.length)
        this.#o.deleted(words.get(at))
        words.delete(at)
        return
      }
      case 1: {
        const at = random.below(text.length + 1)
        text.delete(at, random.below(Math.min(8, text.length - at) + 1))
        return
      }
      case 2:
        text.insert(random.below(text.length + 1), "abc", random.below(2) === 0 ? { bold: true } : {})
        return
      case 3:
        doc.getMap("map").set(`k${random.below(6)}`, random.below(1_000))
        return
      default: {
        const word = `${this.life.label}#${this.written.length + 1}`
        words.insert(random.below(words.length + 1), [word])
        this.written.push(word)
        this.writtenAt.push({ word, at: this.life.clock.now() })
        this.#o.wrote()
        if (random.below(10) > 0) return
        this.document!.acknowledged("rooted").then(
          () => this.#o.acknowledged(word),
          () => {},
        )
      }
    }
  }
}

/** Names by what they have. */
function groups(pairs: readonly (readonly [string, string])[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const [key, name] of pairs) {
    const names = found.get(key)
    if (names === undefined) found.set(key, [name])
    else names.push(name)
  }
  return found
}
