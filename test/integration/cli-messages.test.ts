/** host, join, send, listen and request, as processes. */
import { spawn } from "node:child_process"
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest"
import { freePort } from "../../scripts/free-port.mjs"
import { Cli, endAll, errorOf, jsonLines, main, openHost, zinc } from "./cli-process.ts"

const folder = mkdtempSync(join(tmpdir(), "zinc-cli-"))
afterAll(() => rmSync(folder, { recursive: true }))

let host: Cli
let address: string
beforeEach(async () => {
  const opened = await openHost()
  host = opened.host
  address = opened.address
})
afterEach(endAll)

async function listening(...words: string[]): Promise<Cli> {
  const cli = new Cli(["listen", address, ...words, "--json"])
  await cli.event({ event: "listening" })
  return cli
}

/** Somewhere on this machine where nobody listens. */
async function deadAddress(): Promise<string> {
  return `tcp://127.0.0.1:${await freePort()}`
}

function values(cli: { readonly stdout: string }): unknown[] {
  return jsonLines(cli.stdout).flatMap(each =>
    each.message === undefined ? [] : [(each.message as { value: unknown }).value],
  )
}

describe("zinc send and listen", () => {
  it("carry JSON, text and numbers, and end after --count", async () => {
    const listener = await listening("chat", "price.*", "--count", "4")
    expect((await zinc(["send", address, "chat", "hello there"])).code).toBe(0)
    expect((await zinc(["send", address, "price.eur", '{"bid":1.08}', "--codec", "msgpack"])).code).toBe(0)
    expect((await zinc(["send", address, "other", "not for you"])).code).toBe(0)
    expect((await zinc(["send", address, "chat", "42", "--text"])).code).toBe(0)
    const last = await zinc(["send", address, "chat", "42", "--json"])
    expect(JSON.parse(last.stdout)).toEqual({ sent: 1, topic: "chat", ack: "rooted" })
    const end = await listener.ended
    expect(end.code).toBe(0)
    expect(values(end)).toEqual(["hello there", { bid: 1.08 }, "42", 42])
  })

  it("try several addresses one after the other, and name what was wrong with each", async () => {
    const [one, other] = [await deadAddress(), await deadAddress()]
    const sent = await zinc(["send", `${one},${address}`, "chat", "hello", "--json"])
    expect(JSON.parse(sent.stdout)).toMatchObject({ sent: 1 })
    const failed = await zinc(["send", `${one},${other}`, "chat", "hello", "--json"])
    expect(failed.code).toBe(1)
    expect(errorOf(failed)).toMatchObject({ code: "Unreachable" })
    expect(errorOf(failed).message).toContain(`nobody answers at ${one}`)
    expect(errorOf(failed).message).toContain(`nobody answers at ${other}`)
    const wrong = await zinc(["send", `${address},tcp://nowhere`, "chat", "hello", "--json"])
    expect(wrong.code).toBe(2)
    expect(errorOf(wrong).code).toBe("BadAddress")
    for (const list of [`${address}, ${other}`, `${address},`, `${address},,${other}`]) {
      const bad = await zinc(["send", list, "chat", "hello", "--json"])
      expect([bad.code, errorOf(bad).code]).toEqual([2, "BadAddress"])
      expect(errorOf(bad).message).toContain("one comma and no blank")
    }
  })

  it("carry octets as they are", async () => {
    const path = join(folder, "octets")
    writeFileSync(path, Uint8Array.of(0, 0xff, 10, 0x80))
    const listener = await listening("image", "--count", "1")
    await zinc(["send", address, "image", "--raw", "--file", path])
    expect(values(await listener.ended)).toEqual([{ base64: Buffer.from([0, 0xff, 10, 0x80]).toString("base64") }])
  })

  it("carry each line of standard input, in order", async () => {
    const listener = await listening("log", "--count", "500")
    const lines = Array.from({ length: 500 }, (_, index) => `line ${index}`)
    const sent = await zinc(["send", address, "log", "--lines", "--text"], { input: `${lines.join("\n")}\n` })
    expect(sent.code).toBe(0)
    expect(values(await listener.ended)).toEqual(lines)
  })

  it("number the messages of an ordered topic", async () => {
    const listener = await listening("jobs", "--count", "2", "--route", "ordered")
    await zinc(["send", address, "jobs", "1", "--route", "ordered"])
    await zinc(["send", address, "jobs", "2", "--route", "ordered"])
    const end = await listener.ended
    const numbers = jsonLines(end.stdout).flatMap(each => {
      const message = each.message as { order?: { number: number } } | undefined
      return message === undefined ? [] : [message.order?.number]
    })
    expect(numbers).toEqual([1, 2])
  })

  it("fail when the messages do not come in time", async () => {
    const end = await zinc(["listen", address, "silence", "--count", "1", "--timeout", "300ms", "--json"])
    expect(end.code).toBe(1)
    expect(errorOf(end).code).toBe("Timeout")
  })

  it("reach one endpoint only with --to", async () => {
    const ada = await listening("note", "--name", "ada", "--count", "1")
    const ben = await listening("note", "--name", "ben", "--count", "1")
    await zinc(["send", address, "note", "for ada", "--to", "ada"])
    await zinc(["send", address, "note", "for all"])
    expect(values(await ada.ended)).toEqual(["for ada"])
    expect(values(await ben.ended)).toEqual(["for all"])
  })

  it("say who is not there", async () => {
    const end = await zinc(["send", address, "note", "hi", "--to", "nobody", "--json"])
    expect(end.code).toBe(1)
    expect(errorOf(end).code).toBe("NoSuchEndpoint")
  })
})

