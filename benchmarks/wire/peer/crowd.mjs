// Dials one address many times and stays: `dial COUNT SIZE ADDRESS bare|zmtp`. Says {"ready"} in milliseconds when all are
// connected, under ZMTP when all handshakes are complete; sends one message of SIZE octets on each when told to.
import { connect } from "node:net"
import { count, lines, play, say, size } from "./role.mjs"

const speaksZmtp = process.argv[6] === "zmtp"
/** Dialled at a time. */
const window = 256

const greeting = Buffer.alloc(64)
greeting[0] = 0xff
greeting[9] = 0x7f
greeting[10] = 3
greeting.write("NULL", 12, "latin1")
const property = Buffer.concat([Buffer.of(11), Buffer.from("Socket-Type"), Buffer.of(0, 0, 0, 4), Buffer.from("PUSH")])
const body = Buffer.concat([Buffer.of(5), Buffer.from("READY"), property])
const opening = Buffer.concat([greeting, Buffer.of(4, body.length), body])

await play({
  async dial(address) {
    const port = Number(address.split(":").at(-1))
    const begun = performance.now()
    const sockets = []
    let left = count
    const one = async () => {
      while (left > 0) {
        left--
        sockets.push(await ready(port))
      }
    }
    await Promise.all(Array.from({ length: window }, one))
    say({ ready: performance.now() - begun })
    const message = Buffer.concat([Buffer.of(0, size), Buffer.alloc(size, 0x7a)])
    for await (const _ of lines()) for (const socket of sockets) socket.write(message)
    return {}
  },
})

function ready(port) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => {
      if (speaksZmtp) socket.write(opening)
      else resolve(socket)
    })
    socket.on("error", reject)
    let got = Buffer.alloc(0)
    socket.on("data", chunk => {
      if (got === undefined) return
      got = Buffer.concat([got, chunk])
      if (got.length < 66 || got.length < 66 + got[65]) return
      got = undefined
      resolve(socket)
    })
  })
}
