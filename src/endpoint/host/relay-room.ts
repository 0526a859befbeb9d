/**
 * What a host knows of one relay among its clients: where others may dial it, how much room there is below it, and how
 * busy it is. The relay says it with its JOIN and with its answers to heartbeats; between two of those the host counts whom
 * it has sent there itself.
 */
import { boundedRoom, noRoom, type RoomNumbers } from "../room.ts"

/** Joiners that a relay is sent until its first answer; each answer doubles it, so that a cold one is not flooded. */
const firstRamp = 4
const rampMax = 65_536

export class RelayRoom {
  /** As it said them; wildcards are not resolved. */
  readonly addresses: readonly string[]
  #told: RoomNumbers
  #loopLagMs = 0
  #queueFill = 0
  /** Joiners sent there since its last answer, and between the two answers before: those may still be on their way. */
  #sent = 0
  #sentBefore = 0
  #ramp = firstRamp

  constructor(addresses: readonly string[], room: RoomNumbers | undefined) {
    this.addresses = addresses
    this.#told = room === undefined ? noRoom : boundedRoom(room)
  }

  /** As it was last told. */
  get told(): RoomNumbers {
    return this.#told
  }
  /** Milliseconds by which its event loop was late of late. */
  get loopLagMs(): number {
    return this.#loopLagMs
  }
  /** How full its buffer for what goes up is, in hundredths. */
  get queueFill(): number {
    return this.#queueFill
  }
  /** Joiners that may be sent there now. */
  get available(): number {
    const { free, below } = this.#told
    return Math.max(0, Math.min(free + below - this.#sent - this.#sentBefore, this.#ramp - this.#sent))
  }
  /** Of these, who would find a place at the relay itself. */
  get near(): number {
    return Math.max(0, Math.min(this.#told.free - this.#sent - this.#sentBefore, this.#ramp - this.#sent))
  }
  /** Joiners that may be sent there when nobody has room. */
  get spare(): number {
    return Math.max(0, Math.min(this.#told.spare - this.#sent - this.#sentBefore, this.#ramp - this.#sent))
  }
  /** It has room, but for the moment it has been sent enough. */
  get isRamping(): boolean {
    const { free, below } = this.#told
    return this.available === 0 && free + below > 0
  }
  /** Higher is worse: what a joiner would wait for. */
  get load(): number {
    return this.#loopLagMs + this.#queueFill
  }

  /** It has answered a heartbeat; without `room` that is as it was. */
  answered(room: RoomNumbers | undefined, loopLagMs: number, queueFill: number): void {
    if (room !== undefined) this.#told = boundedRoom(room)
    this.#loopLagMs = loopLagMs
    this.#queueFill = queueFill
    this.#sentBefore = this.#sent
    this.#sent = 0
    this.#ramp = Math.min(rampMax, this.#ramp * 2)
  }

  /** A joiner is sent there. */
  send(): void {
    this.#sent++
  }
}
