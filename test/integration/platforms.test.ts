/** Zinc in threads, and in the bundles that esbuild and Vite make of it, for Node and for pages. */
import { execFile } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { Worker } from "node:worker_threads"
import { build as esbuild } from "esbuild"
import { chromium } from "playwright-core"
import { build as vite } from "vite"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { chromiumPath } from "./harness/chromium.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))
const smoke = join(root, "test/platform/smoke.mjs")
let folder: string

beforeAll(() => {
  // Inside the repository, so that `zincmq` means it.
  mkdirSync(join(root, "node_modules/.cache"), { recursive: true })
  folder = mkdtempSync(join(root, "node_modules/.cache/zinc-bundles-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Check {
  readonly check: string
  readonly result: "passed" | "failed" | "skipped"
  readonly error?: string
}

/** What the smoke program said; all checks, in order. */
async function smoked(file: string, ...leftOut: string[]): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [file, ...leftOut], { timeout: 200_000 }).catch(
    (error: { stdout: string; stderr: string }) => error,
  )
  const checks = stdout
    .trim()
    .split("\n")
    .map(line => JSON.parse(line) as Check)
  expect(checks.length).toBeGreaterThan(8)
  return checks.filter(each => each.result !== "passed").map(each => `${each.check} ${each.result} ${each.error ?? ""}`)
}

describe("worker_threads", () => {
  it.each(["tcp://127.0.0.1:0", "ws://127.0.0.1:0"])("a host in one and a client in another, over %s", async listen => {
    const program = join(root, "test/platform/worker-party.mjs")
    const heard = (worker: Worker) =>
      new Promise<Record<string, unknown>>((resolve, reject) => {
        worker.once("message", resolve)
        worker.once("error", reject)
      })
    const gone = (worker: Worker) => new Promise(resolve => worker.once("exit", resolve))
    const host = new Worker(program, { workerData: { role: "host", listen } })
    const { address } = await heard(host)
    const client = new Worker(program, { workerData: { role: "client", address } })
    const clientGone = gone(client)
    expect(await heard(client)).toEqual({ heard: { from: "a thread" }, doubled: 42 })
    const hostGone = gone(host)
    host.postMessage("enough")
    // Nothing of ours keeps a thread alive.
    expect(await Promise.all([clientGone, hostGone])).toEqual([0, 0])
  })
})

describe("the smoke program of scripts/platforms.mjs", () => {
  it("passes here as it is", async () => {
    expect(await smoked(smoke)).toEqual([])
  })

  it("passes as one file made by esbuild, but for worker modules, which must stay files", async () => {
    const outfile = join(folder, "esbuild/smoke.mjs")
    await esbuild({
      entryPoints: [smoke],
      bundle: true,
      platform: "node",
      format: "esm",
      outfile,
      external: ["*.node"],
      logLevel: "silent",
    })
    expect(await smoked(outfile, "worker handler")).toEqual(["worker handler skipped "])
  })

  it("passes as Vite builds it for Node", async () => {
    await vite({
      root: join(root, "test/platform"),
      logLevel: "silent",
      configFile: false,
      build: { ssr: smoke, outDir: join(folder, "vite-node"), emptyOutDir: true, target: "node20" },
      ssr: { noExternal: ["zincmq"] },
    })
    expect(await smoked(join(folder, "vite-node/smoke.js"), "worker handler")).toEqual(["worker handler skipped "])
  })
})

describe.skipIf(chromiumPath === undefined)("a page whose script a bundler made", () => {
  /** A page's own program, which a user would write. */
  const page = `
    import { Endpoint } from "zincmq/browser"
    const address = new URLSearchParams(location.search).get("host")
    const me = await Endpoint.join(address, { name: "page" })
    await me.handle("down", message => { document.title = "heard " + message.value }).ready
    await me.send("up", "from a page", { ack: "rooted" })`

  const makers: readonly (readonly [string, (source: string, target: string) => Promise<void>])[] = [
    [
      "esbuild",
      async (source, target) => {
        await esbuild({
          entryPoints: [join(source, "main.js")],
          bundle: true,
          platform: "browser",
          format: "esm",
          outfile: join(target, "main.js"),
          logLevel: "silent",
        })
        cpSync(join(source, "index.html"), join(target, "index.html"))
      },
    ],
    [
      "Vite",
      async (source, target) => {
        const outputs = { outDir: target, emptyOutDir: true, target: "esnext" }
        await vite({ root: source, logLevel: "silent", configFile: false, build: outputs })
      },
    ],
  ]

  it.each(makers)("%s, joins a host and talks with it", async (name, make) => {
    const { Endpoint } = await import("../../src/index.ts")
    const source = join(folder, `${name}-source`)
    const target = join(folder, `${name}-page`)
    for (const each of [source, target]) mkdirSync(each, { recursive: true })
    writeFileSync(join(source, "main.js"), page)
    writeFileSync(join(source, "index.html"), '<!doctype html><script type="module" src="/main.js"></script>')
    await make(source, target)
    const server = createServer((request, response) => {
      const path = new URL(request.url ?? "/", "http://here").pathname
      try {
        const body = readFileSync(join(target, path === "/" ? "index.html" : path))
        response.setHeader("Content-Type", path.endsWith(".js") ? "text/javascript" : "text/html")
        response.end(body)
      } catch {
        response.writeHead(404).end()
      }
    })
    await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve))
    await using host = await Endpoint.host({ listen: "ws://127.0.0.1:0" })
    host.handle("up", message => {
      host.send("down", `${message.value} of ${name}`)
    })
    const browser = await chromium.launch({ executablePath: chromiumPath!, args: ["--no-sandbox"] })
    try {
      const tab = await browser.newPage()
      const { port } = server.address() as AddressInfo
      await tab.goto(`http://127.0.0.1:${port}/?host=${encodeURIComponent(host.addresses[0]!)}`)
      await tab.waitForFunction(
        () => (globalThis as { document?: { title: string } }).document?.title !== "",
        undefined,
        {
          timeout: 60_000,
        },
      )
      expect(await tab.title()).toBe(`heard from a page of ${name}`)
    } finally {
      await browser.close()
      server.close()
    }
  })
})
