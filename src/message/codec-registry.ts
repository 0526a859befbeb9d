/** The codecs one endpoint knows: by name for whoever sends, by number for whoever receives, by topic where declared. */
import { ZincError } from "../core/errors.ts"
import { type Codec, CodecNumber, userCodecNumbers } from "./codec.ts"
import { jsonCodec } from "./json-codec.ts"
import { msgpackCodec } from "./msgpack-codec.ts"
import { rawCodec } from "./raw-codec.ts"

export class CodecRegistry {
  readonly #byName = new Map<string, Codec>()
  /** Indexed by the octet of the header. */
  readonly #byNumber: (Codec | undefined)[] = new Array(256).fill(undefined)
  readonly #byTopic = new Map<string, Codec>()
  /** What stood before the `*` of declared patterns, the longest first. */
  #prefixes: string[] = []

  /** Begins with raw, JSON and MessagePack; `codecs` are registered in turn. */
  constructor(codecs: Iterable<Codec> = []) {
    for (const codec of [rawCodec, jsonCodec, msgpackCodec]) this.#put(codec)
    for (const codec of codecs) this.register(codec)
  }

  /** Adds a codec of the user's own. Throws `BadOption`: its number is not 128–255, or its number or name is taken. */
  register(codec: Codec): void {
    const { min, max } = userCodecNumbers
    if (!(Number.isInteger(codec.number) && codec.number >= min && codec.number <= max))
      throw badOption(codec, `its number must be a whole one from ${min} to ${max}, not ${codec.number}`)
    if (typeof codec.name !== "string" || codec.name === "") throw badOption(codec, "it needs a name")
    const taken = this.#byNumber[codec.number]
    if (taken !== undefined) throw badOption(codec, `number ${codec.number} is taken by "${taken.name}"`)
    if (this.#byName.has(codec.name)) throw badOption(codec, "there is another of that name")
    this.#put(codec)
  }

  /**
   * Says which codec a topic uses, for a name, or for all that begin alike when it ends in `*`; the exact name counts
   * before a pattern, a longer pattern before a shorter. Number 3 can be read only on such topics. Throws `BadOption`
   * on a second codec for the same.
   */
  declare(topic: string, codec: Codec): void {
    const before = this.#byTopic.get(topic)
    if (before === codec) return
    if (before !== undefined) throw badOption(codec, `the topic "${topic}" is declared to use "${before.name}"`)
    const known = this.#byNumber[codec.number]
    if (codec.number !== CodecNumber.Protobuf && known === undefined) this.register(codec)
    else if (known !== undefined && known !== codec)
      throw badOption(codec, `number ${codec.number} is taken by "${known.name}"`)
    this.#byTopic.set(topic, codec)
    if (topic.endsWith("*")) {
      this.#prefixes.push(topic.slice(0, -1))
      this.#prefixes.sort((a, b) => b.length - a.length)
    }
  }

  /** Throws `BadOption` on a name that is not registered. */
  byName(name: string): Codec {
    const codec = this.#byName.get(name)
    if (codec !== undefined) return codec
    const known = [...this.#byName.keys()].map(each => `"${each}"`).join(", ")
    throw new ZincError("BadOption", `no codec is called "${name}"; registered are ${known}`)
  }

  /**
   * The codec a payload was written with; `topic` is needed only for number 3. Throws `BadPayload` on a number that is
   * not registered, or on number 3 where the topic declares no schema.
   */
  byNumber(number: number, topic?: string): Codec {
    const codec = this.#byNumber[number]
    if (codec !== undefined) return codec
    if (number === CodecNumber.Protobuf) {
      const declared = topic === undefined ? undefined : this.forTopic(topic)
      if (declared?.number === number) return declared
      throw new ZincError(
        "BadPayload",
        `codec 3 (Protocol Buffers) needs a schema: declare a protobufCodec for the topic "${topic ?? ""}"`,
      )
    }
    throw new ZincError("BadPayload", `codec ${number} is not registered here; register it, as the sender has done`)
  }

  /** The codec declared for a topic, or undefined. */
  forTopic(topic: string): Codec | undefined {
    if (this.#byTopic.size === 0) return undefined
    const exact = this.#byTopic.get(topic)
    if (exact !== undefined) return exact
    const prefix = this.#prefixes.find(each => topic.startsWith(each))
    return prefix === undefined ? undefined : this.#byTopic.get(`${prefix}*`)
  }

  #put(codec: Codec): void {
    this.#byName.set(codec.name, codec)
    this.#byNumber[codec.number] = codec
  }
}

function badOption(codec: Codec, why: string): ZincError {
  return new ZincError("BadOption", `the codec "${codec.name}" cannot be used: ${why}`)
}
