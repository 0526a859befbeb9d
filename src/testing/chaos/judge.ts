/**
 * Judges what processes wrote down by the same promises as the simulator: the entries are put in order of time and told
 * to its ledger; documents must end equal, with every mark that was acknowledged.
 */
import { type Deferred, deferred } from "../../core/deferred.ts"
import { ZincError } from "../../core/errors.ts"
import type { EndpointId } from "../../core/id.ts"
import type { State } from "../../core/lifecycle.ts"
import type { EndpointEvent } from "../../endpoint/api.ts"
import { Journal, type Violation } from "../simulation/journal.ts"
import { Ledger, type Losses, type Subscription } from "../simulation/ledger.ts"
import type { Witnessed, WitnessedLife } from "../simulation/witnessed.ts"
import type { HistoryEntry, HistoryEvent, HistoryMessage } from "./history-entry.ts"

export interface JudgeOptions {
  /** The root's memory was lost in this run. */
  readonly rootLost: boolean
  /** Voters keep the order and decide who is root; root after root may have been lost. Default false. */
  readonly voters?: boolean
  /** Lines kept for reading. Default 400. */
  readonly kept?: number
}

export interface Judgement {
  readonly violations: readonly Violation[]
  readonly sends: number
  readonly deliveries: number
  readonly acknowledged: number
  /** Messages that endpoints were told are lost. */
  readonly gapMessages: number
  readonly marks: number
  readonly documents: number
  /** In a tree with voters: rooted marks that no replica has in the end; their makers are gone too. */
  readonly lostMarks: number
  /** In a tree with voters: what was lost of messages, by what had been said of it. */
  readonly losses: Losses
  /** Times that somebody became the root. */
  readonly reigns: number
  /** The last lines of the story, oldest first. */
  tail(lines: number, about?: string): string[]
}

class ToldLife implements WitnessedLife {
  readonly label: string
  readonly role: "host" | "relay" | "client"
  readonly endpoint: { readonly id: string; state: State }
  alive = true
  /** It was there until all closed. */
  lasted = true
  readonly following = new Map<string, { readonly subscription: Subscription; readonly ready: Deferred<void> }>()
  /** Acknowledged sends by topic and number, and how they ended. */
  readonly outcomes = new Map<string, Deferred<void>>()
  readonly settled: { readonly topic: string; readonly n: number; readonly code?: string }[] = []

  constructor(label: string, role: "host" | "relay" | "client", id: string) {
    this.label = label
    this.role = role
    this.endpoint = { id, state: "open" }
  }

  end(): void {
    this.alive = false
    this.endpoint.state = "closed"
  }
}

/** What one replica of a document must hold, and what it held. */
interface DocumentStory {
  /** The last mark that each life has made, and the last that is rooted. */
  readonly made: Map<string, number>
  readonly rooted: Map<string, number>
  readonly replicas: Map<string, string>
}

