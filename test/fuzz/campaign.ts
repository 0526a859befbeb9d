/** Runs many inputs against a target, keeps what went wrong once for each way of going wrong, and makes it small. */
import { concat } from "../../src/core/bytes.ts"
import { SeededRandom } from "../../src/core/random.ts"
import type { Coverage } from "./coverage.ts"
import { mutated } from "./mutator.ts"
import { Broken, type FuzzInput, type FuzzTarget } from "./target.ts"

export interface Finding {
  readonly target: string
  /** How it is told from others: the first line of the error, without numbers, and where it was thrown. */
  readonly kind: string
  readonly error: string
  readonly input: FuzzInput
}

export interface CampaignOptions {
  readonly seed: number
  /** Whichever comes first ends it. */
  readonly inputsMax?: number
  readonly isOver?: () => boolean
  /** Steers towards inputs that reach code no other has reached, while it lasts; then what it found serves at full speed. */
  readonly explore?: { readonly coverage: Coverage; isOver(): boolean }
}

export interface CampaignResult {
  readonly target: string
  readonly inputs: number
  /** How many of them came to what. */
  readonly outcomes: Readonly<Record<string, number>>
  /** Inputs in the corpus at the end; those beyond the seeds reached new code. */
  readonly corpus: number
  readonly findings: readonly Finding[]
}

/** Inputs between two looks at the coverage, which costs as much as hundreds of the quicker ones. */
const inputsPerLookMin = 32
const inputsPerLookMax = 4_096
const corpusMax = 5_000

export async function campaign(target: FuzzTarget, options: CampaignOptions): Promise<CampaignResult> {
  const { seed, inputsMax = Number.POSITIVE_INFINITY, isOver = () => false, explore } = options
  const coverage = explore?.coverage
  const random = new SeededRandom(seed)
  const corpus = [...target.seeds()]
  const materials = { corpus, words: target.words ?? [], bytesMax: target.bytesMax ?? 4_096 }
  const outcomes: Record<string, number> = {}
  const findings = new Map<string, Finding>()
  const watch = new RejectionWatch()
  let inputs = 0
  const one = async (input: FuzzInput) => {
    inputs++
    const outcome = await attempt(target, input, watch)
    if (typeof outcome === "string") {
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
      return
    }
    outcomes.finding = (outcomes.finding ?? 0) + 1
    const kind = kindOf(outcome)
    if (findings.has(kind) || findings.size >= 20) return
    const small = await smaller(target, input, kind, watch)
    findings.set(kind, { target: target.name, kind, error: outcome.stack ?? outcome.message, input: small })
  }
  /** Into the corpus with those that reach new code; by halves, for few do. */
  const keepNew = async (batch: readonly FuzzInput[]): Promise<void> => {
    for (const input of batch) await attempt(target, input, watch)
    if (coverage?.look() !== true) return
    if (batch.length === 1) {
      corpus.push(batch[0]!.bytes)
      return
    }
    coverage.forgetLast()
    await keepNew(batch.slice(0, batch.length >> 1))
    await keepNew(batch.slice(batch.length >> 1))
  }
  try {
    // The seeds themselves first, whole and cut.
    for (const bytes of [...corpus]) for (const cut of [0, 1, 2]) await one({ bytes, cut })
    coverage?.start()
    let batchSize = inputsPerLookMin
    while (inputs < inputsMax && !isOver()) {
      const batch: FuzzInput[] = []
      const started = performance.now()
      while (batch.length < batchSize && inputs < inputsMax && !isOver()) {
        const fresh = target.generate !== undefined && random.below(4) === 0
        const bytes = fresh ? target.generate!(random) : mutated(random, materials)
        const input = { bytes, cut: random.below(3) === 0 ? 0 : 1 + random.below(0xffff_fffe) }
        batch.push(input)
        await one(input)
      }
      if (coverage?.isOn !== true) continue
      if (explore!.isOver()) {
        coverage.stop()
        continue
      }
      const ran = performance.now()
      if (coverage.look() && corpus.length < corpusMax) {
        coverage.forgetLast()
        await keepNew(batch)
      }
      // To look must not cost more than a part of the time.
      if (performance.now() - ran > (ran - started) / 4) batchSize = Math.min(inputsPerLookMax, batchSize * 2)
    }
  } finally {
    coverage?.stop()
    watch.stop()
  }
  return { target: target.name, inputs, outcomes, corpus: corpus.length, findings: [...findings.values()] }
}

/** One input once more, as a finding names it. */
export async function repeat(target: FuzzTarget, input: FuzzInput): Promise<string | Error> {
  const watch = new RejectionWatch()
  try {
    return await attempt(target, input, watch)
  } finally {
    watch.stop()
  }
}

/** Promises that reject and exceptions out of callbacks, which no caller sees. */
class RejectionWatch {
  #caught: unknown[] = []
  readonly #note = (reason: unknown) => this.#caught.push(reason)

  constructor() {
    process.on("unhandledRejection", this.#note)
    process.on("uncaughtException", this.#note)
  }
  take(): unknown {
    const [first] = this.#caught
    this.#caught = []
    return first
  }
  stop(): void {
    process.off("unhandledRejection", this.#note)
    process.off("uncaughtException", this.#note)
  }
}

async function attempt(target: FuzzTarget, input: FuzzInput, watch: RejectionWatch): Promise<string | Error> {
  try {
    const running = target.run(input)
    const outcome = typeof running === "string" ? running : await running
    const stray = watch.take()
    return stray === undefined ? outcome : asError(stray)
  } catch (thrown) {
    watch.take()
    return asError(thrown)
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}

function kindOf(error: Error): string {
  const at =
    error instanceof Broken ? "" : (/at .*?\(?[^()\s]*?([\w-]+\.\w+):\d+:\d+/.exec(error.stack ?? "")?.[0] ?? "")
  return `${error.name}: ${error.message
    .split("\n")[0]!
    .replace(/[0-9a-f]{6,}|\d+/g, "#")
    .slice(0, 100)} ${at}`
}

/** The shortest input found by leaving out stretches that still fails in the same way, if possible in one piece. */
async function smaller(target: FuzzTarget, input: FuzzInput, kind: string, watch: RejectionWatch): Promise<FuzzInput> {
  let tries = 400
  const fails = async (candidate: FuzzInput) => {
    if (tries-- <= 0) return false
    const outcome = await attempt(target, candidate, watch)
    return typeof outcome !== "string" && kindOf(outcome) === kind
  }
  let best = input
  if (await fails({ ...best, cut: 0 })) best = { ...best, cut: 0 }
  for (
    let step = Math.ceil(best.bytes.length / 2);
    step >= 1 && tries > 0;
    step = step === 1 ? 0 : Math.ceil(step / 2)
  ) {
    for (let at = 0; at < best.bytes.length && tries > 0; ) {
      const shorter = concat([best.bytes.subarray(0, at), best.bytes.subarray(at + step)])
      if (shorter.length < best.bytes.length && (await fails({ ...best, bytes: shorter })))
        best = { ...best, bytes: shorter }
      else at += step
    }
  }
  return best
}
