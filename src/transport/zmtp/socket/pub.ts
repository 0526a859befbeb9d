/** PUB: an XPUB that does not tell who wants what, and does not listen to subscribers otherwise. */
import { SocketType } from "../../../zmtp/socket-type.ts"
import { XPub, type XPubOptions } from "./xpub.ts"

export interface PubOptions
  extends Omit<XPubOptions, "onBatch" | "verbose" | "verboser" | "manual" | "lastValue" | "welcome"> {
  /** Keep only the newest message for each subscriber, whatever the limits (libzmq's ZMQ_CONFLATE). Default false. */
  readonly conflate?: boolean
}

export class Pub extends XPub {
  protected override readonly socketType: SocketType = SocketType.Pub

  constructor(options: PubOptions = {}) {
    super(options)
  }

  protected override get conflates(): boolean {
    return (this.options as PubOptions).conflate ?? false
  }

  protected override heard(): void {}
}
