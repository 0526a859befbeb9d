/**
 * One run of a swarm that edits a document together: a host and its clients on virtual time, a fault script, edits of
 * every kind, all drawn from one number. When everything has healed, all replicas must hold the same, and nothing that a
 * living writer wrote may be missing.
 */
import { toHex } from "../../core/bytes.ts"
import { SeededRandom } from "../../core/random.ts"
import { DocumentService } from "../../document/document-service.ts"
import { type YjsDocument, yjs } from "../../document/yjs/yjs.ts"
import { describeFault, drawScript, type Fault, play } from "./fault-script.ts"
import type { Violation } from "./journal.ts"
import { type Life, World } from "./world.ts"

export interface DocumentSwarmOutcome {
  readonly seed: number
  readonly hash: string
  readonly violations: readonly Violation[]
  readonly endpoints: number
  readonly virtualMs: number
  readonly faults: readonly Fault[]
  readonly edits: number
  /** Edits whose acknowledgement came. */
  readonly acknowledged: number
  /** Events of the network. */
  readonly events: number
  report(lines?: number, about?: string): string
}

const stormMs = 12_000
/** From the last repair until all must be equal: time to join, to exchange, to be quiet and to be told. */
const calmMs = 12_000
const hostName = "hub"
const documentName = "minutes"

/** What one life does with the document. */
class Writer {
  readonly life: Life
  readonly service: DocumentService
  readonly written: string[] = []
  readonly #random: SeededRandom
  readonly #record: Record
  document: YjsDocument | undefined
  #running = true

  constructor(life: Life, random: SeededRandom, record: Record) {
    this.life = life
    this.#random = random
    this.#record = record
    this.service = new DocumentService(life.endpoint!.documentPort)
    this.#open()
  }

  stop(): void {
    this.#running = false
  }

  #open(): void {
    this.service.open(documentName, yjs).then(
      document => {
        this.document = document
        document.awareness.setLocalState({ label: this.life.label })
        this.#next()
      },
      thrown => this.#record.refused(this.life, thrown),
    )
  }

  #next(): void {
    this.life.clock.after(20 + 250 * this.#random.float(), () => {
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
        this.#record.deleted.add(words.get(at))
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
        this.#record.edits++
        if (random.below(10) > 0) return
        this.document!.acknowledged("rooted").then(
          () => {
            this.#record.acknowledged.add(word)
          },
          () => {},
        )
      }
    }
  }
}

/** What happened, over all lives. */
class Record {
  edits = 0
  readonly deleted: Set<string> = new Set()
  readonly acknowledged: Set<string> = new Set()
  readonly #world: World
  constructor(world: World) {
    this.#world = world
  }
  refused(life: Life, thrown: unknown): void {
    if (life.alive) this.#world.journal.violated("opening", `${life.label} could not open the document: ${thrown}`)
  }
}

export interface DocumentSwarmOptions {
  readonly seed: number
  /** Journal entries kept. Default 400. */
  readonly kept?: number
  /** Places in the fault script that are played. Default all. */
  readonly only?: readonly number[]
}

