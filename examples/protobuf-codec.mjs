// Payloads in Protocol Buffers, declared for a topic, and in a codec of one's own. Any message type that
// `protoc-gen-es` generates will do; here a well-known one keeps the example in one file.
import { TimestampSchema, timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt"
import { Endpoint, protobufCodec } from "zincmq"

// Number 3 on the wire says "Protocol Buffers" but not which type, so both ends declare it for the topic.
const topicCodecs = { "clock.*": protobufCodec(TimestampSchema) }

// 128–255 are yours: a codec is a name, a number and two functions.
const csv = {
  name: "csv",
  number: 128,
  encode: rows => new TextEncoder().encode(rows.map(row => row.join(",")).join("\n")),
  decode: bytes =>
    new TextDecoder()
      .decode(bytes)
      .split("\n")
      .map(line => line.split(",")),
}

const host = await Endpoint.host({ listen: "tcp://127.0.0.1:0" })
const options = { topicCodecs, codecs: [csv] }
const [me, you] = await Promise.all([1, 2].map(() => Endpoint.join(host.addresses[0], options)))

/** Follows a topic; resolves, once nothing can be missed any more, with the promise of its first message. */
async function follow(topic) {
  let take
  const message = new Promise(resolve => {
    take = resolve
  })
  await you.handle(topic, take).ready
  return { message }
}
const clock = await follow("clock.*")
const tables = await follow("table")

me.send("clock.start", timestampFromDate(new Date("2024-02-29T12:00:00Z")))
const moment = await clock.message
console.log(`codec ${moment.codec}, ${moment.payload.length} octets: ${timestampDate(moment.value).toISOString()}`)

me.send("table", [["a", "1"]], { codec: csv })
const table = await tables.message
console.log(`codec ${table.codec}:`, JSON.stringify(table.value))

// A value that the type does not have is refused at once, where it was made.
try {
  me.send("clock.start", { secnods: 1n })
} catch (error) {
  console.log(`${error.code}: ${error.message}`)
}

for (const endpoint of [me, you, host]) await endpoint.close()
