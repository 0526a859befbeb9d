/** Gives each message to the next connection that has room. */
import type { Outbox } from "../outbox.ts"

export class RoundRobin {
  readonly #members: Outbox[] = []
  #next = 0
  /** Who took the last message. */
  last: Outbox | undefined

  get size(): number {
    return this.#members.length
  }
  get hasRoom(): boolean {
    return this.#members.some(one => one.hasRoom)
  }

  add(one: Outbox): void {
    this.#members.push(one)
  }

  remove(one: Outbox): void {
    const at = this.#members.indexOf(one)
    if (at < 0) return
    if (this.last === one) this.last = undefined
    this.#members.splice(at, 1)
    if (this.#next > at) this.#next--
    if (this.#next >= this.#members.length) this.#next = 0
  }

  /** False when nobody has room; the message is then not taken. */
  send(frames: readonly Uint8Array[]): boolean {
    const members = this.#members
    const count = members.length
    if (count === 1) {
      const only = members[0]!
      if (!only.send(frames)) return false
      this.last = only
      return true
    }
    for (let tried = 0; tried < count; tried++) {
      const one = members[this.#next]!
      if (++this.#next === count) this.#next = 0
      if (!one.send(frames)) continue
      this.last = one
      return true
    }
    return false
  }
}
