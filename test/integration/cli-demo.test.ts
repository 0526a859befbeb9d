/** zinc demo --once, which is `npm start -- --once`. */
import { createRequire } from "node:module"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { root } from "../tidy/source.ts"
import { Cli, endAll, jsonLines, until, zinc } from "./cli-process.ts"

afterAll(endAll)

/** Without npm zeromq the demo says so and goes on with zmtp alone. */
let transports = ["native", "zmtp"]
try {
  createRequire(join(root, "package.json"))("zeromq")
} catch {
  transports = ["zmtp"]
}

describe("zinc demo", () => {
  it("ends with equal replicas over both transports and carriers, one killed and one late", async () => {
    const end = await zinc(["demo", "--once", "--json", "--pace", "150"])
    const last = jsonLines(end.stdout).at(-1)!
    expect(last).toMatchObject({
      converged: true,
      complete: true,
      transports,
      carriers: ["ipc", "tcp"],
      killed: ["jorun"],
      joinedLate: ["ketil"],
    })
    expect(last.replicas).toBeGreaterThanOrEqual(6)
    expect(last.seconds).toBeLessThan(60)
    expect(end.code).toBe(0)
    expect(end.stdout.endsWith(`${JSON.stringify(last)}\n`)).toBe(true)
  })

  it("tells people what happened when its output is piped, and ends by itself", async () => {
    const end = await zinc(["demo", "--pace", "400"])
    expect(end.stdout).toMatch(/jorun was killed \(SIGKILL/)
    expect(end.stdout).toMatch(/all 7 replicas are equal/)
    expect(end.code).toBe(0)
  })

  it("takes its processes with it when it is killed", async () => {
    const demo = new Cli(["demo", "--once", "--json", "--pace", "5"])
    await demo.event({ event: "joined", name: "marit" })
    const pids = demo.children()
    expect(pids.length).toBeGreaterThan(1)
    demo.kill("SIGKILL")
    await demo.ended
    await until("its processes are gone", () => pids.every(pid => !Cli.isAlive(pid)))
  })

  it("leaves on Ctrl-C with 130", async () => {
    const demo = new Cli(["demo", "--once", "--json", "--pace", "5"])
    await demo.event({ event: "joined", name: "marit" })
    const pids = demo.children()
    demo.kill("SIGINT")
    expect((await demo.ended).code).toBe(130)
    await until("its processes are gone", () => pids.every(pid => !Cli.isAlive(pid)))
  })
})
