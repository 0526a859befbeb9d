// npm ws, bare: one binary message for each, one connection. As kind to it as its manual allows: no compression, writes
// gathered by the socket's cork, and a pause when much waits.
import { WebSocket, WebSocketServer } from "ws"
import { count, messages, play, ring, say } from "./role.mjs"

/** So many octets may wait before the loop pauses, and so many messages go into one cork. */
const waitingMax = 1024 * 1024
const corkedMessages = 256

await play({
  async pull() {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false, maxPayload: 2 ** 26 })
    await new Promise(resolve => server.on("listening", resolve))
    say({ address: `ws://127.0.0.1:${server.address().port}/bench` })
    let sum = 0
    let left = count
    let begun
    await new Promise(resolve => {
      server.on("connection", socket => {
        socket.on("message", message => {
          begun ??= process.hrtime.bigint()
          sum += message[0] + message.length
          if (--left === 0) resolve()
        })
      })
    })
    return { seconds: Number(process.hrtime.bigint() - begun) / 1e9, sum }
  },

  async push(address) {
    const socket = new WebSocket(address, { perMessageDeflate: false })
    await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject))
    const stream = socket._socket
    for (let i = 0; i < count; ) {
      stream.cork()
      const end = Math.min(count, i + corkedMessages)
      while (i < end) socket.send(messages[i++ & (ring - 1)])
      stream.uncork()
      while (socket.bufferedAmount > waitingMax) await new Promise(setImmediate)
    }
    return {}
  },
})
