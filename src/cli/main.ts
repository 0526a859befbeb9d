#!/usr/bin/env node
/** The entry of the `zinc` command. */
import { run } from "./program.ts"

// Whoever reads what we print may have read enough (`zinc --help | head`).
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0)
  process.stderr.write(`error [${error.code ?? "Unknown"}] what is printed cannot be written: ${error.message}\n`)
  process.exit(1)
})
// Nobody reads our notes any more, or they cannot be kept: no reason to end, least of all while closing.
process.stderr.on("error", () => {})

const code = await run(process.argv.slice(2))
// What was written must be out before the process ends, also into a slow pipe.
await Promise.all(
  [process.stdout, process.stderr].map(stream => new Promise<void>(done => stream.write("", () => done()))),
)
process.exit(code)
