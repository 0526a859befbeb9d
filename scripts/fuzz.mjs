// The fuzzer of test/fuzz, bundled and run: its options are in test/fuzz/main.ts, and `--help` shows them.
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { rolldown } from "rolldown"
import { headOf } from "./options.mjs"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
if (process.argv.includes("--help")) {
  console.log(headOf(new URL("../test/fuzz/main.ts", import.meta.url)))
  process.exit()
}
// Below node_modules, so that packages are found from there.
mkdirSync(join(root, "node_modules/.cache"), { recursive: true })
const folder = mkdtempSync(join(root, "node_modules/.cache/zinc-fuzz-"))
let status
try {
  const bundle = await rolldown({
    cwd: root,
    input: join(root, "test/fuzz/main.ts"),
    platform: "node",
    external: name => !/^[./]/.test(name),
  })
  await bundle.write({ dir: folder, format: "esm", entryFileNames: "zinc-fuzz.js", sourcemap: true })
  await bundle.close()
  const run = spawnSync(
    process.execPath,
    ["--enable-source-maps", join(folder, "zinc-fuzz.js"), ...process.argv.slice(2)],
    { cwd: root, stdio: "inherit" },
  )
  status = run.status
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.exit(status ?? 1)
