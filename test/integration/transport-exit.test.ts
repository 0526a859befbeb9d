/** A process that has closed its sockets ends by itself, and one that has not can be ended without a crash. */
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"

const root = join(import.meta.dirname, "../..")
const built = join(root, "dist/transport")

/** Opens both sides, carries one message on each leg, then does what `end` says. */
const program = (open: string, end: string) => `
  ${open}
  const never = new AbortController().signal
  let left = 3
  const heard = () => { if (--left === 0) done() }
  const done = async () => { ${end}; console.log("done") }
  const router = transport.router({ onBatch: heard })
  const publisher = transport.publisher({ onSubscribe: (_, p) => publisher.send([p]), onUnsubscribe() {} })
  const puller = transport.puller({ onBatch: heard })
  const addresses = await transport.bind("tcp://127.0.0.1:0", { router, publisher, puller })
  const dealer = transport.dealer({ onBatch() {} })
  const subscriber = transport.subscriber({ onBatch: heard })
  const pusher = transport.pusher({})
  await dealer.connect(addresses.control, { signal: never })
  await subscriber.connect(addresses.publish, { signal: never })
  await pusher.connect(addresses.push, { signal: never })
  const sockets = [router, publisher, puller, dealer, subscriber, pusher]
  dealer.send([new Uint8Array(1)])
  pusher.send([new Uint8Array(1)])
  subscriber.subscribe(new Uint8Array(1))
`

const transports = {
  native: `
    const { NativeTransport } = await import(${JSON.stringify(join(built, "native/index.js"))})
    const transport = await NativeTransport.open()`,
  zmtp: `
    const { ZmtpTransport } = await import(${JSON.stringify(join(built, "zmtp/index.js"))})
    const transport = new ZmtpTransport()`,
}

function run(
  source: string,
): Promise<{ readonly code: number | null; readonly signal: string | null; readonly out: string }> {
  if (!existsSync(built)) throw new Error("dist/ is missing: run npm run build first")
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], { stdio: ["ignore", "pipe", "pipe"] })
  let out = ""
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", chunk => {
      out += chunk
    })
  }
  return new Promise((resolve, reject) => {
    const timeout = setTimeout(() => {
      child.kill("SIGKILL")
      reject(new Error(`the process still lives after 45 s; it said: ${out}`))
    }, 45_000)
    child.once("exit", (code, signal) => {
      clearTimeout(timeout)
      resolve({ code, signal, out })
    })
  })
}

for (const [name, open] of Object.entries(transports)) {
  describe(`a process that used the ${name} transport`, () => {
    it("ends by itself when its sockets are closed", async () => {
      const end = "await Promise.all(sockets.map(socket => socket.close()))"
      expect(await run(program(open, end))).toEqual({ code: 0, signal: null, out: "done\n" })
    })

    it("ends by itself when its sockets are aborted", async () => {
      const end = "for (const socket of sockets) socket.abort()"
      expect(await run(program(open, end))).toEqual({ code: 0, signal: null, out: "done\n" })
    })

    it("can exit with its sockets open", async () => {
      const end = 'console.log("leaving"); process.exit(7)'
      expect(await run(program(open, end))).toEqual({ code: 7, signal: null, out: "leaving\n" })
    })
  })
}
