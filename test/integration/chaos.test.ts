/** The chaos tool itself: real processes, a few seconds of faults, and a judge that finds nothing. */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { expect, it } from "vitest"

const chaos = fileURLToPath(new URL("../../scripts/chaos.mjs", import.meta.url))

it("kills, stops and cuts off processes of a tree, and all promises are kept", async () => {
  const arguments_ = [chaos, "--processes", "6", "--minutes", "0.1", "--seed", "3", "--json"]
  const { stdout } = await promisify(execFile)(process.execPath, arguments_)
  const outcome = JSON.parse(stdout)
  expect(outcome).toMatchObject({ processes: 6, complaints: [], violations: [], documents: 2 })
  expect(Object.keys(outcome.faults).length).toBeGreaterThan(0)
  expect(outcome.deliveries).toBeGreaterThan(outcome.sends)
})
