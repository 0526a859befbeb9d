// The floor and ceiling that Node itself sets: bare `net` with ZMTP's framing and nothing else. No handshake, no routing,
// no limits. Small messages are copied into a slab of 64 KiB that is written when full; large ones go as header and body.
// The receiver reads them in place.
import { once } from "node:events"
import { connect, createServer } from "node:net"
import { count, messages, play, ring, say, summary } from "./role.mjs"

const slabSize = 65_536
const copiedBelow = 2048
/** So many octets go to the operating system at once. */
const gatherTo = 131_072

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
    let from = 0
    let at = 0
    let gathered = 0
    const free = []
    /** Adds what the slab has gained; a slab that is full may be used again when it is written. */
    const add = full => {
      const written = slab
      if (at > from) socket.write(written.subarray(from, at), full ? () => free.push(written) : undefined)
      gathered += at - from
      from = at
      if (full) {
        slab = free.pop() ?? Buffer.allocUnsafeSlow(slabSize)
        from = 0
        at = 0
      }
    }
    socket.cork()
    for (let i = 0; i < count; i++) {
      const message = messages[i & (ring - 1)]
      const length = message.length
      const copied = length < copiedBelow
      if (at + 9 + (copied ? length : 0) > slabSize) add(true)
      at = header(slab, at, length)
      if (copied) {
        slab.set(message, at)
        at += length
      } else {
        add(false)
        socket.write(message)
        gathered += length
      }
      if (gathered >= gatherTo) {
        gathered = 0
        socket.uncork()
        if (socket.writableNeedDrain) await once(socket, "drain")
        socket.cork()
      }
    }
    add(true)
    socket.uncork()
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

/** A reader of chunks that calls `onFrame(buffer, start, end)`; only a frame across chunks is copied, once. */
function frames(onFrame) {
  /** Octets of a header that a chunk cut. */
  let rest
  /** The body that a chunk cut, and how much of it is there. */
  let body
  let have = 0
  return function read(chunk) {
    let buffer = chunk
    let at = 0
    if (body !== undefined) {
      at = Math.min(body.length - have, chunk.length)
      chunk.copy(body, have, 0, at)
      have += at
      if (have < body.length) return
      const whole = body
      body = undefined
      onFrame(whole, 0, whole.length)
    } else if (rest !== undefined) {
      buffer = Buffer.concat([rest, chunk])
      rest = undefined
    }
    const end = buffer.length
    while (at < end) {
      const long = (buffer[at] & 2) !== 0
      const start = at + (long ? 9 : 2)
      if (start > end) {
        rest = buffer.subarray(at)
        return
      }
      const length = long ? buffer.readUInt32BE(at + 5) : buffer[at + 1]
      if (length > end - start) {
        body = Buffer.allocUnsafeSlow(length)
        have = buffer.copy(body, 0, start, end)
        return
      }
      onFrame(buffer, start, start + length)
      at = start + length
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
