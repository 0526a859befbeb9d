/** How values become payload octets. The codec's number travels in the header, so receivers need no agreement. */

/**
 * Turns values into octets and back; safe to share. A codec remembers nothing between calls, so each payload stands
 * alone. The conformance suite is `codecSuite` in `zincmq/testing`.
 */
export interface Codec<T = unknown> {
  /** For people and options: "json". */
  readonly name: string
  /** The octet in the header: 0–127 are Zinc's (0 raw, 1 JSON, 2 MessagePack, 3 Protocol Buffers), 128–255 the user's. */
  readonly number: number
  /**
   * Throws `BadPayload` on a value it cannot write. The octets are the caller's, except that a codec may hand back
   * octets which the value itself holds (raw does): whoever keeps them while the value may change copies them.
   */
  encode(value: T): Uint8Array
  /** Throws `BadPayload` on octets it cannot read. What it returns may hold views of them: copy what you keep. */
  decode(bytes: Uint8Array): T
}

/** Numbers of the codecs that come with Zinc. */
export const CodecNumber = { Raw: 0, Json: 1, Msgpack: 2, Protobuf: 3 } as const
export type CodecNumber = (typeof CodecNumber)[keyof typeof CodecNumber]

/** The numbers that are the user's to give, both included. */
export const userCodecNumbers: { readonly min: number; readonly max: number } = { min: 128, max: 255 }
