/** Ordered load on a tree of voters, and what must be so of it at the end: one order, nothing lost that was acknowledged. */
import type { Message } from "../../src/endpoint/index.ts"
import type { Life } from "../../src/testing/simulation/index.ts"

export interface Heard {
  readonly number: number
  readonly epoch: number
  readonly value: string
  readonly atMs: number
}

/** What one endpoint has heard of a topic, less what it was told is void. */
export class Ear {
  readonly life: Life
  readonly ready: Promise<void>
  heard: Heard[] = []
  /** Numbers that it was told are void. */
  voided = 0
  /** Numbers that it was told are lost. */
  readonly gaps: { readonly origin: string | undefined; readonly from: number; readonly through: number }[] = []

  constructor(life: Life, topic: string) {
    this.life = life
    const endpoint = life.endpoint!
    endpoint.on("diverged", event => {
      if (event.topic !== topic) return
      this.voided += event.through - event.from + 1
      this.heard = this.heard.filter(({ number }) => number < event.from || number > event.through)
    })
    endpoint.on("gap", event => {
      if (event.topic === topic) this.gaps.push(event)
    })
    const { ready } = endpoint.handle(topic, (message: Message) => {
      const { number, epoch } = message.order!
      this.heard.push({ number, epoch, value: String(message.value), atMs: life.clock.now() })
    })
    ready.catch(() => {})
    this.ready = ready
  }
}

/** One origin's messages, and which of them were acknowledged as replicated. */
export class Voice {
  readonly life: Life
  readonly acked: Set<string> = new Set()
  sent = 0
  refused = 0
  readonly #topic: string

  constructor(life: Life, topic: string) {
    this.life = life
    this.#topic = topic
  }

  send(): void {
    const value = `${this.life.label} ${++this.sent}`
    this.life.endpoint!.send(this.#topic, value, { route: "ordered", ack: "replicated" }).then(
      () => this.acked.add(value),
      thrown => {
        // What a minority does not take was never sent.
        if ((thrown as { code?: string }).code === "NoAuthority") this.refused++
      },
    )
  }
}

/** What is wrong with what was heard; empty when all is well. */
export function judge(ears: readonly Ear[], voices: readonly Voice[], options: { readonly whole: boolean }): string[] {
  const wrong: string[] = []
  const order = new Map<number, string>()
  for (const { life, heard } of ears) {
    let last = 0
    const values = new Set<string>()
    const lastOf = new Map<string, number>()
    for (const { number, value } of heard) {
      if (number <= last) wrong.push(`${life.label} heard ${number} after ${last}`)
      last = number
      const known = order.get(number)
      if (known !== undefined && known !== value)
        wrong.push(`${life.label} heard "${value}" as number ${number}, another "${known}"`)
      order.set(number, value)
      if (values.has(value)) wrong.push(`${life.label} heard "${value}" twice`)
      values.add(value)
      const [origin, sequence] = value.split(" ") as [string, string]
      if (Number(sequence) <= (lastOf.get(origin) ?? 0)) wrong.push(`${life.label} heard "${value}" late`)
      lastOf.set(origin, Number(sequence))
    }
    if (!options.whole) continue
    for (const voice of voices) {
      if (voice.life === life) continue
      const missed = [...voice.acked].filter(value => !values.has(value))
      if (missed.length > 0)
        wrong.push(`${life.label} never heard ${missed.length} of ${voice.life.label}, acknowledged: ${missed[0]}`)
    }
  }
  return wrong
}
