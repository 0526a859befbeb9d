/**
 * How far the root has what a relay's clients pushed (L7). What they push goes up in the relay's own numbers; as the host
 * above says how far those are rooted, each client is told of its own.
 */
import type { Link } from "./link.ts"

interface Passed {
  readonly link: Link
  /** The client's leg number, and the relay's own that covers it. */
  leg: number
  readonly up: number
  /** Somebody waits to hear it. */
  prompt: boolean
}

export class Rooting {
  readonly #onRooted: (link: Link, prompt: boolean) => void
  /** In the order in which they came, so that both numbers rise. */
  #passed: Passed[] = []
  #first = 0
  #rooted = 0

  /** `onRooted`: more of what that client pushed is rooted; `prompt` when somebody waits to hear it. */
  constructor(onRooted: (link: Link, prompt: boolean) => void) {
    this.#onRooted = onRooted
  }

  /** The client's frame is rooted once all is that the relay has sent up so far, through `up`. */
  passed(link: Link, leg: number, up: number, prompt: boolean): void {
    if (up <= this.#rooted && this.#first === this.#passed.length) {
      link.rooted = leg
      return
    }
    const last = this.#first < this.#passed.length ? this.#passed[this.#passed.length - 1] : undefined
    if (last?.link === link && last.up === up) {
      last.leg = leg
      last.prompt ||= prompt
    } else this.#passed.push({ link, leg, up, prompt })
  }

  /** The root has all that went up through that number. */
  rootedThrough(up: number): void {
    if (up <= this.#rooted) return
    this.#rooted = up
    const risen = new Map<Link, boolean>()
    while (this.#first < this.#passed.length && this.#passed[this.#first]!.up <= up) {
      const { link, leg, prompt } = this.#passed[this.#first++]!
      link.rooted = Math.max(link.rooted, leg)
      if (prompt || !risen.has(link)) risen.set(link, prompt)
    }
    if (this.#first > 1024 && this.#first * 2 > this.#passed.length) {
      this.#passed = this.#passed.slice(this.#first)
      this.#first = 0
    }
    for (const [link, prompt] of risen) this.#onRooted(link, prompt)
  }
}
