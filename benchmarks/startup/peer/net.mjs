// A bare connection to the port, and one line there and back: the first time, once more, and since the process began.
import { once } from "node:events"
import { connect } from "node:net"

const port = Number(process.argv[2])

async function visit() {
  const began = performance.now()
  const socket = connect(port, "127.0.0.1")
  socket.write("hello\n")
  await once(socket, "data")
  const took = performance.now() - began
  socket.destroy()
  return took
}

const first = await visit()
const ready = performance.now()
console.log(JSON.stringify({ ready, first, again: await visit() }))
