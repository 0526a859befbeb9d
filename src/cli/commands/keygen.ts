/** `zinc keygen`: makes a pair of keys for CURVE. */
import { writeFile } from "node:fs/promises"
import type { Command } from "commander"
import { messageOf, ZincError } from "../../core/index.ts"
import { keyText, makeKeyPair } from "../../zmtp/index.ts"
import { type CommonOptions, type Ending, withAction } from "../shell.ts"

interface KeygenChoices extends CommonOptions {
  readonly secretFile?: string
}

export function addKeygen(program: Command, ending: Ending): void {
  const command = program
    .command("keygen")
    .description("make a pair of keys for CURVE: one to give away, one to keep")
    .option("--secret-file <path>", "write the secret key there, readable by you only, and do not show it")
    .addHelpText("after", examples)
  withAction<KeygenChoices>(command, ending, async (shell, choices) => {
    const { output } = shell
    const pair = makeKeyPair()
    const publicKey = keyText(pair.publicKey)
    const secretKey = keyText(pair.secretKey)
    const { secretFile } = choices
    if (secretFile === undefined) {
      output.result({ publicKey, secretKey }, `public key  ${publicKey}\nsecret key  ${secretKey}`)
      return undefined
    }
    try {
      // Never over another key.
      await writeFile(secretFile, `${secretKey}\n`, { mode: 0o600, flag: "wx" })
    } catch (cause) {
      throw new ZincError("BadFile", `${secretFile} ${whyNot(cause)}`, { cause })
    }
    output.result({ publicKey, secretFile }, `public key  ${publicKey}\nsecret key  in ${secretFile}`)
    return undefined
  })
}

function whyNot(cause: unknown): string {
  switch ((cause as NodeJS.ErrnoException).code) {
    case "EEXIST":
      return "is there already, and a key is never written over; name another"
    case "ENOENT":
      return "would be in a folder that is not there; make the folder first"
    default:
      return `cannot be written: ${messageOf(cause)}`
  }
}

const examples = `
Examples:
  zinc keygen                             both keys, in Z85 as all programs of ZeroMQ write them
  zinc keygen --secret-file host.key      the secret one goes to a file that only you can read
  zinc keygen --json                      {"publicKey":"…","secretKey":"…"}`
