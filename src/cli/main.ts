#!/usr/bin/env node
/** The entry of the `zinc` command. */
import { run } from "./program.ts"

// Whoever reads what we print may have read enough (`zinc --help | head`).
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error
  process.exit(0)
})

const code = await run(process.argv.slice(2))
// What was written must be out before the process ends, also into a slow pipe.
await Promise.all(
  [process.stdout, process.stderr].map(stream => new Promise<void>(done => stream.write("", () => done()))),
)
process.exit(code)
