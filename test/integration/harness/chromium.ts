/** A Chromium to open pages in: one that is here, or one that can be installed. */
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"

const executable = findChromium()
if (executable === undefined)
  console.error("\n!!! no Chromium here and none could be installed: the tests of pages are skipped\n")

/** Where it is; undefined where there is none. */
export const chromiumPath: string | undefined = executable

/** A program that draws nothing and knows nothing, so that its profile goes with it. */
function findChromium(): string | undefined {
  const named = process.env.ZINC_TEST_CHROMIUM
  const known = [named, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
  const find = () => known.find(each => each !== undefined && existsSync(each))
  const found = find()
  if (found !== undefined || process.getuid?.() !== 0) return found
  const apt = (...words: string[]) => spawnSync("apt-get", words, { timeout: 600_000, stdio: "ignore" }).status === 0
  if (apt("update", "-q")) apt("install", "-y", "-q", "--no-install-recommends", "chromium")
  return find()
}
