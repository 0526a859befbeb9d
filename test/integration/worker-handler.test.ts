/** Handler modules on real worker threads. They run from dist/, as a user's would. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, afterEach, describe, expect, it } from "vitest"
import type { HandleOptions, HandlerModule } from "../../src/endpoint/api.ts"
import type * as Front from "../../src/index.ts"

const built = pathToFileURL(join(import.meta.dirname, "../../dist/index.js")).href
const { Endpoint } = (await import(built)) as typeof Front
const folder = mkdtempSync(join(tmpdir(), "zinc-workers-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const module = join(folder, "task.mjs")
writeFileSync(
  module,
  `
  import { appendFileSync, existsSync, writeFileSync } from "node:fs"
  const cell = new Int32Array(new SharedArrayBuffer(4))
  const folder = ${JSON.stringify(folder)}
  const waitFor = name => {
    for (let i = 0; !existsSync(folder + "/" + name); i++) {
      if (i > 6000) throw new Error("nobody made " + name)
      Atomics.wait(cell, 0, 0, 5)
    }
  }
  export default ({ value }) => value
  export const noted = ({ value: { key, n, file } }) => {
    Atomics.wait(cell, 0, 0, (n * 7) % 4)
    appendFileSync(folder + "/" + file, key + " " + n + "\\n")
  }
  export const meets = ({ value: { mine, theirs } }) => {
    writeFileSync(folder + "/" + mine, "")
    waitFor(theirs)
  }
  export const gated = ({ value: { n, file } }) => {
    waitFor("gate")
    appendFileSync(folder + "/" + file, n + "\\n")
  }
  export const picky = ({ value }) => {
    if (value === "bad") throw new TypeError("I do not like it")
    return "fine"
  }
  export const stuck = ({ value }) => {
    if (value === "fine") return value
    writeFileSync(folder + "/" + value, "")
    for (;;) ;
  }
  export const exits = ({ value }) => value === "exit" ? process.exit(3) : value
  export const summed = ({ payload }) => {
    let sum = 0
    for (const octet of payload) sum += octet
    payload.fill(0)
    return sum
  }
`,
)

const opened: Front.Endpoint[] = []
afterEach(async () => {
  for (const endpoint of opened.splice(0).reverse()) await endpoint.close({ timeoutMs: 200 })
})

/** A host with the module's export on "task", and a client. */
async function pair(exported: string, options: HandleOptions = {}, handler: Partial<HandlerModule> = {}) {
  const host = await Endpoint.host({ listen: "tcp://127.0.0.1:0", name: "hub" })
  opened.push(host)
  const client = await Endpoint.join(host.addresses[0]!)
  opened.push(client)
  const handling = host.handle("task", { module, export: exported, threads: 2, ...handler }, options)
  await handling.ready
  const ask = (value: unknown, deadlineMs = 60_000) => client.request("hub", "task", value, { deadlineMs })
  return { host, client, handling, ask }
}

