/** How values become payload octets. The codec's number travels in the header, so receivers need no agreement. */

/** Turns values into octets and back; pure, and safe to share. */
export interface Codec<T = unknown> {
  /** For people and options: "json". */
  readonly name: string
  /** The octet in the header: 0–127 are Zinc's (0 raw, 1 JSON, 2 MessagePack, 3 Protocol Buffers), 128–255 the user's. */
  readonly number: number
  /** Throws `BadPayload` on a value it cannot write. */
  encode(value: T): Uint8Array
  /** Throws `BadPayload` on octets it cannot read. The octets may be a view: copy what you keep. */
  decode(bytes: Uint8Array): T
}
