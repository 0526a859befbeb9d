/** What goes wrong in one tree of voters: root after root is lost, and each seed adds its own mix of other faults. */
import type { SeededRandom } from "../../../core/random.ts"
import type { Leg, LegFaults } from "../../../transport/simulated/fault.ts"

export const PromotionFaultKind = {
  /** The root's process is killed, or its machine loses power. */
  KillRoot: "killRoot",
  PauseRoot: "pauseRoot",
  /** Nothing passes between the root and anybody. */
  CutRoot: "cutRoot",
  /** One way only. */
  DeafRoot: "deafRoot",
  /** SIGTERM: the reign is handed over (R7). */
  CloseRoot: "closeRoot",
  CrashVoter: "crashVoter",
  /** With its folder. */
  WipeVoter: "wipeVoter",
  PauseVoter: "pauseVoter",
  CrashOther: "crashOther",
  PauseOther: "pauseOther",
  /** The network parts in two: a majority of the voters on one side. */
  Split: "split",
  Partition: "partition",
  OneWay: "oneWay",
  Disconnect: "disconnect",
  Slow: "slow",
  SlowDisk: "slowDisk",
  Drop: "drop",
  Duplicate: "duplicate",
  Reorder: "reorder",
  Delay: "delay",
  Drift: "drift",
  StoreDown: "storeDown",
  StoreSlow: "storeSlow",
} as const
export type PromotionFaultKind = (typeof PromotionFaultKind)[keyof typeof PromotionFaultKind]

export interface PromotionFault {
  readonly kind: PromotionFaultKind
  readonly atMs: number
  readonly forMs: number
  /** Chooses whom and how, by the kind. */
  readonly draw: number
}

export interface PromotionScriptOptions {
  readonly fromMs: number
  readonly untilMs: number
  readonly external: boolean
}

/** Faults that hold for long are few at a time, or there is no majority and nothing to promote. */
const rare: readonly PromotionFaultKind[] = ["wipeVoter", "split", "storeDown", "storeSlow", "closeRoot", "drift"]

export function drawPromotionScript(random: SeededRandom, options: PromotionScriptOptions): PromotionFault[] {
  const { fromMs, untilMs, external } = options
  const faults: PromotionFault[] = []
  const add = (kind: PromotionFaultKind, atMs: number, forMs: number) =>
    faults.push({ kind, atMs, forMs, draw: random.u32() })
  // A quarter of the seeds kills one root after the other with little time between.
  const least = random.below(4) === 0 ? 700 : 1_500
  for (let at = fromMs; at < untilMs; at += least + 1_500 * random.float())
    add("killRoot", at, 50 + 1_200 * random.float() ** 2)
  const others = (Object.values(PromotionFaultKind) as PromotionFaultKind[]).filter(
    kind => kind !== "killRoot" && (external || !kind.startsWith("store")),
  )
  const kinds = others.filter(() => random.below(4) === 0)
  while (kinds.length < 2) kinds.push(others[random.below(others.length)]!)
  const count = 3 + random.below(8)
  for (let i = 0; i < count; i++) {
    const kind = kinds[i < kinds.length ? i : random.below(kinds.length)]!
    if (i >= kinds.length && rare.includes(kind) && random.below(3) > 0) continue
    const forMs = random.below(3) === 0 ? 20 + 200 * random.float() : 200 + 3_300 * random.float()
    add(kind, fromMs + random.float() * (untilMs - fromMs), forMs)
  }
  return faults.sort((a, b) => a.atMs - b.atMs)
}

/** The faults of all links that such a fault means. */
export function linkFaults({ kind, draw }: PromotionFault): { readonly leg: Leg | "all"; readonly faults: LegFaults } {
  const rate = [0.001, 0.01, 0.05, 0.2][draw % 4]!
  const leg = (["publish", "push", "all", "all"] as const)[(draw >>> 2) % 4]!
  switch (kind) {
    case "drop":
      return { leg, faults: { dropRate: leg === "all" ? rate / 10 : rate } }
    case "duplicate":
      return { leg, faults: { duplicateRate: rate } }
    case "reorder":
      return { leg, faults: { reorderRate: rate } }
    default: {
      const max = [1, 10, 40][(draw >>> 4) % 3]!
      return { leg: "all", faults: { latencyMs: { min: 0.1, max, heavyTail: [0, 0.01, 0.05][(draw >>> 6) % 3]! } } }
    }
  }
}

/** One line for a person. */
export function describePromotionFault({ kind, atMs, forMs, draw }: PromotionFault): string {
  return `${atMs.toFixed(0).padStart(6)} ms ${kind} for ${forMs.toFixed(0)} ms (${draw})`
}
