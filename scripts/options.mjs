// What a script is called with. `--help` prints how it is called, and an option that there is not ends in one line.
import { readFileSync } from "node:fs"
import { parseArgs } from "node:util"

/** `readOptions` of a script that its head comment explains: `script` is its URL. */
export function readScriptOptions(script, options) {
  return readOptions(headOf(script), options).values
}

/** As `parseArgs`, for a program that ends when `--help` or an error is all there is to say. */
export function readOptions(usage, options, more = {}) {
  try {
    const read = parseArgs({ ...more, options: { ...options, help: { type: "boolean", default: false } } })
    if (!read.values.help) return read
    console.log(usage)
    process.exit(0)
  } catch (thrown) {
    if (!String(thrown?.code).startsWith("ERR_PARSE_ARGS")) throw thrown
    console.error(`${thrown.message.split(". ")[0]}; --help says which options there are`)
    process.exit(2)
  }
}

/** The comment at the head of a file, as text. */
export function headOf(script) {
  const [head] = readFileSync(new URL(script), "utf8").split(/\n(?!\/\/| \*)/, 1)
  return head.replaceAll(/^(\/\*\*|\/\/| \*\/| \*) ?/gm, "").trim()
}
