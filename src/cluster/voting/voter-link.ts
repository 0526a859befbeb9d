/** One connection to another voter, dialled or accepted; both ends know who the other is. */
import { type Control, type ControlBody, encodeControl } from "../../message/control.ts"
import type { VoterEntry } from "../election/root-record.ts"

/** What carries it. */
export interface LinkCarrier {
  send(frames: readonly Uint8Array[]): boolean
  close(): void
}

export class VoterLink {
  /** Who is at the other end, and where it says that it is found. */
  readonly peer: VoterEntry
  /** We have dialled. */
  readonly dialled: boolean
  readonly #carrier: LinkCarrier
  readonly #onControl: (link: VoterLink, control: Control) => void
  readonly #onClosed: (link: VoterLink) => void
  #open = true

  constructor(
    peer: VoterEntry,
    dialled: boolean,
    carrier: LinkCarrier,
    onControl: (link: VoterLink, control: Control) => void,
    onClosed: (link: VoterLink) => void,
  ) {
    this.peer = peer
    this.dialled = dialled
    this.#carrier = carrier
    this.#onControl = onControl
    this.#onClosed = onClosed
  }

  get open(): boolean {
    return this.#open
  }

  tell(body: ControlBody): boolean {
    return this.#open && this.#carrier.send([encodeControl(body)])
  }

  received(control: Control): void {
    if (this.#open) this.#onControl(this, control)
  }

  /** The connection is gone. */
  lost(): void {
    if (!this.#open) return
    this.#open = false
    this.#onClosed(this)
  }

  /** We do not need it any more: nobody is told. */
  close(): void {
    if (!this.#open) return
    this.#open = false
    this.#carrier.close()
  }
}
