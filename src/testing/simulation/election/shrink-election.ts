/** The smallest part of a failing election's script that still breaks the same promise. */
import { shrinkScript } from "../shrink.ts"
import type { ElectionFault } from "./election-script.ts"
import { type ElectionOptions, type ElectionOutcome, simulateElection } from "./election-swarm.ts"

export interface ShrunkElection {
  /** The whole script. */
  readonly script: readonly ElectionFault[]
  /** What is left of it. */
  readonly shrunk: readonly ElectionFault[]
  /** The run with what is left. */
  readonly outcome: ElectionOutcome
}

/** Runs the election up to `limit` times more (default 100); one that breaks nothing stays whole. */
export async function shrinkElection(options: ElectionOptions, limit = 100): Promise<ShrunkElection> {
  const whole = simulateElection({ ...options, hasty: true })
  const [first] = whole.violations
  if (first === undefined) return { script: whole.script, shrunk: whole.script, outcome: whole }
  const fails = (script: readonly ElectionFault[]) =>
    simulateElection({ ...options, script, hasty: true }).violations.some(each => each.invariant === first.invariant)
  const shrunk = await shrinkScript(whole.script, fails, limit)
  return { script: whole.script, shrunk, outcome: simulateElection({ ...options, script: shrunk, hasty: true }) }
}