describe("zinc request", () => {
  it("prints the answer", async () => {
    await listening("ping", "--name", "echo", "--echo")
    const end = await zinc(["request", address, "echo", "ping", '{"n":[1,2]}', "--json"])
    expect(end.code).toBe(0)
    expect(JSON.parse(end.stdout)).toMatchObject({ reply: { n: [1, 2] }, roundTripMs: expect.any(Number) })
  })

  it("says that nobody handles it", async () => {
    const end = await zinc(["request", address, "hub", "nothing", "1", "--json"])
    expect(end.code).toBe(1)
    expect(errorOf(end).code).toBe("NoHandler")
  })
})

describe("zinc join", () => {
  it("says piped lines and lists peers, then ends with its input", async () => {
    const listener = await listening("chat", "--count", "2", "--name", "ear")
    const end = await zinc(["join", address, "--name", "ada", "--json"], { input: "hello\n/peers\n//slashed\n" })
    expect(end.code).toBe(0)
    expect(values(await listener.ended)).toEqual(["hello", "/slashed"])
    const peers = jsonLines(end.stdout).find(each => each.peers !== undefined)!.peers as { name: string }[]
    expect(peers.map(each => each.name)).toEqual(["hub", "ear", "ada"])
  })

  it("shows what others say, and what is said to it alone", async () => {
    const ada = new Cli(["join", address, "--name", "ada", "--json"], { open: true })
    await ada.event({ event: "joined" })
    const ben = new Cli(["join", address, "--name", "ben", "--json"], { open: true })
    await ben.event({ event: "joined" })
    ben.type("hello everyone\n")
    ben.type("/to ada only you\n")
    // A broadcast and a direct message have no order between them, and each is shown when its sender's name is known.
    await ada.says(/hello everyone/)
    await ada.says(/only you/)
    expect(values(ada).sort()).toEqual(["hello everyone", "only you"])
    ben.type("/sing\n/quit\n")
    const end = await ben.ended
    expect(errorOf(end).code).toBe("BadOption")
    // A script's line failed.
    expect(end.code).toBe(1)
  })
})