export async function judgeHistory(entries: readonly HistoryEntry[], options: JudgeOptions): Promise<Judgement> {
  const sorted = [...entries].sort((a, b) => a.t - b.t)
  const began = sorted[0]?.t ?? 0
  const clock = { at: 0, now: () => clock.at }
  const journal = new Journal(clock, options.kept)
  const lives: ToldLife[] = []
  const byLabel = new Map<string, number>()
  let onEvent: (life: WitnessedLife, event: EndpointEvent) => void = () => {}
  const witnessed: Witnessed = {
    clock,
    journal,
    lives,
    onEvent: listener => {
      onEvent = listener
    },
  }
  const ledger = new Ledger(witnessed, {
    hostLost: () => options.rootLost,
    order: "epoch",
    voters: options.voters === true,
  })
  const documents = new Map<string, DocumentStory>()
  let marks = 0
  let lostMarks = 0
  let reigns = 0

  for (const entry of sorted) {
    clock.at = (entry.t - began) / 1000
    if (entry.e === "open") {
      byLabel.set(entry.life, lives.length)
      lives.push(new ToldLife(entry.life, entry.role, entry.id))
      journal.note(entry.life, "is open as", entry.id.slice(0, 8))
      continue
    }
    const life = lives[byLabel.get(entry.life) ?? -1]
    // What was done to it before it was open.
    if (life === undefined) continue
    await tell(life, entry)
  }
  // Another process may have written down a moment later that it has what was acknowledged.
  for (const life of lives)
    for (const { topic, n, code } of life.settled) settle(life.outcomes.get(`${topic} ${n}`), code)
  await turns()
  ledger.judge()
  const isAlive = (label: string) => lives[byLabel.get(label) ?? -1]?.lasted === true
  for (const [name, story] of documents)
    lostMarks += judgeDocument(name, story, journal, options.voters === true ? isAlive : () => true)
  return {
    violations: journal.violations,
    sends: ledger.sends,
    deliveries: ledger.deliveries,
    acknowledged: ledger.acknowledged,
    gapMessages: ledger.gapMessages,
    marks,
    documents: documents.size,
    lostMarks,
    losses: ledger.losses,
    reigns,
    tail: (lines, about) => journal.tail(lines, about),
  }

  async function tell(life: ToldLife, entry: HistoryEntry): Promise<void> {
    switch (entry.e) {
      case "send": {
        const { o, n } = ledger.next(life, entry.topic)
        if (n !== entry.n) journal.violated("history", `${life.label} sends ${entry.topic} ${entry.n} instead of ${n}`)
        ledger.sent(life, entry.topic, { o, n })
        if (!entry.ack) return
        const outcome = deferred()
        life.outcomes.set(`${entry.topic} ${n}`, outcome)
        ledger.expectAcknowledgement(life, entry.topic, { o, n }, outcome.promise)
        return
      }
      case "unsent":
        ledger.unsent(life, entry.topic, entry.n)
        return
      case "acked":
        life.settled.push(entry)
        return
      case "follow": {
        const ready = deferred()
        const subscription = ledger.subscribed(life, entry.pattern, ready.promise)
        life.following.set(entry.pattern, { subscription, ready })
        return
      }
      case "ready":
        settle(life.following.get(entry.pattern)?.ready, entry.code)
        await turns()
        return
      case "got":
        received(life, entry)
        return
      case "event":
        happened(life, entry)
        return
      case "mark":
        marks++
        storyOf(entry.document).made.set(life.label, entry.n)
        return
      case "marked":
        storyOf(entry.document).rooted.set(life.label, entry.n)
        return
      case "document":
        storyOf(entry.document).replicas.set(life.label, entry.text)
        return
      case "fault":
        journal.note(life.label, entry.what)
        return
      case "closing":
      case "killed":
        journal.note(life.label, entry.e === "closing" ? "closes" : "is killed")
        if (entry.e === "killed") life.lasted = false
        life.end()
    }
  }

  function received(life: ToldLife, entry: HistoryEntry & HistoryMessage): void {
    const following = life.following.get(entry.pattern)
    const o = byLabel.get(entry.from)
    if (following === undefined || o === undefined) {
      journal.violated("history", `${life.label} got ${entry.topic} ${entry.n} of ${entry.from}, who never opened`)
      return
    }
    const { topic, sequence, order, n } = entry
    ledger.received(following.subscription, {
      topic,
      sequence,
      order,
      origin: entry.origin as EndpointId,
      value: { o, n },
    })
  }

  function happened(
    life: ToldLife,
    { type, topic = "", origin, first = 0, last = 0, epoch = 0, reason = "lost", text = "" }: HistoryEvent,
  ): void {
    journal.note(life.label, type, text)
    if (type === "gap") {
      onEvent(life, { type, topic, origin: origin as EndpointId | undefined, from: first, through: last, reason })
    } else if (type === "diverged") onEvent(life, { type, topic, epoch, from: first, through: last })
    else if (type === "role") reigns += text.includes('to "host"') ? 1 : 0
    else if (type === "regenerated") onEvent(life, { type, host: life.endpoint.id as EndpointId })
    else if (type === "violation") onEvent(life, { type, from: "", error: new ZincError("BadFrame", text) })
    else if (type === "handlerFailed") onEvent(life, { type, topic, error: new Error(text), attempt: 1 })
  }

  function storyOf(name: string): DocumentStory {
    let story = documents.get(name)
    if (story === undefined) {
      story = { made: new Map(), rooted: new Map(), replicas: new Map() }
      documents.set(name, story)
    }
    return story
  }
}

function settle(outcome: Deferred<void> | undefined, code: string | undefined): void {
  if (code === undefined) outcome?.resolve()
  else outcome?.reject(Object.assign(new Error(code), { code }))
}

/** What waits for a promise that has settled is called before time goes on. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await undefined
}

/**
 * Returns how many rooted marks are gone without being a broken promise: a lost root may take with it what it had told
 * nobody of, unless whoever made the mark is still there to say it again.
 */
function judgeDocument(
  name: string,
  { made, rooted, replicas }: DocumentStory,
  journal: Journal,
  isAlive: (label: string) => boolean,
): number {
  const [first, ...others] = [...replicas]
  if (first === undefined) return 0
  let lost = 0
  for (const [label, text] of others)
    if (text !== first[1])
      journal.violated(
        "convergence",
        `"${name}" is ${first[1].length} characters at ${first[0]}, and another of ${text.length} at ${label}`,
      )
  const found = new Map<string, number>()
  for (const [mark] of first[1].matchAll(/<[^<>]+>/g)) found.set(mark, (found.get(mark) ?? 0) + 1)
  for (const [mark, times] of found)
    if (times > 1) journal.violated("twice", `"${name}" has the mark ${mark} ${times} times`)
  for (const [label, last] of rooted)
    for (let n = 1; n <= last; n++)
      if (found.has(`<${label} ${n}>`)) continue
      else if (!isAlive(label)) lost++
      else journal.violated("acknowledgement", `"${name}" has lost the mark ${n} of ${label}, which was rooted`)
  for (const [label, last] of made)
    for (const mark of found.keys()) {
      const [by, n] = mark.slice(1, -1).split(" ")
      if (by === label && Number(n) > last)
        journal.violated("unsent", `"${name}" has the mark ${mark}, which nobody made`)
    }
  return lost
}
