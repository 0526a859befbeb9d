/** PUB: an XPUB that does not tell who wants what, and does not listen to subscribers otherwise. */
import { SocketType } from "../../../zmtp/socket-type.ts"
import { XPub, type XPubOptions } from "./xpub.ts"

export class Pub extends XPub {
  protected override readonly socketType: SocketType = SocketType.Pub

  constructor(options: Omit<XPubOptions, "onBatch" | "verbose" | "verboser"> = {}) {
    super(options)
  }

  protected override heard(): void {}
}
