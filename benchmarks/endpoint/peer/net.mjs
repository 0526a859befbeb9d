// The floor: bare net sockets, length-prefixed messages of the same size and no meaning. The host copies every message
// to every other connection; nothing is numbered, kept, checked or routed.
import { connect, createServer } from "node:net"
import {
  address,
  clients,
  count,
  cpuMs,
  dismissed,
  markCpu,
  role,
  say,
  size,
  summary,
  Tally,
  window,
} from "./common.mjs"

const slabBytes = 65_536

/** Calls back with (buffer, start, end) for each message. */
function reader(socket, onMessage, onBatch) {
  let rest
  socket.on("data", chunk => {
    let data = chunk
    if (rest !== undefined) {
      data = Buffer.concat([rest, chunk])
      rest = undefined
    }
    let at = 0
    while (at + 4 <= data.length) {
      const length = data.readUInt32BE(at)
      if (at + 4 + length > data.length) break
      onMessage(data, at + 4, at + 4 + length)
      at += 4 + length
    }
    if (at < data.length) rest = data.subarray(at)
    onBatch?.()
  })
}

/** Gathers messages into slabs; `flush` writes what is there. */
function writer(sockets) {
  let slab = Buffer.allocUnsafe(slabBytes)
  let used = 0
  return {
    add(buffer, start, end) {
      const length = end - start
      if (used + 4 + length > slabBytes) this.flush()
      slab.writeUInt32BE(length, used)
      buffer.copy(slab, used + 4, start, end)
      used += 4 + length
    },
    flush() {
      if (used === 0) return true
      const bytes = slab.subarray(0, used)
      let room = true
      for (const socket of sockets()) room = socket.write(bytes) && room
      slab = Buffer.allocUnsafe(slabBytes)
      used = 0
      return room
    },
  }
}

const dial = () =>
  new Promise((resolve, reject) => {
    const [host, port] = address.split(":")
    const socket = connect({ host, port: Number(port), noDelay: true }, () => resolve(socket))
    socket.on("error", reject)
  })

if (role === "host") {
  const all = new Set()
  const server = createServer({ noDelay: true }, socket => {
    all.add(socket)
    socket.on("error", () => {})
    socket.on("close", () => all.delete(socket))
    const out = writer(function* () {
      for (const other of all) if (other !== socket) yield other
    })
    const own = writer(() => [socket])
    reader(
      socket,
      (buffer, start, end) => {
        if (buffer[start + 4] === 9) own.add(buffer, start, end)
        else out.add(buffer, start, end)
      },
      () => {
        out.flush()
        own.flush()
      },
    )
  })
  server.listen(0, "127.0.0.1", () => {
    say({ address: `127.0.0.1:${server.address().port}` })
    markCpu()
  })
  await dismissed()
  say({ cpuMs: cpuMs() })
  process.exit(0)
} else if (role === "receive") {
  const ends = []
  // Progress is a message with 1 in its fifth octet; the others skip it.
  const tally = new Tally(done => {
    const message = Buffer.alloc(12)
    message.writeUInt32BE(8, 0)
    message.writeUInt32BE(done, 4)
    message[8] = 1
    ends[0].write(message)
  })
  for (let client = 0; client < clients; client++) {
    const socket = await dial()
    ends.push(socket)
    reader(socket, (buffer, start) => {
      if (buffer[start + 4] !== 1) tally.add(client, buffer.readUInt32BE(start))
    })
  }
  say({ ready: true })
  say(await tally.done)
  for (const end of ends) end.destroy()
} else if (role === "send") {
  const socket = await dial()
  let done = 0
  let wake = () => {}
  reader(socket, (buffer, start) => {
    if (buffer[start + 4] !== 1) return
    done = buffer.readUInt32BE(start)
    wake()
  })
  markCpu()
  const payload = Buffer.alloc(size, 7)
  const out = writer(() => [socket])
  for (let n = 0; n < count; n++) {
    payload.writeUInt32BE(n, 0)
    while (n - done >= window) {
      out.flush()
      await new Promise(resolve => {
        wake = resolve
      })
    }
    out.add(payload, 0, size)
  }
  out.flush()
  say({ cpuMs: cpuMs() })
  socket.end()
} else if (role === "ask") {
  const socket = await dial()
  const payload = Buffer.alloc(size, 9)
  let answered = () => {}
  reader(socket, () => answered())
  const times = []
  const out = writer(() => [socket])
  for (let n = 0; n < count; n++) {
    const start = performance.now()
    out.add(payload, 0, size)
    out.flush()
    await new Promise(resolve => {
      answered = resolve
    })
    times.push((performance.now() - start) * 1000)
  }
  say(summary(times))
  socket.end()
}
void clients
