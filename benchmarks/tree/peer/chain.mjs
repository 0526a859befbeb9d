// What the processes of all chains share.
export const say = line => process.stdout.write(`${JSON.stringify(line)}\n`)

/** Microseconds; the first, `warmup` of them, are not counted. */
export function summary(times, warmup) {
  const sorted = Float64Array.from(times.slice(warmup)).sort()
  return { median: sorted[sorted.length >> 1], p99: sorted[Math.floor(sorted.length * 0.99)] }
}

/** Resolves when the parent closes our standard input. */
export const dismissed = () =>
  new Promise(resolve => {
    process.stdin.on("end", resolve)
    process.stdin.resume()
  })
