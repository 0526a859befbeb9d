/** What the command says about itself and about bad input. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { keyText, publicKeyOf } from "../../src/zmtp/index.ts"
import { textOf } from "../tidy/source.ts"
import { endAll, errorOf, jsonLines, zinc } from "./cli-process.ts"

const folder = mkdtempSync(join(tmpdir(), "zinc-cli-"))
afterAll(() => {
  endAll()
  rmSync(folder, { recursive: true })
})

const commands = [
  "host",
  "join",
  "send",
  "listen",
  "request",
  "top",
  "tree",
  "mirror",
  "replay",
  "demo",
  "keygen",
  "doctor",
]

describe("zinc", () => {
  it("prints the version of the package", async () => {
    const { version } = JSON.parse(textOf("package.json")) as { version: string }
    expect(await zinc(["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" })
  })

  it("lists its commands in the help", async () => {
    const { code, stdout } = await zinc(["--help"])
    expect(code).toBe(0)
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command} `, "m"))
  })

  for (const command of commands)
    it(`has examples in the help of ${command}`, async () => {
      const { code, stdout } = await zinc([command, "--help"])
      expect(code).toBe(0)
      expect(stdout).toMatch(/Examples:\n {2}(\S.* )?(zinc|npm)/)
    })

  it("shows the help and fails when told nothing", async () => {
    const { code, stderr } = await zinc([])
    expect(code).toBe(2)
    expect(stderr).toContain("Usage: zinc")
  })
})

describe("zinc keygen", () => {
  it("makes keys that fit each other, and writes a secret one nobody else can read, once", async () => {
    const { stdout } = await zinc(["keygen", "--json"])
    const [pair] = jsonLines(stdout) as { publicKey: string; secretKey: string }[]
    expect(keyText(publicKeyOf(pair!.secretKey))).toBe(pair!.publicKey)
    const path = join(folder, "host.key")
    const written = await zinc(["keygen", "--secret-file", path, "--json"])
    const secretKey = readFileSync(path, "utf8").trim()
    expect(jsonLines(written.stdout)).toEqual([{ publicKey: keyText(publicKeyOf(secretKey)), secretFile: path }])
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect((await zinc(["keygen", "--secret-file", path])).code).not.toBe(0)
    expect(readFileSync(path, "utf8").trim()).toBe(secretKey)
  })
})

describe("Bad input", () => {
  const address = "tcp://127.0.0.1:7700"
  const cases: readonly (readonly [string, readonly string[], string])[] = [
    ["an unknown command", ["repley"], "BadOption"],
    ["an unknown option", ["host", "--loud"], "BadOption"],
    ["a missing operand", ["send"], "BadOption"],
    ["an operand too many", ["replay", "a", "b"], "BadOption"],
    ["an unknown transport", ["host", "--transport", "pigeon"], "BadOption"],
    ["an unknown log level", ["host", "--log-level", "loud"], "BadOption"],
    ["a number that is none", ["host", "--max-clients", "many"], "BadOption"],
    ["a name that is too long", ["host", "tcp://127.0.0.1:0", "--name", "x".repeat(65)], "BadOption"],
    ["a tree without a name, to host", ["host", "tcp://127.0.0.1:0", "--tree", ""], "BadOption"],
    ["a tree without a name, to join", ["join", address, "--tree", ""], "BadOption"],
    ["a tree without a name, to find", ["join", "--discover", "dns:localhost:7700", "--tree", ""], "BadOption"],
    ["a tree whose name is too long", ["send", address, "chat", "1", "--tree", "x".repeat(65)], "BadOption"],
    ["a place to be announced in that is none", ["host", "tcp://127.0.0.1:0", "--announce", "foo:bar"], "BadOption"],
    ["a place where nobody announces himself", ["host", "tcp://127.0.0.1:0", "--announce", "dns:a:1"], "BadOption"],
    ["an announced tree that is another", ["host", "--announce", "mdns:a", "--tree", "b"], "BadOption"],
    // Taken for another value of the option before it, it was not looked at.
    ["an address after a key", ["host", "--allow-key", "x", "localhost"], "BadAddress"],
    ["an address after an announcement", ["host", "--announce", "zk://127.0.0.1:1", "localhost"], "BadAddress"],
    ["a fan-out of who does not listen", ["join", address, "--fan-out", "3"], "BadOption"],
    ["a fan-out beyond the most clients", ["host", "--fan-out", "5", "--max-clients", "3"], "BadOption"],
    ["an address to listen at that is none", ["host", "localhost"], "BadAddress"],
    ["a scheme that nobody serves", ["host", "gopher://x"], "BadAddress"],
    ["a port out of range", ["join", "tcp://127.0.0.1:70000"], "BadAddress"],
    ["an address to dial without a host", ["join", "tcp://*:7700"], "BadAddress"],
    ["an address to dial without a port", ["send", "tcp://localhost", "chat", "1"], "BadAddress"],
    ["a payload that is broken JSON", ["send", address, "chat", '{"a":'], "BadPayload"],
    ["a payload file that is missing", ["send", address, "chat", "--file", join(folder, "absent")], "BadFile"],
    ["two payloads", ["send", address, "chat", "1", "--file", "x"], "BadOption"],
    ["an unknown route", ["send", address, "chat", "1", "--route", "scenic"], "BadOption"],
    ["an unknown tier", ["send", address, "chat", "1", "--ack", "maybe"], "BadOption"],
    ["an unknown codec", ["send", address, "chat", "1", "--codec", "xml"], "BadOption"],
    ["a count of nothing", ["listen", address, "chat", "--count", "0"], "BadOption"],
    ["a time that is none", ["request", address, "hub", "x", "1", "--deadline", "soon"], "BadOption"],
    ["a mirrored folder", ["mirror", folder, address], "BadFile"],
    ["a mirrored file in no folder", ["mirror", join(folder, "no/notes.txt"), address], "BadFile"],
    ["a size that is none", ["mirror", join(folder, "notes.txt"), address, "--max-size", "big"], "BadOption"],
    ["a trace that is missing", ["replay", join(folder, "absent.json")], "BadFile"],
    ["a trace that is a folder", ["replay", folder], "BadFile"],
    ["clients that are too many", ["replay", "x.json", "--clients", "1000"], "BadOption"],
    ["a pace of nothing", ["demo", "--pace", "0"], "BadOption"],
    ["a host to examine that is no address", ["doctor", "hub"], "BadAddress"],
  ]
  for (const [name, words, code] of cases)
    it(`${name} is refused with ${code} and exit code 2`, async () => {
      const machine = await zinc([...words, "--json"])
      expect(errorOf(machine)).toMatchObject({ code, message: expect.stringMatching(/\S/) })
      expect(machine).toMatchObject({ code: 2, stdout: "" })
    })

  it("is told to people in one line that names the code", async () => {
    const { code, stdout, stderr } = await zinc(["host", "localhost"])
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" })
    expect(stderr).toMatch(/^error \[BadAddress\] .*tcp:\/\/host:port.*\n$/)
  })

  it("in a mirrored file is refused before anybody is dialled", async () => {
    const path = join(folder, "binary.txt")
    writeFileSync(path, Uint8Array.of(1, 0, 2))
    const end = await zinc(["mirror", path, address, "--json"])
    expect(errorOf(end)).toMatchObject({ code: "BadFile", message: expect.stringContaining("binary") })
  })

  it("in a trace is told with its place", async () => {
    const path = join(folder, "bad.json")
    writeFileSync(path, JSON.stringify({ endContent: "", txns: [{ patches: [[3, 0, "a"]] }] }))
    expect(errorOf(await zinc(["replay", path, "--json"])).message).toContain("txns[0].patches[0]")
  })
})

describe("A host that is not there", () => {
  it("fails a join with exit code 1", async () => {
    const port = await freePort()
    const end = await zinc(["send", `tcp://127.0.0.1:${port}`, "chat", "1", "--join-timeout", "1s", "--json"])
    expect(end.code).toBe(1)
    expect(["Unreachable", "Timeout"]).toContain(errorOf(end).code)
  })

  it("is found by the doctor, who says what to do", async () => {
    const port = await freePort()
    const { code, stdout } = await zinc(["doctor", `tcp://127.0.0.1:${port}`, "--json"])
    expect(code).toBe(1)
    expect(jsonLines(stdout).find(each => each.check === "listening")).toMatchObject({
      status: "fail",
      next: expect.stringContaining("start the host"),
    })
  })
})

describe("Somebody else at the port", () => {
  it("is found by the doctor", async () => {
    const server = createServer(socket => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))
    await new Promise<void>(listening => server.listen(0, "127.0.0.1", listening))
    const { port } = server.address() as { port: number }
    const { code, stdout } = await zinc(["doctor", `tcp://127.0.0.1:${port}`, "--json"])
    server.close()
    expect(code).toBe(1)
    expect(jsonLines(stdout).find(each => each.check === "listening")).toMatchObject({
      status: "fail",
      found: expect.stringContaining("HTTP/1.1"),
    })
  })
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(listening => server.listen(0, "127.0.0.1", listening))
  const { port } = server.address() as { port: number }
  await new Promise(closed => server.close(closed))
  return port
}
