// The floor and ceiling that Node itself sets: bare `net` with ZMTP's framing and nothing else. No handshake, no routing,
// no limits. Small messages are copied into a slab of 64 KiB that is written when full; large ones go as header and body.
// The receiver reads them in place.
import { once } from "node:events"
import { connect, createServer } from "node:net"
import { count, messages, play, ring, say, summary } from "./role.mjs"

const slabSize = 65_536
const copiedBelow = 2048

await play({
  async pull(address) {
    const { socket, server } = await accept(address)
    let sum = 0
    let left = count
    let begun
    const read = frames((buffer, start, end) => {
      sum += buffer[start] + end - start
      left--
    })
    await new Promise(resolve => {
      socket.on("data", chunk => {
        begun ??= process.hrtime.bigint()
        read(chunk)
        if (left === 0) resolve()
      })
    })
    const seconds = Number(process.hrtime.bigint() - begun) / 1e9
    server.close()
    return { seconds, sum }
  },

  async push(address) {
    const socket = await dial(address)
    let slab = Buffer.allocUnsafeSlow(slabSize)
    let at = 0
    const free = []
    /** Writes what the slab holds; it may be used again when the write is done. */
    const flush = () => {
      if (at === 0) return true
      const written = slab
      const room = socket.write(written.subarray(0, at), () => free.push(written))
      slab = free.pop() ?? Buffer.allocUnsafeSlow(slabSize)
      at = 0
      return room
    }
    for (let i = 0; i < count; i++) {
      const message = messages[i & (ring - 1)]
      const length = message.length
      let room = true
      if (length < copiedBelow) {
        if (at + 9 + length > slabSize) room = flush()
        at = header(slab, at, length)
        slab.set(message, at)
        at += length
      } else {
        socket.cork()
        at = header(slab, at, length)
        flush()
        room = socket.write(message)
        socket.uncork()
      }
      if (!room) await once(socket, "drain")
    }
    flush()
    socket.end()
    await once(socket, "close")
    return {}
  },

  async reply(address) {
    const { socket, server } = await accept(address)
    let left = count
    await new Promise(resolve => {
      socket.on(
        "data",
        frames((buffer, start, end) => {
          const answer = Buffer.allocUnsafe(9 + end - start)
          const at = header(answer, 0, end - start)
          answer.set(buffer.subarray(start, end), at)
          socket.write(answer.subarray(0, at + end - start))
          if (--left === 0) resolve()
        }),
      )
    })
    server.close()
    socket.end()
    await once(socket, "close")
    return {}
  },

  async request(address) {
    const socket = await dial(address)
    const trips = new Float64Array(count)
    let sum = 0
    let done = 0
    let begun
    const send = () => {
      const message = messages[done & (ring - 1)]
      begun = process.hrtime.bigint()
      const bytes = Buffer.allocUnsafe(9 + message.length)
      const at = header(bytes, 0, message.length)
      bytes.set(message, at)
      socket.write(bytes.subarray(0, at + message.length))
    }
    await new Promise(resolve => {
      socket.on(
        "data",
        frames((buffer, start, end) => {
          trips[done++] = Number(process.hrtime.bigint() - begun)
          sum += buffer[start] + end - start
          if (done === count) resolve()
          else send()
        }),
      )
      send()
    })
    socket.destroy()
    return { ...summary(trips), sum }
  },
})

/** Writes a ZMTP frame header; returns where the body goes. */
function header(bytes, at, length) {
  if (length < 256) {
    bytes[at] = 0
    bytes[at + 1] = length
    return at + 2
  }
  bytes[at] = 2
  bytes.writeUInt32BE(0, at + 1)
  bytes.writeUInt32BE(length, at + 5)
  return at + 9
}

/** A reader of chunks that calls `onFrame(buffer, start, end)`; a frame across chunks is joined first. */
function frames(onFrame) {
  /** A frame's octets so far, where a chunk ended within it. */
  let part = []
  let have = 0
  let need = 0
  return function read(chunk) {
    let buffer = chunk
    if (have > 0) {
      part.push(chunk)
      have += chunk.length
      if (have < need) return
      buffer = Buffer.concat(part, have)
      part = []
      have = 0
    }
    let at = 0
    const end = buffer.length
    while (at < end) {
      let start
      let length
      if ((buffer[at] & 2) === 0) {
        need = 2
        if (end - at < 2) break
        length = buffer[at + 1]
        start = at + 2
      } else {
        need = 9
        if (end - at < 9) break
        length = buffer.readUInt32BE(at + 5)
        start = at + 9
      }
      if (end - start < length) {
        need = start - at + length
        break
      }
      onFrame(buffer, start, start + length)
      at = start + length
    }
    if (at < end) {
      part = [buffer.subarray(at)]
      have = end - at
    }
  }
}

async function accept(address) {
  const server = createServer()
  if (address.startsWith("ipc://")) server.listen(address.slice(6))
  else server.listen(0, "127.0.0.1")
  await once(server, "listening")
  say({ address: address.startsWith("ipc://") ? address : `tcp://127.0.0.1:${server.address().port}` })
  const [socket] = await once(server, "connection")
  socket.setNoDelay()
  return { socket, server }
}

async function dial(address) {
  const socket = address.startsWith("ipc://")
    ? connect(address.slice(6))
    : connect(Number(address.split(":").at(-1)), "127.0.0.1")
  socket.setNoDelay?.()
  await once(socket, "connect")
  return socket
}
