/** A carrier whose dialled and accepted streams all lead to the fuzzer. */
import type { SimulatedClock } from "../../src/core/simulated-clock.ts"
import type { ByteStream, Carrier, CarrierListener } from "../../src/transport/carrier.ts"
import { HostileStream } from "./hostile-stream.ts"

export class HostileCarrier implements Carrier {
  readonly schemes: readonly string[] = ["tcp"]
  /** Those we dialled, oldest first. */
  readonly dialled: HostileStream[] = []
  readonly #clock: SimulatedClock
  #onStream: ((stream: ByteStream) => void) | undefined

  constructor(clock: SimulatedClock) {
    this.#clock = clock
  }

  async listen(_address: string, onStream: (stream: ByteStream) => void): Promise<CarrierListener> {
    this.#onStream = onStream
    return { address: "tcp://127.0.0.1:1", close: async () => {} }
  }
  async dial(): Promise<ByteStream> {
    const stream = new HostileStream(this.#clock)
    this.dialled.push(stream)
    return stream
  }

  /** Somebody dials us. */
  knock(): HostileStream {
    const stream = new HostileStream(this.#clock)
    this.#onStream!(stream)
    return stream
  }
}
