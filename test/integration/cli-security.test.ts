/** CURVE and TLS by options of the command line. */
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, describe, expect, it } from "vitest"
import { Cli, endAll, errorOf, zinc } from "./cli-process.ts"

const folder = mkdtempSync(join(tmpdir(), "zinc-cli-security-"))
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(endAll)

async function keys(name: string): Promise<{ file: string; publicKey: string }> {
  const file = join(folder, `${name}.key`)
  const { stdout } = await zinc(["keygen", "--secret-file", file, "--json"])
  return { file, publicKey: (JSON.parse(stdout) as { publicKey: string }).publicKey }
}

async function host(listen: string, ...words: string[]): Promise<string> {
  const cli = new Cli(["host", listen, ...words, "--json"])
  const { addresses } = await cli.event({ event: "listening" })
  return (addresses as string[])[0]!
}

describe("zinc under CURVE", () => {
  it("lets in whose key is allowed, by keys in files", async () => {
    const [hub, ada, eve] = [await keys("hub"), await keys("ada"), await keys("eve")]
    const address = await host("tcp://127.0.0.1:0", "--curve-key", hub.file, "--allow-key", ada.publicKey)
    const say = (...words: string[]) =>
      zinc(["send", address, "chat", "hello", "--json", "--join-timeout", "20s", ...words])
    expect((await say("--server-key", hub.publicKey, "--curve-key", ada.file)).code).toBe(0)
    const refused = await say("--server-key", hub.publicKey, "--curve-key", eve.file)
    expect(refused.code).toBe(1)
    expect(errorOf(refused).code).toMatch(/Unauthorized|HandshakeFailed/)
    const plain = await say()
    expect(plain.code).toBe(1)
  })

  it("says what is missing or wrong before anything is opened", async () => {
    const ada = await keys("bob")
    const wrong = [
      ["--curve-key", ada.file],
      ["--allow-key", ada.publicKey],
      ["--server-key", "short"],
      ["--tls-cert", ada.file],
      ["--server-key", ada.publicKey, "--transport", "native"],
    ]
    for (const words of wrong) {
      const end = await zinc(["send", "tcp://127.0.0.1:1", "chat", "hello", "--json", ...words])
      expect([end.code, errorOf(end).code], words.join(" ")).toEqual([2, "BadOption"])
    }
    const missing = await zinc(["host", "tcp://127.0.0.1:0", "--json", "--curve-key", join(folder, "none")])
    expect(errorOf(missing).code).toBe("BadFile")
  })
})

/** A certificate for this machine, signed by itself; undefined where there is no openssl to make one. */
function certificate(): { cert: string; key: string } | undefined {
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")]
  const words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
  const names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", cert, "-keyout", key]
  try {
    execFileSync("openssl", [...words.split(" "), ...names], { stdio: "ignore" })
    return { cert, key }
  } catch {
    console.error("\n!!! no openssl here to make a certificate: zinc over wss:// is not tested\n")
    return undefined
  }
}
const tls = certificate()

describe.skipIf(tls === undefined)("zinc over wss://", () => {
  it("hosts with a certificate, and is joined by who trusts it", async () => {
    const address = await host("wss://127.0.0.1:0", "--tls-cert", tls!.cert, "--tls-key", tls!.key)
    expect(address).toMatch(/^wss:/)
    expect((await zinc(["send", address, "chat", "hello", "--tls-ca", tls!.cert])).code).toBe(0)
    const distrusting = await zinc(["send", address, "chat", "hello", "--json"])
    expect([distrusting.code, errorOf(distrusting).code]).toEqual([1, "HandshakeFailed"])
  })
})
