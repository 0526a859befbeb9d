// What the programs of all contenders share.
export const [role, count, size, clients, address, window] = process.argv
  .slice(2)
  .map((each, index) => (index === 0 || index === 4 ? each : Number(each)))

export const say = line => process.stdout.write(`${JSON.stringify(line)}\n`)

const cpuAtStart = process.cpuUsage()
let cpuMark = cpuAtStart
/** CPU is counted from here: joining is not what is measured. */
export function markCpu() {
  cpuMark = process.cpuUsage()
}
export function cpuMs() {
  const used = process.cpuUsage(cpuMark)
  return (used.user + used.system) / 1000
}

/** Resolves when the parent closes our standard input. */
export const dismissed = () =>
  new Promise(resolve => {
    process.stdin.on("end", resolve)
    process.stdin.resume()
  })

/** Messages that come first and are not counted. */
export function warmup(clients) {
  return Math.min(30_000, Math.max(3000, Math.round(300_000 / clients)))
}
/** Questions that come first and are not counted. */
export const warmupAsks = 4000

/** Counts deliveries of every client and tells how far the slowest is. */
export class Tally {
  #counts
  #full = 0
  #started
  #told = 0
  #before = 0
  #warm
  #unwarmed
  constructor(onProgress) {
    // The clock starts when every client has these: compiling the hot paths is not what is measured.
    this.#warm = warmup(clients)
    this.#unwarmed = clients
    this.#counts = new Uint32Array(clients)
    this.onProgress = onProgress
    this.done = new Promise(resolve => {
      this.finish = resolve
    })
  }
  /** Message number `n` (from 0) came at that client; they must come in order and without holes. */
  add(client, n) {
    const counts = this.#counts
    if (n !== counts[client]) throw new Error(`client ${client} got message ${n}, not ${counts[client]}`)
    if (++counts[client] === this.#warm && --this.#unwarmed === 0) {
      this.#started = performance.now()
      markCpu()
      this.#before = 0
      for (const each of counts) this.#before += each
    }
    if (counts[client] === count && ++this.#full === clients) {
      const seconds = (performance.now() - this.#started) / 1000
      this.finish({ seconds, deliveries: count * clients - this.#before, cpuMs: cpuMs() })
    }
    if (counts[client] % 512 === 0) {
      const slowest = Math.min(...counts)
      if (slowest >= this.#told + 512) {
        this.#told = slowest
        this.onProgress(slowest)
      }
    }
  }
}

export function summary(times) {
  const sorted = Float64Array.from(times.slice(warmupAsks)).sort()
  return { median: sorted[sorted.length >> 1], p99: sorted[Math.floor(sorted.length * 0.99)] }
}
