// A thread that hosts, or one that joins, by what it was told; talks to who started it in plain messages.
import { parentPort, workerData } from "node:worker_threads"
import { Endpoint } from "zincmq"

if (workerData.role === "host") {
  const host = await Endpoint.host({ listen: workerData.listen, name: "hub" })
  host.handle("double", message => message.value * 2)
  host.handle("up", message => host.send("down", message.value))
  parentPort.postMessage({ address: host.addresses[0] })
  parentPort.once("message", () => void host.close().then(() => parentPort.close()))
} else {
  const client = await Endpoint.join(workerData.address, { name: "guest" })
  let tell
  const down = new Promise(resolve => {
    tell = resolve
  })
  await client.handle("down", message => tell(message.value)).ready
  client.send("up", { from: "a thread" })
  const heard = await down
  const doubled = await client.request("hub", "double", 21)
  await client.close()
  parentPort.postMessage({ heard, doubled })
}
