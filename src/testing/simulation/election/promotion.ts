/** How long the tree was without a root, by what took it away. */
import type { ElectionFaultKind } from "./election-script.ts"

export interface Promotion {
  readonly cause: ElectionFaultKind
  readonly ms: number
  /** When it was over, in virtual milliseconds. */
  readonly atMs: number
  /** Nothing else was wrong meanwhile: fair weather, one fault. */
  readonly clean: boolean
  readonly external: boolean
  /** Three voters or more, at addresses whose refusal proves something. */
  readonly usual: boolean
}

/** The value below which that share of the sorted values lies. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}
