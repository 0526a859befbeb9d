// Ask one endpoint and wait for its answer; see what happens when it fails, is slow, or is not there.
import { Endpoint } from "zincmq"

const host = await Endpoint.host({ listen: "tcp://127.0.0.1:0", name: "hub" })
const worker = await Endpoint.join(host.addresses[0], { name: "calculator" })
const me = await Endpoint.join(host.addresses[0], { name: "me" })

// What a handler returns, or resolves to, is the reply.
worker.handle("sum", ({ value }) => value.reduce((sum, each) => sum + each, 0))
worker.handle("divide", ({ value: [a, b] }) => {
  if (b === 0) throw new Error("division by zero")
  return a / b
})
// One that takes long should watch its signal, which aborts when nobody waits any more.
let stopped
const noticed = new Promise(resolve => {
  stopped = resolve
})
worker.handle("slow", async ({ signal }) => {
  await new Promise(resolve => signal.addEventListener("abort", resolve))
  stopped("it stopped")
})

console.log("sum:", await me.request("calculator", "sum", [1, 2, 3]))
console.log("divide:", await me.request("calculator", "divide", [1, 8]))

const failure = promise =>
  promise.then(
    () => "no error",
    error => `${error.code}: ${error.message}`,
  )
console.log("by zero:", await failure(me.request("calculator", "divide", [1, 0])))
console.log("no handler:", await failure(me.request("calculator", "multiply", [2, 3])))
console.log("nobody:", (await failure(me.request("abacus", "sum", [1]))).split(":")[0])
console.log("too slow:", (await failure(me.request("calculator", "slow", null, { deadlineMs: 50 }))).split(":")[0])
console.log("and the handler knows:", await noticed)

// Any number of requests may wait at once, and each answer finds its own.
const answers = await Promise.all([...Array(100).keys()].map(n => me.request("calculator", "sum", [n, n])))
console.log("a hundred at once:", answers.every((answer, n) => answer === 2 * n) ? "all right" : "mixed up")

for (const endpoint of [me, worker, host]) await endpoint.close()
