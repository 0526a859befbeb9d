/**
 * One data frame as the endpoint sees it: header and payload where they lie, with nothing read before it is needed. A
 * loop over a batch reuses one Frame; `keep` makes a copy that owns its octets.
 */
import { readU32, readU64 } from "../core/bytes.ts"
import { At, headerBytes } from "../message/header.ts"

export class Frame {
  header: Uint8Array = nothing
  /** Where the header begins, and ends with its extensions. */
  at = 0
  headerEnd = 0
  body: Uint8Array = nothing
  start = 0
  end = 0
  /** When a stream parked it. */
  parkedAt = 0

  get kind(): number {
    return this.header[this.at + At.Kind]!
  }
  get flags(): number {
    return this.header[this.at + At.Flags]!
  }
  get codec(): number {
    return this.header[this.at + At.Codec]!
  }
  get hops(): number {
    return this.header[this.at + At.Hops]!
  }
  get epoch(): number {
    return readU32(this.header, this.at + At.Epoch)
  }
  get sequence(): number {
    return readU64(this.header, this.at + At.Sequence)
  }
  get order(): number {
    return readU64(this.header, this.at + At.Order)
  }
  /** Octets of extensions. */
  get extensionBytes(): number {
    return this.headerEnd - this.at - headerBytes
  }
  get payloadBytes(): number {
    return this.end - this.start
  }

  payload(): Uint8Array {
    return this.body.subarray(this.start, this.end)
  }
  headerView(): Uint8Array {
    return this.header.subarray(this.at, this.headerEnd)
  }

  /** A frame of its own, on octets of its own. */
  keep(): Frame {
    const size = this.headerEnd - this.at
    const own = new Uint8Array(size + this.payloadBytes)
    own.set(this.headerView())
    own.set(this.payload(), size)
    const frame = new Frame()
    frame.header = own
    frame.headerEnd = size
    frame.body = own
    frame.start = size
    frame.end = own.length
    return frame
  }

  /** A frame over octets that stay as they are. */
  static over(header: Uint8Array, payload: Uint8Array): Frame {
    const frame = new Frame()
    frame.header = header
    frame.headerEnd = header.length
    frame.body = payload
    frame.end = payload.length
    return frame
  }
}

const nothing = new Uint8Array(0)
