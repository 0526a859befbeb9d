// One endpoint of a tree in a process of its own. Its argument says what it is; then it obeys lines on standard input:
// { "mark": µs } asks for the time at which the first message of each route arrives that was sent after that.
import { createInterface } from "node:readline"
import { Endpoint } from "../../../dist/index.js"

const { name, join, listen, transport, writes } = JSON.parse(process.argv[2])
const say = line => console.log(JSON.stringify(line))
const nowUs = () => Number(process.hrtime.bigint() / 1000n)

const options = {
  name,
  ...(listen ? { listen } : {}),
  ...(transport === "native"
    ? { transport: await (await import("../../../dist/transport/native/index.js")).NativeTransport.open() }
    : {}),
}
const endpoint = join === undefined ? await Endpoint.host({ ...options, listen }) : await Endpoint.join(join, options)

let mark
let missing = new Set()
const last = { nearest: 0, ordered: 0 }
let wrong = 0
let lastUs = nowUs()
let longestUs = 0
for (const route of ["nearest", "ordered"]) {
  if (writes) break
  const { ready } = endpoint.handle(`bench.${route}`, ({ value: { n, atUs } }) => {
    if (n <= last[route]) wrong++
    last[route] = n
    const us = nowUs()
    if (route === "nearest") {
      longestUs = Math.max(longestUs, us - lastUs)
      lastUs = us
    }
    if (mark === undefined || atUs < mark || !missing.delete(route)) return
    if (missing.size === 0) {
      say({ mark, tookMs: (us - mark) / 1000 })
      mark = undefined
    }
  })
  await ready
}
if (writes) {
  let n = 0
  setInterval(() => {
    n++
    for (const route of ["nearest", "ordered"]) endpoint.send(`bench.${route}`, { n, atUs: nowUs() }, { route })
  }, 5)
}
say({ address: endpoint.addresses[0], id: endpoint.id })

createInterface({ input: process.stdin }).on("line", line => {
  const asked = JSON.parse(line)
  if ("mark" in asked) {
    mark = asked.mark
    missing = new Set(["nearest", "ordered"])
  }
  if (asked.report) {
    say({ wrong, clients: endpoint.peers.filter(({ role }) => role === "client").length, longestMs: longestUs / 1000 })
    longestUs = 0
  }
  if (asked.close) void endpoint.close().then(() => process.exit(0))
})
process.stdin.on("end", () => process.exit(0))
