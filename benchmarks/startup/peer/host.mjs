// A program that hosts a cluster and does nothing else: how long after its process began it is ready.
import { Endpoint } from "../../../dist/index.js"

const host = await Endpoint.host({ listen: "tcp://127.0.0.1:0" })
console.log(JSON.stringify({ ready: performance.now(), address: host.addresses[0] }))
process.stdin.on("end", () => void host.close()).resume()
