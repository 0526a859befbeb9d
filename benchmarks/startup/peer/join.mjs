// A program that joins the host at the address: how long that took, the first time and once more, and how long after its
// process began it was there.
import { Endpoint } from "../../../dist/index.js"

const address = process.argv[2]
const began = performance.now()
const first = await Endpoint.join(address)
const ready = performance.now()
const second = await Endpoint.join(address)
console.log(JSON.stringify({ ready, first: ready - began, again: performance.now() - ready }))
await Promise.all([first.close(), second.close()])
