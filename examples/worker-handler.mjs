// Work that would block the event loop runs in worker threads: the handler is a module. Order is kept per key, so jobs of
// one customer come one after another while those of others run beside them.
import { Endpoint } from "zincmq"

const host = await Endpoint.host({ listen: "tcp://127.0.0.1:0", name: "hub" })
const worker = await Endpoint.join(host.addresses[0], { name: "worker" })
const me = await Endpoint.join(host.addresses[0], { name: "me" })

const task = new URL("./worker-handler-task.mjs", import.meta.url)
await worker.handle("primes", { module: task, threads: 2 }, { order: ({ value }) => value.customer, concurrency: 2 })
  .ready

// The threads count; this loop goes on meanwhile.
let turns = 0
const turning = setInterval(() => turns++, 1)
const jobs = [...Array(6).keys()].map(n => ({ customer: `c${n % 3}`, below: 200_000 + n }))
const answers = await Promise.all(jobs.map(job => me.request("worker", "primes", job, { deadlineMs: 30_000 })))
clearInterval(turning)

for (const [index, { count, thread }] of answers.entries())
  console.log(`${count} primes below ${jobs[index].below}, counted off the main thread: ${thread > 0}`)
console.log(turns > 0 ? "the event loop went on turning" : "THE EVENT LOOP STOOD STILL")

for (const endpoint of [me, worker, host]) await endpoint.close()
