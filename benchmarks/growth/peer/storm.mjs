// One process of a storm: `host FANOUT`, `steady COUNT ADDRESS` (who were in before), `clients COUNT ADDRESS` or
// `relays COUNT ADDRESS FANOUT` (who come all at once, when told to).
import { once } from "node:events"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { createInterface } from "node:readline"
import { Endpoint } from "../../../dist/index.js"

const [role, ...given] = process.argv.slice(2)
const say = line => process.stdout.write(`${JSON.stringify(line)}\n`)
const tickMs = 25

if (role === "host") await host(Number(given[0]))
else if (role === "steady") await steady(Number(given[0]), given[1])
else await storm(role, Number(given[0]), given[1], Number(given[2]))
process.exit()

async function host(fanOut) {
  const endpoint = await Endpoint.host({ listen: "tcp://127.0.0.1:0", name: "root", fanOut })
  let busy = 0
  let sentOn = 0
  let silent = 0
  endpoint.on("refused", ({ code }) => code === "Busy" && busy++)
  endpoint.on("redirected", () => sentOn++)
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const ticking = setInterval(() => {
    endpoint.send("tick", 0)
    if (endpoint.peers.some(({ name, state }) => name === "steady" && state !== "up")) silent++
  }, tickMs)
  say({ address: endpoint.addresses[0] })
  await dismissed()
  clearInterval(ticking)
  const degree = endpoint.peers.length
  say({ lag: delay.max / 1e6, busy, sentOn, silent, degree })
}

async function steady(count, address) {
  let silence = 0
  let left = 0
  for (let i = 0; i < count; i++) {
    const endpoint = await Endpoint.join(address, { name: "steady" })
    let heard = performance.now()
    const handling = endpoint.handle("tick", () => {
      const now = performance.now()
      silence = Math.max(silence, now - heard)
      heard = now
    })
    await handling.ready
    endpoint.on("left", () => left++)
  }
  say({ ready: true })
  silence = 0
  await dismissed()
  say({ silence, left })
}

async function storm(kind, count, address, fanOut) {
  say({ ready: true })
  const lines = createInterface({ input: process.stdin })
  await once(lines, "line")
  const endpoints = await Promise.all(
    Array.from({ length: count }, (_, i) =>
      Endpoint.join(address, {
        name: `${kind} ${process.pid} ${i}`,
        joinTimeoutMs: 60_000,
        ...(kind === "relays" ? { listen: "tcp://127.0.0.1:0", fanOut } : {}),
      }),
    ),
  )
  say({
    depth: Math.max(...endpoints.map(endpoint => endpoint.path.length - 1)),
    degree: Math.max(...endpoints.map(endpoint => endpoint.peers.filter(each => each.role === "client").length)),
  })
  await once(lines, "close")
}

function dismissed() {
  process.stdin.resume()
  return once(process.stdin, "end")
}