export async function simulateDocuments(options: DocumentSwarmOptions): Promise<DocumentSwarmOutcome> {
  const { seed } = options
  const random = new SeededRandom(seed)
  const clients = Array.from({ length: 3 + random.below(3) }, (_, i) => `c${i + 1}`)
  const script = drawScript(random, {
    clients,
    hosts: [hostName],
    fromMs: 1_500,
    untilMs: stormMs - 1_500,
    least: 3,
    most: 9,
  }).filter((_, at) => options.only?.includes(at) ?? true)
  const hostLost = script.some(fault => fault.kind === "crashHost" || fault.kind === "closeHost")
  const world = new World({ seed, ...(options.kept === undefined ? {} : { kept: options.kept }) })
  const { journal, network } = world
  const record = new Record(world)
  const writers = new Map<string, Writer>()
  const opening = new Set<string>()
  const hostOptions = { sessionKeepMs: 2_000, replay: { messages: [8, 65_536][random.below(2)]! } }
  const joinOptions = {
    joinTimeoutMs: 1_500,
    reconnect: { minMs: 50, maxMs: 500 },
    sendWindow: { messages: [4, 10_000, 10_000][random.below(3)]! },
  }

  const open = (name: string): void => {
    if (opening.has(name) || world.life(name) !== undefined) return
    opening.add(name)
    const life = name === hostName ? world.host(name, hostOptions) : world.join(name, hostName, joinOptions)
    life.then(
      opened => {
        opening.delete(name)
        if (opened.alive) writers.set(name, new Writer(opened, random.fork(), record))
      },
      () => {
        opening.delete(name)
        world.clock.after(300, () => open(name))
      },
    )
  }
  const reopen = (name: string): void => {
    // A crash may have come while it was opening: that opening never ends.
    opening.delete(name)
    open(name)
  }
  const leave = async (name: string): Promise<void> => {
    const writer = writers.get(name)
    const life = world.life(name)
    if (life !== undefined) life.alive = false
    await writer?.service.close()
    await world.close(name, { timeoutMs: 500 })
  }

  open(hostName)
  await world.run(1)
  for (const name of clients) world.clock.after(random.below(800), () => open(name))
  play(world, script, { hostOf: () => hostName, reopen, leave })
  await world.run(stormMs)

  // Everything heals; whoever is gone comes back.
  network.setFaults("all", {})
  network.heal()
  for (const name of [hostName, ...clients]) {
    network.slow(name, undefined)
    world.resume(name)
  }
  await world.run(4_500)
  network.setFaults("all", {})
  for (const name of [hostName, ...clients]) if (world.life(name) === undefined) reopen(name)
  for (const writer of writers.values()) writer.stop()
  await world.run(calmMs)

  judge()
  const endpoints = world.living.length
  for (const name of [...clients, hostName]) {
    writers.get(name)?.service.abort()
    world.life(name)?.endpoint?.abort()
  }
  await world.run(1_000)
  return {
    seed,
    hash: world.hash,
    violations: journal.violations,
    endpoints,
    virtualMs: world.clock.now(),
    faults: script,
    edits: record.edits,
    acknowledged: record.acknowledged.size,
    events: network.trace.count,
    report: (lines = 60, about) =>
      [
        `seed ${seed}: ${journal.violations.length} promises broken; ${record.edits} edits`,
        ...script.map(describeFault),
        ...journal.violations.slice(0, 12).map(({ invariant, what }) => `  ${invariant}: ${what}`),
        ...journal.tail(lines, about),
        `again: npm run simulate -- --documents --seed ${seed}`,
      ].join("\n"),
  }

  function judge(): void {
    const copies = [hostName, ...clients].map(name => ({ name, writer: writers.get(name) }))
    for (const { name, writer } of copies) {
      const state = writer?.document?.state ?? "never opened"
      if (state !== "synchronized") journal.violated("liveness", `the document of ${name} is ${state}`)
    }
    const versions = new Map<string, string[]>()
    for (const { name, writer } of copies) {
      if (writer?.document === undefined) continue
      const version = toHex(writer.document.version())
      versions.set(version, [...(versions.get(version) ?? []), name])
    }
    if (versions.size > 1) {
      journal.violated(
        "convergence",
        `versions differ: ${[...versions.values()].map(names => names.join("+")).join(" / ")}`,
      )
    }
    const present = new Map<string, string[]>()
    for (const { name, writer } of copies) {
      if (writer?.document === undefined) continue
      const states = JSON.stringify([...writer.document.awareness.getStates()].sort(([a], [b]) => a - b))
      present.set(states, [...(present.get(states) ?? []), name])
    }
    for (const [states, names] of present) {
      const labels = copies.map(({ writer }) => writer?.life.label)
      const others = (JSON.parse(states) as [number, { label: string }][]).filter(
        ([, { label }]) => !labels.includes(label),
      )
      if (present.size > 1 || others.length > 0) journal.violated("presence", `${names.join("+")}: ${states}`)
    }
    const words = new Set(writers.get(hostName)?.document?.doc.getArray<string>("words").toArray() ?? [])
    const missing = (written: Iterable<string>) =>
      [...written].filter(word => !words.has(word) && !record.deleted.has(word))
    for (const { name, writer } of copies) {
      // A host that crashed is another life; every writer here lives, and has what it wrote.
      const lost = missing(writer?.written ?? [])
      if (lost.length > 0)
        journal.violated("loss", `${lost.length} edits of living ${name} are gone: ${lost.slice(0, 3)}`)
    }
    const gone = hostLost ? [] : missing(record.acknowledged)
    if (gone.length > 0) journal.violated("acknowledged", `${gone.length} rooted edits are gone: ${gone.slice(0, 3)}`)
  }
}
