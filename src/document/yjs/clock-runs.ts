/** Runs of clocks of one client, as Yjs' delete sets have them. */
export interface ClockRun {
  readonly clock: number
  readonly len: number
}

/** Sorted, with neighbours and overlaps joined. Sorts what it is given. */
export function joinedRuns(runs: ClockRun[]): ClockRun[] {
  if (runs.length < 2) return runs
  runs.sort((a, b) => a.clock - b.clock)
  const joined: ClockRun[] = []
  let { clock, len } = runs[0]!
  for (const run of runs) {
    if (run.clock <= clock + len) len = Math.max(len, run.clock + run.len - clock)
    else {
      joined.push({ clock, len })
      clock = run.clock
      len = run.len
    }
  }
  joined.push({ clock, len })
  return joined
}

/** Adds the runs of each client to those known. */
export function addRuns(known: Map<number, ClockRun[]>, more: ReadonlyMap<number, readonly ClockRun[]>): void {
  for (const [client, runs] of more) {
    const before = known.get(client)
    if (before === undefined) known.set(client, runs.slice())
    else for (const run of runs) before.push(run)
  }
}
