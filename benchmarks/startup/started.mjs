// Starts a program of `peer/`, and gives what it said first once it has ended.
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { child } from "../harness/child.mjs"

const here = dirname(fileURLToPath(import.meta.url))

export async function started(name, ...parameters) {
  const program = child(process.execPath, [join(here, "peer", `${name}.mjs`), ...parameters])
  const said = await program.next()
  program.dismiss()
  await program.done
  return said
}
