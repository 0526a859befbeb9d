// The four roles as zeromq.js's manual shows them, `await send` and `for await`, for whoever has its classes.
import { client, isCovered, server } from "./curve.mjs"
import { count, messages, play, ring, say, summary } from "./role.mjs"

const listen = isCovered ? { curveServer: true, curveSecretKey: server.secretKey } : {}
const dial = isCovered
  ? { curveServerKey: server.publicKey, curvePublicKey: client.publicKey, curveSecretKey: client.secretKey }
  : {}

/** libzmq's way to ask for any free port. */
const wildcard = address => address.replace(/:0(?=$|\/)/, ":*")

/** `zmq` is npm zeromq or zincmq/zeromq. */
export const playWith = ({ Dealer, Pull, Push, Router }) =>
  play({
    async pull(address) {
      const socket = new Pull(listen)
      await socket.bind(wildcard(address))
      say({ address: socket.lastEndpoint })
      let sum = 0
      let left = count
      let begun
      for await (const [message] of socket) {
        begun ??= process.hrtime.bigint()
        sum += message[0] + message.length
        if (--left === 0) break
      }
      return { seconds: Number(process.hrtime.bigint() - begun) / 1e9, sum }
    },

    async push(address) {
      const socket = new Push({ linger: 10_000, ...dial })
      socket.connect(address)
      // libzmq masks a message of WebSocket in place, in memory that is still ours: there it needs a copy of its own.
      const masked = address.startsWith("ws:")
      for (let i = 0; i < count; i++) {
        const message = messages[i & (ring - 1)]
        await socket.send(masked ? Buffer.from(message) : message)
      }
      // Not closed here: libzmq 4.3.5 too may lose the end of what it has sent when it closes an ipc connection.
      return {}
    },

    async reply(address) {
      const socket = new Router({ linger: 10_000, ...listen })
      await socket.bind(wildcard(address))
      say({ address: socket.lastEndpoint })
      let left = count
      for await (const message of socket) {
        await socket.send(message)
        if (--left === 0) break
      }
      return {}
    },

    async request(address) {
      const socket = new Dealer(dial)
      socket.connect(address)
      const trips = new Float64Array(count)
      let sum = 0
      for (let i = 0; i < count; i++) {
        const begun = process.hrtime.bigint()
        await socket.send(messages[i & (ring - 1)])
        const [answer] = await socket.receive()
        trips[i] = Number(process.hrtime.bigint() - begun)
        sum += answer[0] + answer.length
      }
      return { ...summary(trips), sum }
    },

    async within(address) {
      const pull = new Pull()
      await pull.bind(address)
      const push = new Push({ linger: 10_000 })
      push.connect(address)
      const sending = (async () => {
        for (let i = 0; i < count; i++) await push.send(messages[i & (ring - 1)])
      })()
      let sum = 0
      let left = count
      let begun
      for await (const [message] of pull) {
        begun ??= process.hrtime.bigint()
        sum += message[0] + message.length
        if (--left === 0) break
      }
      await sending
      return { seconds: Number(process.hrtime.bigint() - begun) / 1e9, sum }
    },
  })
