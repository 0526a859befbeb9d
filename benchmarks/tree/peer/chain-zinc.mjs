// One process of a chain of relays: `root`, `relay ABOVE`, `echo ABOVE`, `ask ABOVE COUNT SIZE WARMUP`.
import { Endpoint } from "../../../dist/index.js"
import { dismissed, say, summary } from "./chain.mjs"

const [role, above, count, size, warmup] = process.argv.slice(2)
const listen = "tcp://127.0.0.1:0"
const options = { codec: "raw" }

if (role === "root" || role === "relay") {
  const host =
    role === "root" ? await Endpoint.host({ ...options, listen }) : await Endpoint.join(above, { ...options, listen })
  say({ address: host.addresses[0] })
} else if (role === "echo") {
  const end = await Endpoint.join(above, options)
  await end.handle("ask", message => void end.send("answer", message.payload)).ready
  say({ ready: true })
} else {
  const end = await Endpoint.join(above, options)
  let answered
  const { ready } = end.handle("answer", () => answered())
  await ready
  const payload = Buffer.alloc(Number(size), 7)
  const times = []
  for (let n = 0; n < Number(count); n++) {
    const begun = performance.now()
    const answer = new Promise(resolve => {
      answered = resolve
    })
    end.send("ask", payload)
    await answer
    times.push((performance.now() - begun) * 1000)
  }
  say(summary(times, Number(warmup)))
  process.exit()
}
await dismissed()
process.exit()
