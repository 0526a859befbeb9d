/** Every example runs as a user would run it: node, the built package, its own name. */
import { readdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { afterEach, describe, expect, it } from "vitest"
import { LineProcess } from "./line-process.ts"

const folder = fileURLToPath(new URL("../../examples/", import.meta.url))
const running: LineProcess[] = []

function run(name: string, ...parameters: string[]): LineProcess {
  const child = new LineProcess(process.execPath, [`${folder}${name}`, ...parameters], { timeoutMs: 60_000 })
  running.push(child)
  return child
}

afterEach(async () => {
  for (const child of running.splice(0)) await child.kill()
})

/** What each says at its end; it decides for itself whether all went well. */
const endings: Readonly<Record<string, readonly string[]>> = {
  "request-reply.mjs": [
    "sum: 6",
    "divide: 0.125",
    "by zero: HandlerFailed: division by zero",
    "nobody: NoSuchEndpoint",
    "too slow: Timeout",
    "and the handler knows: it stopped",
    "a hundred at once: all right",
  ],
  "ordered-ledger.mjs": ["all books are equal"],
  "shared-text.mjs": ["all four are equal"],
  "worker-handler.mjs": [
    "17984 primes below 200000, counted off the main thread: true",
    "the event loop went on turning",
  ],
  "protobuf-codec.mjs": [
    "codec 3, 6 octets: 2024-02-29T12:00:00.000Z",
    'codec 128: [["a","1"]]',
    'BadPayload: this value is no google.protobuf.Timestamp: it has no field "secnods"',
  ],
}

describe("Examples", () => {
  for (const [name, lines] of Object.entries(endings)) {
    it(`${name} runs and says what it should`, async () => {
      const child = run(name)
      expect(await child.ended(), child.said).toBe(0)
      for (const line of lines) expect(child.lines).toContain(line)
    })
  }

  it("chat.mjs carries lines between those who are there", async () => {
    const host = run("chat.mjs", "host", "tcp://127.0.0.1:0", "--name", "ada", "--token", "secret")
    const address = await host.line("its address", line => /^listening at (\S+)/.exec(line)?.[1])
    const guest = (name: string) => run("chat.mjs", "join", address, "--name", name, "--token", "secret")
    const [bob, cy] = [guest("bob"), guest("cy")]
    const says = (child: LineProcess, text: string) => child.line(text, line => (line === text ? true : undefined))
    await Promise.all([says(bob, "joined ada"), says(cy, "joined ada")])
    await Promise.all([says(host, "* bob is here"), says(host, "* cy is here")])
    bob.write("hello, all")
    await Promise.all([says(host, "<bob> hello, all"), says(cy, "<bob> hello, all")])
    host.write("welcome")
    await Promise.all([says(bob, "<ada> welcome"), says(cy, "<ada> welcome")])
    bob.write("bye")
    bob.endInput()
    expect(await bob.ended()).toBe(0)
    await Promise.all([says(cy, "<bob> bye"), says(host, "* bob left: it closed")])
    // One's own lines do not come back.
    expect(bob.lines.filter(line => line.startsWith("<bob>"))).toEqual([])
  })

  it("chat.mjs ends with its input, also while the host is away", async () => {
    const host = run("chat.mjs", "host", "tcp://127.0.0.1:0", "--name", "ada")
    const address = await host.line("its address", line => /^listening at (\S+)/.exec(line)?.[1])
    const bob = run("chat.mjs", "join", address, "--name", "bob")
    await bob.line("joined", line => (line === "joined ada" ? true : undefined))
    await host.kill()
    await bob.line("that ada left", line => (line.startsWith("* ada left") ? true : undefined))
    bob.write("is anybody there?")
    bob.endInput()
    expect(await bob.ended(), bob.said).toBe(0)
  })

  it("chat.mjs says why it may not join", async () => {
    const host = run("chat.mjs", "host", "tcp://127.0.0.1:0", "--token", "secret")
    const address = await host.line("its address", line => /^listening at (\S+)/.exec(line)?.[1])
    const stranger = run("chat.mjs", "join", address, "--token", "wrong")
    expect(await stranger.ended()).toBe(1)
    expect(stranger.said).toMatch(/^Unauthorized: .*the token is wrong or missing/m)
  })

  it("are all here", () => {
    const modules = readdirSync(folder).filter(name => /\.m?[jt]s$/.test(name))
    const tested = [...Object.keys(endings), "chat.mjs"]
    expect(modules.filter(name => !tested.includes(name))).toEqual(["worker-handler-task.mjs"])
  })
})
