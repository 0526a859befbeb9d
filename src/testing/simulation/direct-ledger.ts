/**
 * The promises of direct messages and requests: in order and once per pair, told apart from broadcasts, a request served
 * at most once and ended exactly once in time, with the answer to its own question.
 */

import { sleep } from "../../core/clock.ts"
import type { SeededRandom } from "../../core/random.ts"
import type { Message } from "../../endpoint/api.ts"
import type { Topology } from "./topology.ts"
import type { Life, World } from "./world.ts"

interface Told {
  readonly o: number
  readonly n: number
  readonly to: number
}

interface Question {
  readonly id: number
  readonly by: Life
  readonly deadline: number
  ended: boolean
}

/** What a request may end with, besides an answer. */
const endings = [
  "Timeout",
  "Aborted",
  "NoSuchEndpoint",
  "Ambiguous",
  "NoHandler",
  "HandlerFailed",
  "PeerLost",
  "Closed",
]

export interface DirectLedgerOptions {
  readonly hostLost: () => boolean
  readonly topology: Pick<Topology, "root" | "parentOf">
}

export class DirectLedger {
  asked = 0
  answered = 0
  told = 0
  heard = 0
  readonly #world: World
  readonly #sent = new Map<string, number>()
  readonly #last = new Map<string, number>()
  /** Those that `sendTo` said were rooted, by "from to". */
  readonly #rooted = new Map<string, { n: number; at: number }[]>()
  readonly #got = new Map<string, Set<number>>()
  readonly #served = new Map<number, number>()
  readonly #questions: Question[] = []
  /** When a life's session was last begun anew: what waited for it at the host is gone then. */
  readonly #anew = new Map<string, number>()
  readonly #gaps = new Set<string>()
  readonly #topology: DirectLedgerOptions["topology"]
  readonly #hostLost: () => boolean

  constructor(world: World, options: DirectLedgerOptions) {
    this.#world = world
    this.#hostLost = options.hostLost
    this.#topology = options.topology
    world.onEvent((life, event) => {
      if (event.type === "joined" && event.peer.role === "host" && !event.resumed)
        this.#anew.set(life.name, this.#world.clock.now())
      if (event.type === "gap" && event.topic === "~to") this.#gaps.add(life.name)
    })
  }

