/**
 * R5: which reign gave which places of a stream, and from it how much of what a receiver has heard is part of the tree's
 * log. To compare with the start of the newest reign is not enough: whoever missed a reign may have heard of an older one
 * what that reign did not keep, below the place where the newest began.
 */

/** The places from `first` on were given in that epoch, up to where the next run begins. */
export interface StreamRun {
  readonly epoch: number
  readonly first: number
  /**
   * The run began after this place: the last one that was heard in a lower epoch, at a receiver that has missed those up to
   * `first`. Undefined: it began at `first`, or nothing was heard before.
   */
  readonly after?: number
}

/** What is known of where a run began, with what others say of it; what contradicts it counts for nothing. */
export function narrowed(run: StreamRun, told: readonly StreamRun[]): StreamRun {
  const other = told.find(({ epoch }) => epoch === run.epoch)
  if (other === undefined || run.after === undefined) return run
  const first = Math.min(run.first, other.first)
  const after = Math.max(run.after, other.after ?? other.first - 1)
  return after < first ? { ...run, first, after } : run
}

/** Runs kept per stream. A receiver further behind begins anew. */
export const runsMax = 16

/**
 * Notes that the place `order` was given in that epoch. Orders come without holes, and epochs do not fall with them: a lower
 * one is of a run that is known already, from whoever told of all of them. `after` as in `StreamRun`.
 */
export function noteRun(runs: StreamRun[], epoch: number, order: number, after?: number): void {
  const last = runs.at(-1)
  if (last !== undefined && last.epoch >= epoch) return
  runs.push(after === undefined ? { epoch, first: order } : { epoch, first: order, after })
  if (runs.length > runsMax) runs.shift()
}

/** Forgets the places after `order`. */
export function cutRuns(runs: StreamRun[], order: number): void {
  while (runs.length > 0 && runs.at(-1)!.first > order) runs.pop()
}

/** Where a stream stands, and in which reigns it came there. */
export interface StreamPlace {
  readonly order: number
  readonly runs: readonly StreamRun[]
}

/**
 * How many of the places that a receiver has heard are those of the tree. Undefined: it is too far behind to tell.
 */
export function commonPlaces(heard: StreamPlace, tree: StreamPlace): number | undefined {
  for (let i = heard.runs.length - 1; i >= 0; i--) {
    const { epoch, after = 0 } = heard.runs[i]!
    const there = tree.runs.findIndex(run => run.epoch === epoch)
    if (there < 0) continue
    const { first } = tree.runs[there]!
    if (first > after) return Math.min(lastOf(heard, i), surelyLastOf(tree, there))
    // Places of that reign were heard in a lower one: whoever heard the later ones first.
    if (there === 0) return first - 1
  }
  // No reign in common: the tree has nothing of ours, unless it has forgotten its older reigns.
  const forgotten = tree.runs.length > 0 && tree.runs[0]!.first > 1
  return forgotten && heard.order > 0 ? undefined : 0
}

/**
 * As `commonPlaces`, for a receiver whose host may itself be behind: what was given in the reign that the host heard last
 * counts as kept, for nothing speaks against it yet.
 */
export function keptPlaces(heard: StreamPlace, host: readonly StreamRun[]): number | undefined {
  return commonPlaces(heard, { order: Number.POSITIVE_INFINITY, runs: host })
}

/** In which epoch that place was given, as far as is remembered. */
export function epochAt(runs: readonly StreamRun[], order: number): number | undefined {
  for (let i = runs.length - 1; i >= 0; i--) if (runs[i]!.first <= order) return runs[i]!.epoch
  return undefined
}

function lastOf({ order, runs }: StreamPlace, index: number): number {
  const next = runs[index + 1]
  return next === undefined ? order : next.first - 1
}

/** Of a tree that may not know where the next run began: up to where the run surely went. */
function surelyLastOf({ order, runs }: StreamPlace, index: number): number {
  const next = runs[index + 1]
  return next === undefined ? order : (next.after ?? next.first - 1)
}
