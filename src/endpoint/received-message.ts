/** The message a handler gets: everything is read or decoded when first asked for. */

import { readU32, readU64 } from "../core/bytes.ts"
import { type EndpointId, endpointIdFromBytes } from "../core/id.ts"
import type { CodecRegistry } from "../message/codec-registry.ts"
import { At } from "../message/header.ts"
import type { Route } from "../message/topic.ts"
import type { Message } from "./api.ts"
import type { Frame } from "./frame.ts"
import type { Origin } from "./topic-state.ts"

export class ReceivedMessage implements Message {
  readonly topic: string
  readonly route: Route
  readonly sequence: number
  readonly codec: number
  readonly direct: boolean
  signal: AbortSignal | undefined
  /** Set for requests: told what the handler gave or threw. */
  settle: ((result: unknown, error: unknown) => void) | undefined
  readonly #origin: Origin
  readonly #epoch: number
  readonly #order: number
  readonly #body: Uint8Array
  readonly #start: number
  readonly #end: number
  readonly #codecs: CodecRegistry
  #payload: Uint8Array | undefined
  #value: unknown
  #decoded = false

  constructor(
    topic: string,
    route: Route,
    frame: Frame,
    origin: Origin,
    sequence: number,
    direct: boolean,
    codecs: CodecRegistry,
  ) {
    this.topic = topic
    this.route = route
    this.sequence = sequence
    this.direct = direct
    this.codec = frame.codec
    this.#origin = origin
    this.#epoch = readU32(frame.header, frame.at + At.Epoch)
    this.#order = readU64(frame.header, frame.at + At.Order)
    this.#body = frame.body
    this.#start = frame.start
    this.#end = frame.end
    this.#codecs = codecs
  }

  get origin(): EndpointId {
    return idOf(this.#origin)
  }
  get order(): { readonly epoch: number; readonly number: number } | undefined {
    return this.#order === 0 ? undefined : { epoch: this.#epoch, number: this.#order }
  }
  get payload(): Uint8Array {
    this.#payload ??= this.#body.subarray(this.#start, this.#end)
    return this.#payload
  }
  get value(): unknown {
    if (!this.#decoded) {
      this.#value = this.#codecs.byNumber(this.codec, this.topic).decode(this.payload)
      this.#decoded = true
    }
    return this.#value
  }
}

/** The origin's id as text, made once. */
export function idOf(origin: Origin): EndpointId {
  origin.id ??= endpointIdFromBytes(origin.bytes)
  return origin.id as EndpointId
}
