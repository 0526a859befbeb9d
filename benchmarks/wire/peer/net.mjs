// The floor and ceiling that Node itself sets: bare `net` with ZMTP's framing and nothing else. No handshake, no routing,
// no limits. Small messages are copied into a slab of 64 KiB that is written when full; large ones go as header and body.
// The receiver reads them in place.
import { once } from "node:events"
import { connect, createServer } from "node:net"
import { hold } from "./hold.mjs"
import { count, cpuMs, fifth, lines, messages, play, ring, say, size, summary } from "./role.mjs"
import { Lateness, now, paced, stamp, stampOf } from "./stamp.mjs"

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

  async publish(address) {
    const sockets = await acceptAll(address)
    const before = cpuMs()
    for (let i = 0; i < count; ) {
      // A slab of messages for everybody, and the next one when all have taken it.
      const slab = Buffer.allocUnsafeSlow(slabSize)
      let at = 0
      while (i < count && at + 9 + size <= slabSize) {
        at = header(slab, at, size)
        slab.set(messages[i++ & (ring - 1)], at)
        at += size
      }
      const full = slab.subarray(0, at)
      const waits = []
      for (const socket of sockets) if (!socket.write(full)) waits.push(once(socket, "drain"))
      if (waits.length > 0) await Promise.all(waits)
    }
    return { cpuMs: cpuMs() - before }
  },

  async subscribe(address) {
    let sum = 0
    let left = count * fifth
    let begun
    await new Promise(resolve => {
      dialAll(address, (buffer, start, end) => {
        begun ??= process.hrtime.bigint()
        sum += buffer[start] + end - start
        if (--left === 0) resolve()
      })
    })
    return { seconds: Number(process.hrtime.bigint() - begun) / 1e9, sum }
  },

  async announce(address) {
    const sockets = await acceptAll(address)
    const message = Buffer.alloc(size)
    const tell = () => {
      stamp(message, now())
      const encoded = Buffer.allocUnsafe(size + 9)
      const at = header(encoded, 0, size)
      encoded.set(message, at)
      const frame = encoded.subarray(0, at + size)
      for (const socket of sockets) socket.write(frame)
    }
    tell()
    for await (const _ of lines()) tell()
    return {}
  },

  async listen(address) {
    const trips = new Float64Array(count)
    let done = 0
    let left = fifth
    await new Promise(resolve => {
      dialAll(address, (buffer, start) => {
        if (--left > 0) return
        trips[done++] = now() - stampOf(buffer, start)
        left = fifth
        if (done === count) resolve()
        else say({ heard: done })
      })
    })
    return summary(trips)
  },

  async pace(address) {
    const socket = await dial(address)
    let slab = Buffer.allocUnsafe(slabSize)
    let from = 0
    let at = 0
    const flush = () => {
      if (at > from) socket.write(slab.subarray(from, at))
      from = at
      return socket.writableNeedDrain ? once(socket, "drain") : undefined
    }
    await paced({
      send(message) {
        if (at + 9 + message.length > slabSize) {
          flush()
          slab = Buffer.allocUnsafe(slabSize)
          from = at = 0
          if (socket.writableNeedDrain) return false
        }
        at = header(slab, at, message.length)
        slab.set(message, at)
        at += message.length
        return true
      },
      drained: () => (socket.writableNeedDrain ? once(socket, "drain") : undefined),
      sent: flush,
    })
    return {}
  },

  async time(address) {
    const { socket, server } = await accept(address)
    const lateness = new Lateness(count)
    await new Promise(resolve => {
      let at
      const read = frames((buffer, start) => lateness.add(at, buffer, start))
      socket.on("data", chunk => {
        at = now()
        read(chunk)
        if (lateness.messages === count) resolve()
      })
    })
    server.close()
    return lateness.summary()
  },

  async hold() {
    const sockets = new Set()
    await hold(async heard => {
      const server = createServer(socket => {
        sockets.add(socket)
        socket.setNoDelay()
        socket.on(
          "data",
          frames(() => heard(1)),
        )
      })
      server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 })
      await once(server, "listening")
      return `tcp://127.0.0.1:${server.address().port}`
    })
    return {}
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

/** As many connections as the command line's fifth parameter says. */
async function acceptAll(address) {
  const server = createServer()
  const sockets = []
  const all = new Promise(resolve => {
    server.on("connection", socket => {
      socket.setNoDelay()
      if (sockets.push(socket) === fifth) resolve()
    })
  })
  if (address.startsWith("ipc://")) server.listen(address.slice(6))
  else server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 })
  await once(server, "listening")
  say({ address: address.startsWith("ipc://") ? address : `tcp://127.0.0.1:${server.address().port}` })
  await all
  return sockets
}

async function dialAll(address, onFrame) {
  for (let i = 0; i < fifth; i++) (await dial(address)).on("data", frames(onFrame))
}

async function dial(address) {
  const socket = address.startsWith("ipc://")
    ? connect(address.slice(6))
    : connect(Number(address.split(":").at(-1)), "127.0.0.1")
  socket.setNoDelay?.()
  await once(socket, "connect")
  return socket
}
