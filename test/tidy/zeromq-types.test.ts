/** Programs typed for zeromq.js compile against our door when one import changes: the same text, against both. */
import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, expect, it } from "vitest"
import { root } from "./source.ts"

mkdirSync(join(root, "node_modules/.cache"), { recursive: true })
const scratch = mkdtempSync(join(root, "node_modules/.cache/zinc-types-"))
afterAll(() => rmSync(scratch, { recursive: true }))

/** What programs in the wild do, after the examples and the guide of zeromq.js. */
const program = (door: string) => `
  import * as zmq from "${door}"
  import { Dealer, Observer, Pair, Proxy, Publisher, Pull, Push, Reply, Request, Router, Stream, Subscriber, XPublisher, XSubscriber } from "${door}"

  export async function tasks(): Promise<string[]> {
    const push = new Push({ sendHighWaterMark: 100, linger: 0 })
    const pull = new zmq.Pull({ receiveHighWaterMark: 100, receiveTimeout: 1000 })
    await push.bind("tcp://127.0.0.1:0")
    const address: string | null = push.lastEndpoint
    if (address !== null) pull.connect(address)
    await push.send("text")
    await push.send([Buffer.from("a"), new Uint8Array(3), "b", new ArrayBuffer(2), null])
    const heard: string[] = []
    for await (const [first, second] of pull) {
      heard.push(first!.toString(), String(second?.length))
      if (heard.length > 4) break
    }
    const frames: Buffer[] = await pull.receive()
    heard.push(frames[0]!.toString("utf8"))
    pull.close()
    push.close()
    return heard
  }

  export async function questions(): Promise<Buffer> {
    const request = new Request({ sendTimeout: 50, correlate: true, relaxed: true })
    const reply = new Reply()
    await reply.bind("inproc://questions")
    request.connect("inproc://questions")
    const [, question] = await Promise.all([request.send(["how", "much"]), reply.receive()])
    await reply.send(question)
    const [answer] = await request.receive()
    return answer!
  }

  export async function news(): Promise<void> {
    const publisher = new Publisher({ conflate: false })
    const subscriber = new Subscriber()
    subscriber.subscribe("kitty cats", Buffer.from("dogs"))
    subscriber.unsubscribe("dogs")
    await publisher.bind("tcp://*:0")
    const verbose = new XPublisher({ verbosity: "allSubsUnsubs" })
    const eager = new XSubscriber()
    eager.close()
    verbose.close()
    await publisher.send(["kitty cats", "meow!"])
    await publisher.unbind(publisher.lastEndpoint!)
  }

  export async function routing(): Promise<void> {
    const router = new Router({ mandatory: true, handover: true })
    const dealer = new Dealer({ routingId: "dealer", context: new zmq.Context({ ioThreads: 1 }) })
    const [id, ...rest] = await router.receive()
    await router.send([id!, ...rest])
    const pair = new Pair()
    const stream = new Stream()
    stream.connect("tcp://127.0.0.1:80", { routingId: "web" })
    const writable: boolean = dealer.writable
    const readable: boolean = pair.readable && !pair.closed
    if (writable && readable) pair.disconnect("inproc://pair")
  }

  export function secured(): { publicKey: string; secretKey: string } {
    const keys = zmq.curveKeyPair()
    const server = new Pull({ curveServer: true, curveSecretKey: keys.secretKey, maxMessageSize: 1024 })
    const client = new Push({ curveServerKey: keys.publicKey, plainUsername: null, heartbeatInterval: 100 })
    server.tcpKeepalive = 1
    client.reconnectInterval = 10
    return keys
  }

  export async function watched(socket: Dealer): Promise<string> {
    socket.events.on("connect", details => console.log(details.address))
    socket.events.on("close:error", ({ error }) => console.log(error.message))
    for await (const event of socket.events) {
      switch (event.type) {
        case "bind": return event.address
        case "handshake:error:auth": return String(event.error.status)
        case "end": return "end"
      }
    }
    const observer: Observer = socket.events
    return String(observer.closed)
  }

  export async function forwarded(): Promise<void> {
    const proxy = new Proxy(new Router(), new Dealer())
    await proxy.frontEnd.bind("tcp://*:0")
    await proxy.backEnd.bind("tcp://*:0")
    const running = proxy.run()
    proxy.pause()
    proxy.resume()
    proxy.terminate()
    await running
  }

  export const about: string = zmq.version + String(zmq.capability.curve) + String(zmq.context.maxSockets)
`

async function complaints(text: string): Promise<string> {
  const folder = mkdtempSync(join(scratch, "door-"))
  writeFileSync(join(folder, "program.ts"), text)
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        strict: true,
        noUncheckedIndexedAccess: true,
        module: "NodeNext",
        target: "ES2022",
        lib: ["ES2023", "ESNext.Disposable"],
        types: ["node"],
        skipLibCheck: true,
        noEmit: true,
      },
      files: ["program.ts"],
    }),
  )
  const compiler = join(root, "node_modules/typescript/bin/tsc")
  return await promisify(execFile)(process.execPath, [compiler, "-p", folder], { timeout: 100_000 }).then(
    () => "",
    (error: { stdout: string }) => error.stdout,
  )
}

it("a program typed for zeromq.js compiles against it, and against our door", async () => {
  expect(await complaints(program("zeromq")), "against npm zeromq").toBe("")
  expect(await complaints(program("zincmq/zeromq")), "against our door").toBe("")
})

it("what zeromq.js would not compile is not compiled here either", async () => {
  // Were types missing, anything would pass.
  const wrong = 'import { Push } from "zincmq/zeromq"\nnew Push().receive()\nnew Push({ linger: "long" })'
  const stdout = await complaints(wrong)
  expect(stdout).toContain("program.ts(2,")
  expect(stdout).toContain("program.ts(3,")
})
