// The floor: bare net sockets. A relay writes each chunk that comes from below to all others below and above, and each
// that comes from above to all below; nothing is numbered, kept, checked or routed.
import { connect, createServer } from "node:net"
import { dismissed, say, summary } from "./chain.mjs"

const [role, above, count, size, warmup] = process.argv.slice(2)

const dial = address =>
  new Promise((resolve, reject) => {
    const [host, port] = address.split(":")
    const socket = connect({ host, port: Number(port), noDelay: true }, () => resolve(socket))
    socket.on("error", reject)
  })

if (role === "root" || role === "relay") {
  const up = role === "relay" ? await dial(above) : undefined
  const below = new Set()
  const server = createServer({ noDelay: true }, socket => {
    below.add(socket)
    socket.on("error", () => {})
    socket.on("close", () => below.delete(socket))
    socket.on("data", chunk => {
      up?.write(chunk)
      for (const other of below) if (other !== socket) other.write(chunk)
    })
  })
  up?.on("data", chunk => {
    for (const each of below) each.write(chunk)
  })
  await new Promise(resolve => server.listen(0, "127.0.0.1", resolve))
  say({ address: `127.0.0.1:${server.address().port}` })
} else if (role === "echo") {
  const end = await dial(above)
  end.on("data", chunk => end.write(chunk))
  say({ ready: true })
} else {
  const end = await dial(above)
  const length = Number(size)
  let missing = 0
  let answered
  end.on("data", chunk => {
    missing -= chunk.length
    if (missing === 0) answered()
  })
  const payload = Buffer.alloc(length, 7)
  const times = []
  for (let n = 0; n < Number(count); n++) {
    const begun = performance.now()
    missing = length
    const answer = new Promise(resolve => {
      answered = resolve
    })
    end.write(payload)
    await answer
    times.push((performance.now() - begun) * 1000)
  }
  say(summary(times, Number(warmup)))
  process.exit()
}
await dismissed()
process.exit()
