// The fuzzer of test/fuzz, bundled and run: `npm run fuzz -- --help-less options as in test/fuzz/main.ts`.
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { rolldown } from "rolldown"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
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
