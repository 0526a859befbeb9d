/**
 * The bench of voters in miniature: real processes, real servers, kill -9 and SIGSTOP. It fails by itself when a root that comes
 * back has authority, when something acknowledged is lost, or when two logs differ. How long it takes is the bench's to say.
 */
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { describe, expect, it } from "vitest"
import { root } from "../tidy/source.ts"

interface Row {
  readonly record: string
  readonly victim: string
  readonly percentile: number
  readonly results: { readonly zinc: number }
  readonly details: { readonly zinc: { readonly acked: number; readonly lost: number } }
}

describe("Voters whose root is killed and stopped", () => {
  it("have another each time, and lose nothing that was acknowledged", async () => {
    const command = ["benchmarks/main.mjs", "election/voters", "--json", "--details", "--seconds", "2"]
    const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: root, timeout: 230_000 })
    const rows = stdout
      .trim()
      .split("\n")
      .map(line => JSON.parse(line) as Row)
    const records = [...new Set(rows.map(row => row.record))]
    expect(records).toContain("embedded")
    for (const record of records) {
      const its = rows.filter(row => row.record === record)
      expect(its.map(row => [row.victim, row.percentile])).toEqual(
        ["killed", "stopped"].flatMap(victim => [50, 99, 100].map(percentile => [victim, percentile])),
      )
      for (const { results, details } of its) {
        expect(results.zinc).toBeGreaterThan(0)
        expect(details.zinc.acked).toBeGreaterThan(0)
        expect(details.zinc.lost).toBe(0)
      }
    }
  })
})
