// Zinc's endpoints over its own transport.
import { Endpoint } from "../../../dist/index.js"
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

const options = { codec: "raw" }
if (role === "host") {
  const host = await Endpoint.host({ ...options, listen: "tcp://127.0.0.1:0", name: "hub" })
  host.handle("echo", message => message.payload)
  say({ address: host.addresses[0] })
  markCpu()
  await dismissed()
  say({ cpuMs: cpuMs() })
  await host.close()
} else if (role === "receive") {
  const ends = []
  const tally = new Tally(done => ends[0].send("progress", Buffer.from(String(done))))
  for (let client = 0; client < clients; client++) {
    const end = await Endpoint.join(address, options)
    ends.push(end)
    end.on("gap", event => {
      throw new Error(`client ${client} missed ${event.from} to ${event.through}`)
    })
    await end.handle("data", message =>
      tally.add(
        client,
        message.payload.readUInt32BE?.(0) ??
          new DataView(message.payload.buffer, message.payload.byteOffset).getUint32(0),
      ),
    ).ready
  }
  say({ ready: true })
  say(await tally.done)
  await ends[0].flushed()
  for (const end of ends) end.abort()
} else if (role === "send") {
  const end = await Endpoint.join(address, options)
  let done = 0
  let wake = () => {}
  await end.handle("progress", message => {
    done = Number(Buffer.from(message.payload).toString())
    wake()
  }).ready
  markCpu()
  const payload = Buffer.alloc(size, 7)
  for (let n = 0; n < count; n++) {
    payload.writeUInt32BE(n, 0)
    while (n - done >= window) {
      await new Promise(resolve => {
        wake = resolve
      })
    }
    while (!end.send("data", payload)) await end.drained()
  }
  await end.flushed()
  say({ cpuMs: cpuMs() })
  await end.close()
} else if (role === "ask") {
  const end = await Endpoint.join(address, options)
  const payload = Buffer.alloc(size, 7)
  const times = []
  for (let n = 0; n < count; n++) {
    const start = performance.now()
    const reply = await end.request("hub", "echo", payload)
    if (reply.length !== size) throw new Error("a wrong echo")
    times.push((performance.now() - start) * 1000)
  }
  say(summary(times))
  await end.close()
}
void clients
