/**
 * Which parts of our code have run, by the engine's own counters. To ask costs tens of milliseconds, and to count makes
 * everything several times slower; so it is asked once for many inputs, and only at the beginning of a campaign.
 */
import { Session } from "node:inspector"

interface Block {
  readonly startOffset: number
  readonly endOffset: number
  readonly count: number
}
interface Script {
  readonly scriptId: string
  readonly url: string
  readonly functions: readonly { readonly ranges: readonly Block[] }[]
}

export class Coverage {
  readonly #session = new Session()
  readonly #isOurs: (url: string) => boolean
  #seen = new Set<string>()
  #last: string[] = []
  #isOn = false

  /** `isOurs` says by its address whether a script counts. */
  constructor(isOurs: (url: string) => boolean) {
    this.#isOurs = isOurs
    this.#session.connect()
    this.#post("Profiler.enable")
  }

  /** While it is on, everything runs many times slower. */
  get isOn(): boolean {
    return this.#isOn
  }
  start(): void {
    this.#isOn = true
    this.#post("Profiler.startPreciseCoverage", { callCount: true, detailed: true })
    this.look()
  }
  stop(): void {
    if (this.#isOn) this.#post("Profiler.stopPreciseCoverage")
    this.#isOn = false
  }

  /** Stretches of code reached so far. */
  get reached(): number {
    return this.#seen.size
  }

  /** Whether anything ran since the last look that never had before. */
  look(): boolean {
    const { result } = this.#post("Profiler.takePreciseCoverage") as { readonly result: readonly Script[] }
    this.#last = []
    for (const { url, scriptId, functions } of result) {
      if (!this.#isOurs(url)) continue
      for (const { ranges } of functions) {
        for (const { startOffset, endOffset, count } of ranges) {
          if (count === 0) continue
          const key = `${scriptId}:${startOffset}-${endOffset}`
          if (this.#seen.has(key)) continue
          this.#seen.add(key)
          this.#last.push(key)
        }
      }
    }
    return this.#last.length > 0
  }

  /** What the last look found new counts as new once more. */
  forgetLast(): void {
    for (const key of this.#last) this.#seen.delete(key)
    this.#last = []
  }

  close(): void {
    this.stop()
    this.#session.disconnect()
  }

  #post(method: string, parameters: object = {}): unknown {
    let answer: unknown
    let fault: Error | null = null
    // The session of one's own thread answers before `post` returns.
    this.#session.post(method, parameters, (error: Error | null, result?: object) => {
      fault = error
      answer = result
    })
    if (fault !== null) throw fault
    return answer
  }
}