describe("zinc host", () => {
  it("tells who comes and goes, and leaves on Ctrl-C with 130", async () => {
    await zinc(["send", address, "chat", "1", "--name", "passer-by"])
    await host.says(/"event":"left"/)
    const names = jsonLines(host.stdout).flatMap(each =>
      each.peer === undefined ? [] : [(each.peer as { name: string }).name],
    )
    expect(names).toEqual(["passer-by", "passer-by"])
    host.kill("SIGINT")
    expect((await host.ended).code).toBe(130)
  })

  it("leaves on SIGTERM with 143", async () => {
    host.kill("SIGTERM")
    expect((await host.ended).code).toBe(143)
  })

  it("says that its address is taken", async () => {
    const end = await zinc(["host", address, "--json"])
    expect(end.code).toBe(1)
    expect(errorOf(end).code).toBe("AddressInUse")
  })

  it("refuses a wrong token, and the refusal says so at both ends", async () => {
    const guarded = new Cli(["host", "tcp://127.0.0.1:0", "--json"], { environment: { ZINC_TOKEN: "secret" } })
    const { addresses } = await guarded.event({ event: "listening" })
    const door = (addresses as string[])[0]!
    const wrong = await zinc(["send", door, "chat", "1", "--token", "guess", "--json"])
    expect(wrong.code).toBe(1)
    expect(errorOf(wrong).code).toBe("Unauthorized")
    await guarded.event({ event: "refused" })
    expect((await zinc(["send", door, "chat", "1"], { environment: { ZINC_TOKEN: "secret" } })).code).toBe(0)
    const doctor = await zinc(["doctor", door, "--json"])
    expect(jsonLines(doctor.stdout).find(each => each.check === "join")).toMatchObject({
      status: "fail",
      next: expect.stringContaining("ZINC_TOKEN"),
    })
  })
})

describe("zinc doctor", () => {
  it("finds a host healthy", async () => {
    const { code, stdout } = await zinc(["doctor", address, "--json"])
    expect(jsonLines(stdout).filter(each => each.status === "fail")).toEqual([])
    expect(jsonLines(stdout).at(-1)).toMatchObject({ healthy: true, fail: 0 })
    expect(code).toBe(0)
  })
})

describe("A reader that has enough", () => {
  it("ends the listener, and that is no failure", async () => {
    const listener = await listening("chat")
    listener.stopReading()
    await zinc(["send", address, "chat", "1"])
    await zinc(["send", address, "chat", "2"])
    expect((await listener.ended).code).toBe(0)
  })

  it("of notes is no reason to end: a host that is told to closes as ever", async () => {
    const deaf = new Cli(["host", "tcp://127.0.0.1:0", "--json"])
    await deaf.event({ event: "listening" })
    deaf.stopReadingNotes()
    deaf.kill("SIGTERM")
    expect((await deaf.ended).code).toBe(143)
  })

  it.runIf(existsSync("/dev/full"))("that has no room left is told of in a line", async () => {
    const full = openSync("/dev/full", "w")
    const child = spawn(process.execPath, [main, "--help"], { stdio: ["ignore", full, "pipe"] })
    let notes = ""
    child.stderr!.on("data", (chunk: Buffer) => {
      notes += String(chunk)
    })
    const code = await new Promise(resolve => child.on("close", resolve))
    closeSync(full)
    expect([code, notes]).toEqual([1, expect.stringMatching(/^error \[ENOSPC\] .*\n$/)])
  })
})

describe("Ctrl-C", () => {
  it("ends a listener with 130 after draining", async () => {
    const listener = await listening("chat")
    listener.kill("SIGINT")
    expect((await listener.ended).code).toBe(130)
    await host.says(/"event":"left"/)
  })

  it("ends a join that waits for its host", async () => {
    const silent = createServer()
    await new Promise<void>(listening => silent.listen(0, "127.0.0.1", listening))
    const { port } = silent.address() as { port: number }
    const waiting = new Cli(["join", `tcp://127.0.0.1:${port}`, "--join-timeout", "60s"])
    await waiting.says(/waiting for/)
    waiting.kill("SIGINT")
    expect((await waiting.ended).code).toBe(130)
    silent.close()
  })
})
