// What one builds by hand with npm zeromq: PUSH → PULL at the host, PUB → SUB to the clients, DEALER → ROUTER to ask.
import { Dealer, Publisher, Pull, Push, Router, Subscriber } from "zeromq"
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

if (role === "host") {
  const pull = new Pull()
  const publisher = new Publisher({ sendHighWaterMark: 0 })
  const router = new Router()
  for (const socket of [pull, publisher, router]) await socket.bind("tcp://127.0.0.1:0")
  say({ address: [pull, publisher, router].map(socket => socket.lastEndpoint).join(",") })
  markCpu()
  void (async () => {
    for await (const message of pull) await publisher.send(message)
  })()
  void (async () => {
    for await (const message of router) await router.send(message)
  })()
  await dismissed()
  say({ cpuMs: cpuMs() })
  process.exit(0)
}
const [up, down, control] = address.split(",")
if (role === "receive") {
  const push = new Push()
  push.connect(up)
  const tally = new Tally(done => void push.send(["progress", String(done)]))
  const greeted = []
  for (let client = 0; client < clients; client++) {
    const subscriber = new Subscriber({ receiveHighWaterMark: 0 })
    subscriber.connect(down)
    subscriber.subscribe("data", "hello")
    let greet
    greeted.push(
      new Promise(resolve => {
        greet = resolve
      }),
    )
    void (async () => {
      for await (const [topic, body] of subscriber) {
        if (topic.length === 4) tally.add(client, body.readUInt32BE(0))
        else greet()
      }
    })()
  }
  // A subscriber is known to the publisher when it hears a greeting.
  const greeting = setInterval(() => void push.send(["hello", ""]).catch(() => {}), 20)
  await Promise.all(greeted)
  clearInterval(greeting)
  say({ ready: true })
  say(await tally.done)
  process.exit(0)
} else if (role === "send") {
  const push = new Push({ sendHighWaterMark: 100_000 })
  push.connect(up)
  const subscriber = new Subscriber()
  subscriber.connect(down)
  subscriber.subscribe("progress", "hello")
  let done = 0
  let wake = () => {}
  let greet
  const greeted = new Promise(resolve => {
    greet = resolve
  })
  void (async () => {
    for await (const [topic, body] of subscriber) {
      if (topic.length === 5) greet()
      else {
        done = Number(body.toString())
        wake()
      }
    }
  })()
  const greeting = setInterval(() => void push.send(["hello", ""]).catch(() => {}), 20)
  await greeted
  clearInterval(greeting)
  markCpu()
  for (let n = 0; n < count; n++) {
    const payload = Buffer.alloc(size, 7)
    payload.writeUInt32BE(n, 0)
    while (n - done >= window) {
      await new Promise(resolve => {
        wake = resolve
      })
    }
    await push.send(["data", payload])
  }
  say({ cpuMs: cpuMs() })
  setTimeout(() => process.exit(0), 500)
} else if (role === "ask") {
  const dealer = new Dealer()
  dealer.connect(control)
  const payload = Buffer.alloc(size, 7)
  const times = []
  for (let n = 0; n < count; n++) {
    const start = performance.now()
    await dealer.send(payload)
    await dealer.receive()
    times.push((performance.now() - start) * 1000)
  }
  say(summary(times))
  process.exit(0)
}
void clients