  tell(life: Life, target: Life): void {
    if (target.endpoint === undefined) return
    const o = this.#world.lives.indexOf(life)
    const to = this.#world.lives.indexOf(target)
    const key = `${o} ${to}`
    const n = (this.#sent.get(key) ?? 0) + 1
    this.#sent.set(key, n)
    this.told++
    const journal = this.#world.journal
    journal.note(life.label, "tells", target.label, n)
    life.endpoint!.sendTo(target.endpoint.id, "tell", { o, n, to } satisfies Told).then(
      () => {
        journal.note(life.label, "told", target.label, n)
        let rooted = this.#rooted.get(key)
        if (rooted === undefined) {
          rooted = []
          this.#rooted.set(key, rooted)
        }
        rooted.push({ n, at: this.#world.clock.now() })
      },
      thrown => {
        const code = (thrown as { code?: string }).code ?? String(thrown)
        journal.note(life.label, "could not tell", target.label, n, code)
        if (code !== "NoSuchEndpoint" && code !== "Lost" && (life.endpoint?.state === "open" || code !== "Closed"))
          journal.violated("direct", `${life.label}: a direct message to ${target.label} failed with ${code}`)
      },
    )
  }

  received(life: Life, message: Message): void {
    const { o, n, to } = message.value as Told
    const journal = this.#world.journal
    const what = `${life.label} got the direct message ${n} of ${this.#world.lives[o]?.label}`
    journal.delivered(life.label, "tell", String(o), n)
    this.heard++
    if (!message.direct) journal.violated("direct", `${what}, not marked as direct`)
    if (this.#world.lives[to] !== life) journal.violated("direct", `${what}, which was for another`)
    if (this.#world.lives[o]?.endpoint?.id !== message.origin) journal.violated("origin", `${what} under another id`)
    const key = `${o} ${to}`
    let got = this.#got.get(key)
    if (got === undefined) {
      got = new Set()
      this.#got.set(key, got)
    }
    if (got.has(n)) journal.violated("duplicate", `${what} twice`)
    else if (n < (this.#last.get(key) ?? 0)) journal.violated("fifo", `${what} after ${this.#last.get(key)}`)
    got.add(n)
    this.#last.set(key, Math.max(n, this.#last.get(key) ?? 0))
  }

  /** The machine and the relays above it. */
  #wayTo(name: string): string[] {
    const { root, parentOf } = this.#topology
    const way: string[] = []
    for (let at = name; at !== root; at = parentOf(at)) way.push(at)
    return way
  }

  ask(life: Life, target: Life, random: SeededRandom): void {
    if (target.endpoint === undefined) return
    const id = ++this.asked
    const journal = this.#world.journal
    const deadlineMs = 100 + random.below(2000)
    const topic = random.below(10) === 0 ? "nobody" : `ask.${random.below(2)}`
    const byName = random.below(4) === 0
    const cancel = random.below(8) === 0 ? new AbortController() : undefined
    if (cancel !== undefined) life.clock.after(random.below(200), () => cancel.abort())
    const question: Question = { id, by: life, deadline: life.clock.now() + deadlineMs, ended: false }
    this.#questions.push(question)
    journal.note(life.label, "asks", target.label, id)
    const ended = (how: string) => {
      journal.note(life.label, "request", id, "ended:", how)
      if (question.ended) journal.violated("request", `request ${id} of ${life.label} ended twice`)
      question.ended = true
      // A paused process hears of its deadline late; its timers fire in order when it resumes.
      if (life.clock.now() > question.deadline + 4000)
        journal.violated("request", `request ${id} of ${life.label} ended ${how}, long past its deadline`)
    }
    life
      .endpoint!.request(
        byName ? { any: target.name } : target.endpoint.id,
        topic,
        { id },
        {
          deadlineMs,
          ...(cancel === undefined ? {} : { signal: cancel.signal }),
        },
      )
      .then(
        value => {
          this.answered++
          if (value !== id * 2) journal.violated("request", `request ${id} of ${life.label} got the answer ${value}`)
          ended("answered")
        },
        thrown => {
          const code = (thrown as { code?: string }).code ?? String(thrown)
          if (!endings.includes(code)) journal.violated("request", `request ${id} of ${life.label} ended ${code}`)
          ended(code)
        },
      )
  }

  serve(life: Life, message: Message): unknown {
    const { id } = message.value as { id: number }
    const times = (this.#served.get(id) ?? 0) + 1
    this.#served.set(id, times)
    this.#world.journal.note(life.label, "serves", id)
    if (times > 1)
      this.#world.journal.violated("request", `request ${id} was served ${times} times, now by ${life.label}`)
    if (id % 7 === 0) throw new Error("on purpose")
    if (id % 3 !== 0) return id * 2
    return sleep(life.clock, 20 * (id % 10)).then(() => id * 2)
  }

  /** Call when all is quiet. */
  judge(): void {
    const { journal, lives, clock } = this.#world
    for (const { id, by, ended, deadline } of this.#questions) {
      if (!ended && by.alive && clock.now() > deadline)
        journal.violated("request", `request ${id} of ${by.label} never ended`)
    }
    if (this.#hostLost()) return
    for (const [key, rooted] of this.#rooted) {
      const target = lives[Number(key.split(" ")[1])]!
      // A message that has turned down is on its way by the links of all relays above its target.
      const way = this.#wayTo(target.name)
      if (!target.alive || way.some(name => this.#gaps.has(name))) continue
      for (const { n, at } of rooted) {
        if (this.#got.get(key)?.has(n) || way.some(name => (this.#anew.get(name) ?? -1) > at)) continue
        journal.violated(
          "silent loss",
          `${target.label} never got the direct message ${n} of ${lives[Number(key.split(" ")[0])]!.label}`,
        )
      }
    }
  }
}
