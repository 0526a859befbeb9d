#!/usr/bin/env node
/** The entry of the `zinc` command. */
import { run } from "./program.ts"

const code = await run(process.argv.slice(2))
// What was written must be out before the process ends, also into a slow pipe.
await Promise.all(
  [process.stdout, process.stderr].map(stream => new Promise<void>(done => stream.write("", () => done()))),
)
process.exit(code)
