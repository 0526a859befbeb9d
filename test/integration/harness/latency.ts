/**
 * How long messages take, in windows that alternate between quiet and noisy, so that the machine's moods hit both.
 */
import type { EndpointProcess } from "./endpoint-process.ts"
import { lasting } from "./scene.ts"

export interface Comparison {
  /**
   * Lower quartiles over the windows of the 99th percentile, in microseconds: what neighbours on the machine add, they
   * add to some windows of either kind, and what we add by a fault of ours, to every noisy one.
   */
  readonly quiet: number
  readonly noisy: number
  readonly windows: readonly { readonly quiet: number; readonly noisy: number }[]
}

export interface Compared {
  readonly readers: readonly EndpointProcess[]
  readonly rounds: number
  readonly windowMs: number
  /** Begins the noise; what it resolves to ends it. Nothing of it may linger into the quiet window that follows. */
  readonly noise: () => Promise<() => Promise<void>>
}

/**
 * Below this the 99th percentile speaks of the machine's scheduler, not of us: quiet windows on an idle machine with
 * two cores vary by as much.
 */
const floorUs = 5_000

/** The noisy windows may take twice as long as the quiet ones beside them. */
export const ratioMax = 2

/** What the comparison comes to; at most `ratioMax` is well. */
export function ratio({ quiet, noisy }: Comparison): number {
  return noisy / Math.max(quiet, floorUs)
}

/** Compares `rounds` windows of each kind; where that is not well, as many again, and up to five times: all of them count. */
export async function compare(compared: Compared): Promise<Comparison> {
  const windows: { quiet: number; noisy: number }[] = []
  let comparison: Comparison
  let series = 0
  do {
    windows.push(...(await measure(compared)))
    const quartile = (kind: "quiet" | "noisy") => lowerQuartile(windows.map(one => one[kind]))
    comparison = { quiet: quartile("quiet"), noisy: quartile("noisy"), windows }
  } while (++series < seriesMax && ratio(comparison) > ratioMax)
  return comparison
}

const seriesMax = 5

async function measure({ readers, rounds, windowMs, noise }: Compared) {
  const windows: { quiet: number; noisy: number }[] = []
  for (let round = 0; round < rounds; round++) {
    const quiet = await window(readers, windowMs)
    const end = await noise()
    const noisy = await window(readers, windowMs)
    await end()
    windows.push({ quiet, noisy })
  }
  return windows
}

async function window(readers: readonly EndpointProcess[], windowMs: number): Promise<number> {
  await Promise.all(readers.map(reader => reader.delays()))
  await lasting(windowMs)
  const delays = await Promise.all(readers.map(reader => reader.delays()))
  // Nothing came at all: it took at least that long.
  return Math.max(...delays.map(({ count, p99 }) => (count === 0 ? windowMs * 1000 : p99)))
}

function lowerQuartile(numbers: number[]): number {
  return numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 4)]!
}
