/** What the drop-in door has taken is not lost when the program ends by `process.exit` right after. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import * as zmq from "../../src/zeromq/index.ts"

const folder = mkdtempSync(join(tmpdir(), "zinc-exit-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const door = new URL("../../dist/zeromq/index.js", import.meta.url).href

/** Runs a program that has `zmq` and the address; resolves with how it ended. */
async function run(program: string, address: string): Promise<string> {
  const source = `import * as zmq from ${JSON.stringify(door)}\nconst address = ${JSON.stringify(address)}\n${program}`
  const child = spawn(process.execPath, ["--input-type=module", "-e", source], { stdio: ["ignore", "inherit", "pipe"] })
  let told = ""
  child.stderr.setEncoding("utf8").on("data", text => {
    told += text
  })
  const [code] = await once(child, "close")
  return `${code}${told}`
}

const connected = `
  const connected = new Promise(resolve => socket.events.on("handshake", resolve))
  socket.connect(address)
  await connected
`
const programs: Readonly<Record<string, string>> = {
  "awaited sends": `
    const socket = new zmq.Push()
    ${connected}
    for (let i = 0; i < 20; i++) await socket.send(String(i))
    process.exit(3)`,
  "sends that nobody awaits": `
    const socket = new zmq.Push()
    ${connected}
    for (let i = 0; i < 20; i++) void socket.send(String(i))
    process.exit(3)`,
  "a socket that was closed": `
    const socket = new zmq.Push()
    ${connected}
    for (let i = 0; i < 20; i++) await socket.send(String(i))
    socket.close()
    process.exit(3)`,
  "a publisher": `
    const socket = new zmq.XPublisher()
    socket.connect(address)
    await socket.receive()
    for (let i = 0; i < 20; i++) await socket.send(String(i))
    process.exit(3)`,
}
const addresses = ["tcp://127.0.0.1:*", `ipc://${join(folder, "s")}`]

describe("process.exit", () => {
  for (const [what, program] of Object.entries(programs)) {
    it.each(addresses)(`loses nothing of ${what} over %s`, async asked => {
      const socket = program.includes("XPublisher")
        ? new zmq.Subscriber({ receiveTimeout: 20_000 })
        : new zmq.Pull({ receiveTimeout: 20_000 })
      if (socket instanceof zmq.Subscriber) socket.subscribe()
      await socket.bind(asked)
      const ended = run(program, socket.lastEndpoint!)
      const got: string[] = []
      while (got.length < 20) got.push(String((await socket.receive())[0]))
      expect(got).toEqual(Array.from({ length: 20 }, (_, i) => String(i)))
      expect(await ended).toBe("3")
      socket.close()
    })
  }
})

describe("A listener", () => {
  it("keeps the process alive until its socket closes, as in zeromq.js", async () => {
    const program = `
      const socket = new zmq.Push({ linger: 0 })
      socket.events.on("connect", () => {})
      socket.connect(address)
      // Does not keep the process alive by itself.
      setTimeout(() => {
        process.exitCode = 7
        socket.close()
      }, 50).unref()`
    expect(await run(program, "tcp://127.0.0.1:1")).toBe("7")
  })
})

describe("The page of the door", () => {
  it("begins with a program that runs as it stands", async () => {
    const page = readFileSync(new URL("../../docs/reference/zeromq.md", import.meta.url), "utf8")
    const [, program = ""] = /```ts\n([\s\S]*?)```/.exec(page) ?? []
    const [, said] = /console\.log\(.*\) \/\/ (.*)\n/.exec(program) ?? []
    expect(said).toBe("hello, too")
    // As JavaScript, and with this tree's build.
    const plain = program.replace(/^import .*\n/, "const { Reply, Request } = zmq\n").replaceAll("!)", ")")
    expect(await run(plain.replace("console.log", "console.error"), "")).toBe(`0${said}\n`)
  })
})