async function made(name: string): Promise<void> {
  const until = performance.now() + 60_000
  while (!existsSync(join(folder, name))) {
    if (performance.now() > until) throw new Error(`no handler made ${name} within a minute`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

describe("A handler module in worker threads", () => {
  it("keeps the order of each key", async () => {
    const { ask } = await pair("noted", { order: message => (message.value as { key: string }).key, concurrency: 4 })
    const keys = ["a", "b", "c"]
    await Promise.all(Array.from({ length: 45 }, (_, n) => ask({ key: keys[n % 3], n, file: "order" })))
    const lines = readFileSync(join(folder, "order"), "utf8").trim().split("\n")
    for (const [i, key] of keys.entries()) {
      const own = lines.filter(line => line.startsWith(`${key} `)).map(line => Number(line.slice(2)))
      expect(own).toEqual(Array.from({ length: 15 }, (_, n) => 3 * n + i))
    }
  })

  it("handles messages of several keys at the same time", async () => {
    const { ask } = await pair("meets", { order: message => (message.value as { mine: string }).mine, concurrency: 2 })
    // Each waits within its handler for the other to have begun.
    await Promise.all([ask({ mine: "left", theirs: "right" }), ask({ mine: "right", theirs: "left" })])
  })

  it("tells of one that throws, and goes on", async () => {
    const { host, ask } = await pair("picky")
    const failed = new Promise(resolve => host.on("handlerFailed", resolve))
    await expect(ask("bad")).rejects.toMatchObject({ code: "HandlerFailed", message: "I do not like it" })
    expect(await failed).toMatchObject({ topic: "task", error: expect.objectContaining({ name: "TypeError" }) })
    expect(await ask("good")).toBe("fine")
  })

  it("ends one that never returns at its request's deadline", async () => {
    const { ask } = await pair("stuck", {}, { threads: 1 })
    expect(await ask("fine")).toBe("fine")
    const asked = ask("deadline", 2_000)
    await expect(asked).rejects.toMatchObject({ code: "Timeout" })
    expect(await ask("fine")).toBe("fine")
  })

  it("ends one that never returns when the endpoint closes", async () => {
    const { host, client } = await pair("stuck", {}, { threads: 1 })
    client.send("task", "closing")
    await made("closing")
    await host.close({ timeoutMs: 100 })
    expect(host.state).toBe("closed")
  }, 25_000)

  it("lives on when one ends its thread", async () => {
    const { ask } = await pair("exits", { order: "none" }, { threads: 1 })
    expect(await ask(1)).toBe(1)
    await expect(ask("exit")).rejects.toMatchObject({ code: "HandlerFailed" })
    expect(await ask(2)).toBe(2)
  })

  it("names a module, or an export, that is not there", async () => {
    const missing = join(folder, "missing.mjs")
    const { host, client, handling } = await pair("nothing")
    const request = (topic: string) => client.request("hub", topic, 1, { deadlineMs: 60_000 })
    await expect(request("task")).rejects.toMatchObject({ message: expect.stringContaining('no function "nothing"') })
    await handling.close()
    await host.handle("other", { module: missing }).ready
    await expect(request("other")).rejects.toMatchObject({ message: expect.stringContaining("missing.mjs") })
  })

  it("gets octets of its own: those of others stay as they are", async () => {
    const { host, client } = await pair("summed", { order: "none", concurrency: 4 })
    const kept: { payload: Uint8Array; value: number }[] = []
    host.handle("task", message => {
      kept.push({ payload: message.payload, value: message.payload[0]! })
    })
    const sums: Promise<unknown>[] = []
    const sizes = [16, 64, 100, 300_000]
    // Short messages come many to a buffer. The second handler hears broadcasts; requests go to the first alone.
    const handled = new Promise<void>(resolve => {
      let left = 200
      host.on("handlerFailed", () => resolve())
      host.handle("task", () => {
        if (--left === 0) resolve()
      })
    })
    for (let i = 0; i < 200; i++) client.send("task", new Uint8Array(sizes[i % 4]!).fill(i % 200), { codec: "raw" })
    await handled
    for (let i = 0; i < 20; i++) {
      sums.push(client.request("hub", "task", new Uint8Array(100).fill(i), { codec: "raw", deadlineMs: 60_000 }))
    }
    // Handled in order of arrival by two threads: when these are answered, the ones before have all been begun.
    expect(await Promise.all(sums)).toEqual(Array.from({ length: 20 }, (_, i) => 100 * i))
    expect(kept).toHaveLength(200)
    for (const [i, { payload }] of kept.entries()) {
      expect(payload.length).toBe(sizes[i % 4])
      expect(payload.every(octet => octet === i)).toBe(true)
    }
  })

  it("leaves what finds no room to the mailbox's policy while all threads are busy", async () => {
    const { host, client, handling, ask } = await pair(
      "gated",
      { order: "none", concurrency: 2, mailbox: { messages: 5, whenFull: "dropNewest" } },
      { threads: 2 },
    )
    let dropped = 0
    const full = new Promise<void>(resolve => {
      host.on("mailboxFull", event => {
        dropped += event.dropped
        if (dropped === 13) resolve()
      })
    })
    for (let n = 0; n < 20; n++) client.send("task", { n, file: "gated" })
    await full
    writeFileSync(join(folder, "gate"), "")
    // There is room again once one of the seven is done.
    while ((await ask({ n: 20, file: "gated" }).catch(error => error)) instanceof Error);
    await handling.close()
    const handled = readFileSync(join(folder, "gated"), "utf8").trim().split("\n").map(Number)
    expect(handled.filter(n => n < 20).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6])
  })
})
