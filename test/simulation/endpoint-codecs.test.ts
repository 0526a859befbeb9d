/** Which codec writes and reads what, between endpoints. */
import { StringValueSchema } from "@bufbuild/protobuf/wkt"
import { describe, expect, it } from "vitest"
import { fromUtf8, utf8 } from "../../src/core/bytes.ts"
import { SeededRandom, SimulatedClock } from "../../src/core/index.ts"
import { type EndpointOptions, MessageEndpoint } from "../../src/endpoint/index.ts"
import type { Codec } from "../../src/message/codec.ts"
import { protobufCodec } from "../../src/message/protobuf-codec.ts"
import { SimulatedNetwork } from "../../src/transport/simulated/index.ts"

/** Upside down: so that nobody reads it by chance. */
const reversed: Codec = {
  name: "reversed",
  number: 130,
  encode: value => utf8([...String(value)].reverse().join("")),
  decode: bytes => [...fromUtf8(bytes)].reverse().join(""),
}

async function pair(options: Partial<EndpointOptions>) {
  const clock = new SimulatedClock()
  const random = new SeededRandom(4)
  const network = new SimulatedNetwork({ clock, random: random.fork() })
  const common = (name: string) => ({
    name,
    clock: network.clockOf(name),
    random: random.fork(),
    transport: network.transport(name),
    ...options,
  })
  const until = async <T>(promise: Promise<T>): Promise<T> => {
    let settled = false
    const note = () => {
      settled = true
    }
    promise.then(note, note)
    for (let i = 0; i < 10_000 && !settled; i++) await clock.run(1)
    return promise
  }
  const host = await until(MessageEndpoint.host({ ...common("hub"), listen: "sim://hub" }))
  const client = await until(MessageEndpoint.join("sim://hub", common("leaf")))
  return { host, client, until }
}

describe("Codecs between endpoints", () => {
  it("of the user's, given as default, write requests and replies and read both", async () => {
    const { host, client, until } = await pair({ codec: reversed })
    const heard: unknown[] = []
    host.handle("echo", message => {
      heard.push([message.codec, fromUtf8(message.payload), message.value])
      return `${message.value}!`
    })
    expect(await until(client.request("hub", "echo", "abc"))).toBe("abc!")
    expect(heard).toEqual([[130, "cba", "abc"]])
  })

  it("declared for a topic write and read it, requests included", async () => {
    const { host, client, until } = await pair({ topicCodecs: { "word.*": protobufCodec(StringValueSchema) } })
    host.handle("word.shout", message => ({ loud: (message.value as { value: string }).value.toUpperCase() }))
    expect(await until(client.request("hub", "word.shout", { value: "hey" }))).toEqual({ loud: "HEY" })
    expect(() => client.send("word.any", { nothing: 1 })).toThrow(expect.objectContaining({ code: "BadPayload" }))
  })

  it("that the receiver does not know are its BadPayload, which names the number", async () => {
    const { host, client, until } = await pair({})
    const read = new Promise<unknown>(resolve => {
      host.handle("odd", message => {
        try {
          resolve(message.value)
        } catch (thrown) {
          resolve(thrown)
        }
      })
    })
    client.send("odd", "abc", { codec: reversed })
    expect(await until(read)).toMatchObject({ code: "BadPayload", message: expect.stringContaining("codec 130") })
  })
})
