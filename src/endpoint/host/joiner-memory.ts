/**
 * What a joiner remembers of the topics it has sent on: where its own numbers begin on each (L7). There may be tens of
 * thousands; a long memory is taken in by and by, so that those who are in do not wait for it, and one at a time.
 */
import type { Clock } from "../../core/clock.ts"
import type { Join } from "../../message/control.ts"
import type { Link } from "./link.ts"

/** Topics taken in at once: some milliseconds of work. */
const perTurn = 1000
/** What others have to themselves between two turns. */
const restMs = 5

type Memory = Join["memory"]

export class JoinerMemory {
  readonly #clock: Clock
  readonly #open: (link: Link, topic: Memory[number]) => void
  #isBusy = false

  /** `open` takes in one topic; what it throws goes to who called `take`, or to `failed`. */
  constructor(clock: Clock, open: (link: Link, topic: Memory[number]) => void) {
    this.#clock = clock
    this.#open = open
  }

  /** A long memory, while another is being taken in, has to wait. */
  hasRoomFor(memory: Memory): boolean {
    return !this.#isBusy || !isLong(memory)
  }

  /** Takes in a short one at once, and returns true; of a long one `done` is told later, unless it does not stay. */
  take(
    link: Link,
    memory: Memory,
    later: { readonly stays: () => boolean; readonly done: () => void; readonly failed: (thrown: unknown) => void },
  ): boolean {
    if (!isLong(memory)) {
      for (const topic of memory) this.#open(link, topic)
      return true
    }
    this.#isBusy = true
    let at = 0
    const turn = () => {
      let isOver = true
      try {
        if (!later.stays()) return
        for (const end = Math.min(at + perTurn, memory.length); at < end; at++) this.#open(link, memory[at]!)
        isOver = at === memory.length
        if (isOver) later.done()
        else this.#clock.after(restMs, turn)
      } catch (thrown) {
        later.failed(thrown)
      } finally {
        if (isOver) this.#isBusy = false
      }
    }
    this.#clock.after(0, turn)
    return false
  }
}

function isLong(memory: Memory): boolean {
  return memory.length > perTurn
}
