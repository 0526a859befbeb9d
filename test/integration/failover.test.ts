/**
 * The failover bench, ten faults a cell: real processes, real servers, kill -9, SIGSTOP and planned closes. It fails by
 * itself when a message is lost, a number of the order stands for two messages, or a root that was stopped and runs again
 * still has authority. How long the tree was silent is printed and not judged: this machine may be busy.
 */
import { execFile } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, describe, expect, it } from "vitest"
import { root } from "../tidy/source.ts"

interface Row {
  readonly fault: string
  readonly record: string
  readonly figure: "p50" | "p99" | "max"
  readonly results: { readonly zinc: number }
  readonly details: { readonly zinc: Readonly<Record<string, number>> }
}

const faults = ["kill the root", "stop the root", "kill a relay", "close the root"]
const count = 10

describe("A tree of three voters and ten clients whose parts fail", () => {
  const state = mkdtempSync(join(tmpdir(), "zinc-failover-"))
  afterAll(() => rmSync(state, { recursive: true, force: true }))

  it.each(["embedded", "zookeeper", "etcd"])(
    "loses nothing, numbers nothing twice, and obeys no root of before, %s",
    async record => {
      const command = ["benchmarks/main.mjs", "failover", "--json", "--details", "--state", state]
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [...command, "--quick", "--runs", "1", "--record", record, "--faults", String(count)],
        { cwd: root, timeout: 590_000 },
      )
      const rows = stdout
        .trim()
        .split("\n")
        .flatMap(line => (line === "" ? [] : [JSON.parse(line) as Row]))
      if (rows.length === 0 && record !== "embedded") {
        console.log(`no ${record} here: failover with it is SKIPPED`)
        return
      }
      expect(rows.map(row => `${row.fault} ${row.figure}`)).toEqual(
        faults.flatMap(fault => ["p50", "p99", "max"].map(figure => `${fault} ${figure}`)),
      )
      for (const { details, results } of rows) {
        expect(results.zinc).toBeGreaterThan(0)
        // `usurped` looks from outside: whoever could obey the stopped root has left it by then. What it does itself is
        // shown where it can be seen, by the simulator with the rule left out (test/simulation/election-swarm.test.ts).
        expect(details.zinc).toMatchObject({ faults: count, lost: 0, backwards: 0, contradictions: 0, usurped: 0 })
      }
      const told = faults.map(fault => {
        const figures = rows.filter(row => row.fault === fault)
        return `${fault}: ${figures.map(({ figure, results }) => `${figure} ${results.zinc}`).join(", ")} ms`
      })
      console.log([`failover, ${record}:`, ...told].join("\n  "))
    },
    600_000,
  )
})
