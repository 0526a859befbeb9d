/** The chaos tool itself: real processes, a few seconds of faults, and a judge that finds nothing. */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { expect, it } from "vitest"

const chaos = fileURLToPath(new URL("../../scripts/chaos.mjs", import.meta.url))

it.each([
  ["a tree whose root is spared", ["--processes", "6", "--voters", "0"]],
  ["a tree of three voters", ["--processes", "8"]],
])("kills, stops and cuts off processes of %s, and all promises are kept", async (_, tree) => {
  const arguments_ = [chaos, ...tree, "--minutes", "0.1", "--seed", "3", "--json"]
  const { stdout } = await promisify(execFile)(process.execPath, arguments_)
  const outcome = JSON.parse(stdout)
  expect(outcome).toMatchObject({ complaints: [], violations: [], documents: 2 })
  expect(Object.keys(outcome.faults).length).toBeGreaterThan(0)
  expect(outcome.deliveries).toBeGreaterThan(outcome.sends)
})
