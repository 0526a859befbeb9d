import { execFileSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { Pull, Push } from "../zmtp/index.ts"
import { WebSocketCarrier } from "./websocket.ts"

const folder = mkdtempSync(join(tmpdir(), "zinc-tls-"))
afterAll(() => rmSync(folder, { recursive: true }))

/** A certificate for this machine, signed by itself; undefined where there is no openssl to make one. */
function certificate(): { cert: string; key: string } | undefined {
  const cert = join(folder, "cert.pem")
  const key = join(folder, "key.pem")
  const words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
  const names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", cert, "-keyout", key]
  try {
    execFileSync("openssl", [...words.split(" "), ...names], { stdio: "ignore" })
    return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") }
  } catch {
    console.error("\n!!! no openssl here to make a certificate: wss:// is not tested\n")
    return undefined
  }
}
const tls = certificate()

describe.skipIf(tls === undefined)("wss://", () => {
  it("carries the same over TLS", async () => {
    const pull = new Pull({ carriers: [new WebSocketCarrier({ tls: tls! })], lingerMs: 0 })
    const address = await pull.bind("wss://127.0.0.1:0/safe")
    const push = new Push({ carriers: [new WebSocketCarrier({ ca: tls!.cert })], lingerMs: 0 })
    push.connect(address)
    push.send([Buffer.from("covered"), Buffer.alloc(300_000, 1)])
    const [text, large] = (await pull.receive())!
    expect([Buffer.from(text!).toString(), large!.length]).toEqual(["covered", 300_000])
    await push.close()
    await pull.close()
  })

  const strangerAt = (address: string) => {
    const socket = connect({ port: Number(/:(\d+)/.exec(address)![1]), host: "127.0.0.1" })
    socket.on("error", () => {})
    socket.resume()
    const gone = new Promise<void>(resolve => socket.once("close", () => resolve()))
    return { socket, gone }
  }

  it("bears strangers who do not speak TLS for a while only", async () => {
    const pull = new Pull({ carriers: [new WebSocketCarrier({ tls: tls!, upgradeTimeoutMs: 200 })], lingerMs: 0 })
    const stranger = strangerAt(await pull.bind("wss://127.0.0.1:0/safe"))
    await stranger.gone
    await pull.close()
  })

  it("bears so many strangers only who have not agreed on TLS: the oldest makes room", async () => {
    const carrier = new WebSocketCarrier({ tls: tls!, maxPendingUpgrades: 2, upgradeTimeoutMs: 60_000 })
    const pull = new Pull({ carriers: [carrier], lingerMs: 0 })
    const address = await pull.bind("wss://127.0.0.1:0/safe")
    const strangers = [strangerAt(address), strangerAt(address), strangerAt(address)]
    await Promise.race(strangers.map(each => each.gone))
    const push = new Push({ carriers: [new WebSocketCarrier({ ca: tls!.cert })], lingerMs: 0 })
    push.connect(address)
    push.send([Buffer.from("honest")])
    expect(Buffer.from((await pull.receive())![0]!).toString()).toBe("honest")
    for (const { socket } of strangers) socket.destroy()
    await push.close()
    await pull.close()
  })

  it("is not dialled where the certificate is not trusted", async () => {
    const carrier = new WebSocketCarrier({ tls: tls! })
    const listener = await carrier.listen("wss://127.0.0.1:0", stream => stream.destroy())
    const { signal } = new AbortController()
    await expect(new WebSocketCarrier().dial(listener.address, { signal })).rejects.toMatchObject({
      code: "HandshakeFailed",
    })
    await listener.close()
  })
})
