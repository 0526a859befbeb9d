/** Scripts tell how they are called, and say in a line what they do not understand. */
import { spawnSync } from "node:child_process"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, it } from "vitest"

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

function run(script: string, word: string) {
  return spawnSync(process.execPath, [join(root, script), word], { cwd: root, encoding: "utf8", timeout: 60_000 })
}

it.each(["scripts/platforms.mjs", "scripts/interop.mjs"])("%s", script => {
  const { status, stdout } = run(script, "--help")
  expect(stdout).toContain(`npm run ${script.slice("scripts/".length, -".mjs".length)}`)
  expect(status).toBe(0)
  const wrong = run(script, "--bogus")
  expect(wrong.stderr).toBe("Unknown option '--bogus'; --help says which options there are\n")
  expect(wrong.status).toBe(2)
})
