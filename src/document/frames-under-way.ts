/** Frames of local changes on their way to the root. On a slow link, or a busy machine, edits gather rather than queue. */
import type { Timer } from "../core/clock.ts"
import type { DocumentPort } from "../endpoint/document-port.ts"

/** At once; what is edited beyond gathers, and travels as one more. */
const framesMax = 8
/** After this a frame under way no longer holds back others, whatever became of it. */
const underWayMs = 1_000

export class FramesUnderWay {
  readonly #port: Pick<DocumentPort, "clock" | "rooted">
  readonly #onRoom: () => void
  #count = 0
  #link = 0

  /** `onRoom`: another may go after there was no room. */
  constructor(port: Pick<DocumentPort, "clock" | "rooted">, onRoom: () => void) {
    this.#port = port
    this.#onRoom = onRoom
  }

  get full(): boolean {
    return this.#count >= framesMax
  }

  /** Another was sent. */
  sent(): void {
    if (++this.#count === framesMax) this.#awaitRoot()
  }

  /** The link they were on is over. */
  forget(): void {
    this.#link++
    this.#count = 0
  }

  #awaitRoot(): void {
    const link = this.#link
    let timer: Timer | undefined
    const arrived = () => {
      timer?.cancel()
      if (link !== this.#link || !this.full) return
      this.#count = 0
      this.#onRoom()
    }
    timer = this.#port.clock.after(underWayMs, arrived)
    this.#port.rooted().then(arrived, arrived)
  }
}
