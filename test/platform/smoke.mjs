// What must work wherever Zinc runs, in one short program: endpoints over each transport, documents, security, workers,
// plain sockets, the drop-in door. Says what held as one line of JSON a check. Started by scripts/platforms.mjs and by the
// tests of bundlers, with the names of checks to leave out as arguments.
import { rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Endpoint, text } from "zincmq"
import * as sockets from "zincmq/transport/zmtp"
import { ZmtpTransport } from "zincmq/transport/zmtp"
import * as zmq from "zincmq/zeromq"
import { allowKeys, curveClient, curveServer, makeKeyPair } from "zincmq/zmtp"

const leftOut = new Set(process.argv.slice(2))
let failures = 0

/** No check takes longer than this unless something hangs. */
const mostMs = 60_000

async function check(name, run) {
  if (leftOut.has(name)) {
    console.log(JSON.stringify({ check: name, result: "skipped" }))
    return
  }
  let timer
  try {
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done after ${mostMs} ms`)), mostMs)
    })
    await Promise.race([run(), late])
    console.log(JSON.stringify({ check: name, result: "passed" }))
  } catch (error) {
    failures++
    console.log(JSON.stringify({ check: name, result: "failed", error: String(error?.stack ?? error).slice(0, 1_000) }))
  } finally {
    clearTimeout(timer)
  }
}

function same(actual, expected, what) {
  if (JSON.stringify(actual) !== JSON.stringify(expected))
    throw new Error(`${what}: ${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`)
}

/** A host and a client at that address say something to each other, ask, and share a document. */
async function converse(listen, options = {}) {
  const host = await Endpoint.host({ listen, name: "hub", ...options.host })
  const client = await Endpoint.join(host.addresses[0], { name: "guest", ...options.client })
  let tell
  const down = new Promise(resolve => {
    tell = resolve
  })
  await client.handle("down", message => tell(message.value)).ready
  host.handle("up", message => host.send("down", { echo: message.value.length }))
  host.handle("double", message => message.value * 2)
  await client.send("up", "x".repeat(100_000), { ack: "rooted" })
  same(await down, { echo: 100_000 }, "what came down")
  same(await client.request("hub", "double", 21), 42, "the answer")
  const there = await host.document("notes", text)
  const here = await client.document("notes", text)
  here.insert(0, "shared")
  await here.acknowledged("rooted")
  same(there.toString(), "shared", "the document")
  await client.close()
  await host.close()
}

await check("tcp", () => converse("tcp://127.0.0.1:0"))
await check("ipc", async () => {
  const path = join(tmpdir(), `zinc-smoke-${process.pid}.sock`)
  await converse(`ipc://${path}`)
  rmSync(path, { force: true })
})
await check("ws", () => converse("ws://127.0.0.1:0"))
await check("inproc", async () => {
  const router = new sockets.Router()
  const dealer = new sockets.Dealer()
  dealer.connect(await router.bind("inproc://smoke"))
  dealer.send([Buffer.from("hello")])
  const [who, said] = await router.receive()
  router.send([who, said])
  same(Buffer.from((await dealer.receive())[0]).toString(), "hello", "the echo")
  await Promise.all([router.close(), dealer.close()])
})
await check("curve", async () => {
  const hub = makeKeyPair()
  const guest = makeKeyPair()
  const authenticator = allowKeys(new Map([["guest", guest.publicKey]]))
  await converse("tcp://127.0.0.1:0", {
    host: {
      transport: new ZmtpTransport({ security: { listen: curveServer({ secretKey: hub.secretKey, authenticator }) } }),
    },
    client: {
      transport: new ZmtpTransport({
        security: { dial: curveClient({ serverKey: hub.publicKey, secretKey: guest.secretKey }) },
      }),
    },
  })
})
await check("large", async () => {
  const pull = new sockets.Pull()
  const push = new sockets.Push()
  push.connect(await pull.bind("tcp://127.0.0.1:0"))
  const sent = Buffer.alloc(20_000_000, 7)
  push.send([sent, Buffer.from("end")])
  const [first, last] = await pull.receive()
  same([first.length, Buffer.from(first).equals(sent), last.length], [20_000_000, true, 3], "the message")
  await Promise.all([push.close(), pull.close()])
})
await check("many", async () => {
  const pull = new sockets.Pull()
  const push = new sockets.Push()
  push.connect(await pull.bind("tcp://127.0.0.1:0"))
  const count = 50_000
  const sending = (async () => {
    for (let i = 0; i < count; i++) while (!push.send([Buffer.from(String(i))])) await push.drained()
  })()
  for (let i = 0; i < count; i++) same(Buffer.from((await pull.receive())[0]).toString(), String(i), "the next message")
  await sending
  await Promise.all([push.close(), pull.close()])
})
await check("drop-in", async () => {
  const reply = new zmq.Reply()
  await reply.bind("tcp://127.0.0.1:0")
  const request = new zmq.Request()
  request.connect(reply.lastEndpoint)
  const answering = (async () => {
    const [message] = await reply.receive()
    await reply.send(`${message} you`)
  })()
  await request.send("to")
  same(String((await request.receive())[0]), "to you", "the reply")
  await answering
  request.close()
  reply.close()
})
await check("worker handler", async () => {
  const host = await Endpoint.host({ listen: "tcp://127.0.0.1:0", name: "hub" })
  const client = await Endpoint.join(host.addresses[0], { name: "guest" })
  host.handle("sum", { module: new URL("./smoke-handler.mjs", import.meta.url), threads: 1 })
  same(await client.request("hub", "sum", [1, 2, 3]), 6, "what the worker answered")
  await client.close()
  await host.close()
})
process.exit(failures > 0 ? 1 : 0)
