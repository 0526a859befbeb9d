// Compiles src/ into dist/ with the TypeScript compiler and marks the command executable.
import { execFileSync } from "node:child_process"
import { chmodSync, existsSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
rmSync(join(root, "dist"), { recursive: true, force: true })
execFileSync(
  process.execPath,
  [join(root, "node_modules/typescript/bin/tsc"), "-p", join(root, "tsconfig.build.json")],
  {
    stdio: "inherit",
  },
)
const command = join(root, "dist/cli/main.js")
if (existsSync(command)) chmodSync(command, 0o755)
