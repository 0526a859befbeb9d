/** A page in headless Chromium joins a host by the door for pages, bundled as a user's bundler would. */
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"
import { type Browser, chromium } from "playwright-core"
import { rolldown } from "rolldown"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { chromiumPath } from "./harness/chromium.ts"

const door = fileURLToPath(new URL("../../dist/browser/index.js", import.meta.url))

/** Puts the door's exports where a test's function finds them. */
const blank = `<!doctype html><script type="module">globalThis.zinc = await import("/zinc.js")</script>`

/** What is in the page. */
declare const zinc: typeof import("../../src/browser/index.ts")

describe.skipIf(chromiumPath === undefined)("a page in Chromium", () => {
  let browser: Browser
  let server: Server
  let origin: string
  beforeAll(async () => {
    const bundle = await rolldown({ input: door, platform: "browser" })
    const { output } = await bundle.generate({ format: "esm", codeSplitting: false })
    const script = output[0].code
    server = createServer((request, response) => {
      const isScript = request.url === "/zinc.js"
      response.setHeader("Content-Type", isScript ? "text/javascript" : "text/html")
      response.end(isScript ? script : blank)
    })
    await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve))
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ["--no-sandbox"] })
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    server?.close()
  })

  it("joins a host over ws://, talks with it, and edits a document with it", async () => {
    const { Endpoint, text } = await import("../../src/index.ts")
    await using host = await Endpoint.host({ listen: "ws://127.0.0.1:0", name: "hub" })
    const heard: unknown[] = []
    host.handle("up", message => {
      heard.push(message.value)
      host.send("down", "hello page")
    })
    const notes = await host.document("notes", text)
    notes.insert(0, "from the host")
    const page = await browser.newPage()
    await page.goto(origin)
    await page.waitForFunction(() => "zinc" in globalThis)
    const result = await page.evaluate(async address => {
      const { Endpoint, text } = zinc
      const me = await Endpoint.join(address, { name: "page" })
      let answered: (value: unknown) => void = () => {}
      const answer = new Promise(resolve => {
        answered = resolve
      })
      await me.handle("down", message => answered(message.value)).ready
      await me.send("up", { large: "x".repeat(200_000) }, { ack: "rooted" })
      const notes = await me.document("notes", text)
      const before = notes.toString()
      notes.insert(0, "from the page, ")
      await notes.acknowledged("rooted")
      const down = await answer
      await me.close()
      return { before, down }
    }, host.addresses[0]!)
    expect(result.before).toBe("from the host")
    expect((heard[0] as { large: string }).large.length).toBe(200_000)
    expect(notes.toString()).toBe("from the page, from the host")
    expect(result.down).toBe("hello page")
  })

  it("is refused when its origin is not of the host's machine", async () => {
    const { Endpoint } = await import("../../src/index.ts")
    await using host = await Endpoint.host({ listen: "ws://127.0.0.1:0" })
    const page = await browser.newPage()
    await page.goto(origin.replace("127.0.0.1", "localhost"))
    await page.waitForFunction(() => "zinc" in globalThis)
    const code = await page.evaluate(
      address =>
        zinc.Endpoint.join(address).then(
          () => "joined",
          (error: { code: string }) => error.code,
        ),
      host.addresses[0]!,
    )
    expect(code).toBe("Unreachable")
  })
})
