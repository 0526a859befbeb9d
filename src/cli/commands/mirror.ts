/** `zinc mirror FILE ADDRESS`: keeps a text file and a document in step, both ways. */
import { basename } from "node:path"
import type { Command } from "commander"
import { type Endpoint, type TextDocument, text } from "../../index.ts"
import { type JoinChoices, openClient, reportLinks, stayOpen, withJoinOptions } from "../connection.ts"
import { reportEvents } from "../event-report.ts"
import { Mirror, type MirrorEvent, type Preference } from "../mirror/mirror.ts"
import { mirroredDocument } from "../mirror/mirrored-document.ts"
import { TextFile } from "../mirror/text-file.ts"
import { decodeText } from "../mirror/text-format.ts"
import { watchFile } from "../mirror/watching.ts"
import { badOption, choice, milliseconds, octets } from "../option.ts"
import type { Output } from "../output.ts"
import { type Ending, type Shell, withAction } from "../shell.ts"
import { count, size } from "../table.ts"

interface MirrorChoices extends JoinChoices {
  readonly document?: string
  readonly prefer: string
  readonly once?: boolean
  readonly maxSize: string
  readonly glance: string
}

const preferences = ["document", "file"] as const satisfies readonly Preference[]

export function addMirror(program: Command, ending: Ending): void {
  const command = withJoinOptions(
    program
      .command("mirror")
      .argument("<file>", "a UTF-8 text file; it is created when missing")
      .argument("<address>", "the host to join; several to try: commas between")
      .description("keep a text file and a document in step, both ways")
      .option("--document <name>", "the document (default: the file's name)")
      .option("--prefer <side>", "whose text stays when both differ at the start: document or file", "document")
      .option("--once", "bring both to one text, then end")
      .option("--max-size <size>", "refuse larger files", "8m")
      .option("--glance <time>", "look at the file this often where the system reports no changes", "1s")
      .addHelpText("after", examples),
  )
  withAction<MirrorChoices>(command, ending, async (shell, choices, path, address) => {
    const prefer = choice("--prefer", choices.prefer, preferences)
    const maxBytes = octets("--max-size", choices.maxSize, { least: 1, most: 1024 ** 3 })
    const glanceMs = milliseconds("--glance", choices.glance, { least: 10, most: 3_600_000 })
    const name = choices.document ?? basename(path!)
    if (name === "") throw badOption("--document", name, "give a name")
    // What is wrong with the file is said before anybody is dialled.
    const file = await TextFile.open(path!, { maxBytes })
    const reading = await file.read()
    if (reading.state === "refused") throw reading.error
    if (reading.state === "present") decodeText(reading.bytes, path!)

    const endpoint = await openClient(shell, address!, choices)
    reportLinks(shell, endpoint)
    reportEvents(shell.output, endpoint)
    let document: TextDocument | undefined
    try {
      document = await endpoint.document(name, text)
      const mirror = new Mirror({
        file,
        document: mirroredDocument(document),
        prefer,
        maxBytes,
        on: event => report(shell.output, event, path!, name),
      })
      await mirror.start()
      if (choices.once) {
        await document.acknowledged("rooted", { signal: shell.interruption.signal })
        await mirror.close()
        shell.output.result({ event: "synchronized", file: path, document: name }, undefined)
        return undefined
      }
      return await stay(shell, { file, glanceMs, mirror, document, endpoint, path: path!, name })
    } finally {
      await document?.close()
      await endpoint.close()
    }
  })
}

interface Staying {
  readonly file: TextFile
  readonly glanceMs: number
  readonly mirror: Mirror
  readonly document: TextDocument
  readonly endpoint: Endpoint
  readonly path: string
  readonly name: string
}

async function stay(shell: Shell, { file, glanceMs, mirror, document, endpoint, path, name }: Staying) {
  const watching = await watchFile(file, glanceMs, () => mirror.look())
  document.on("refused", ({ code, reason }) =>
    shell.output.warn(code, `the host will not have the document ${name}: ${reason}`),
  )
  shell.output.result(
    { event: "mirroring", file: path, document: name },
    `mirroring ${path} as the document ${shell.output.colours.bold(name)}`,
  )
  // What changed between the first reading and the watching is seen by this look.
  mirror.look()
  try {
    return await stayOpen(shell, endpoint, {
      async before() {
        await watching.close()
        // The last edit of the file is handed in, too.
        await mirror.close()
        await document.acknowledged("rooted", { signal: AbortSignal.timeout(handInMs) }).catch(() => {
          shell.output.warn(
            "Timeout",
            `the host has not confirmed the last edits; they are in ${path}: mirror it again when the host is back`,
          )
        })
      },
    })
  } finally {
    await watching.close()
  }
}

/** How long the last edits may take when a mirror is ended. */
const handInMs = 3_000

function report(output: Output, event: MirrorEvent, path: string, name: string): void {
  const { colours } = output
  const { type, ...rest } = event
  if (event.type === "refused") {
    output.warn(event.error.code, `${event.error.message}; ${path} is left alone until then`)
    return
  }
  output.result({ event: type, ...rest }, wordsFor(event))

  function wordsFor(each: Exclude<MirrorEvent, { type: "refused" }>): string {
    switch (each.type) {
      case "started":
        return {
          seeded: `the document ${name} was empty and now has the text of ${path}`,
          created: `${path} was created with the text of ${name}`,
          equal: `${path} and ${name} are equal`,
          overwritten: `${path} now has the text of ${name}${each.kept === undefined ? "" : `; what it had is kept in ${colours.bold(each.kept)}`}`,
          preferred: `the document ${name} now has the text of ${path}`,
        }[each.action]
      case "toDocument":
        return `${colours.green("→")} ${path} changed: ${count(each.inserted)} in, ${count(each.removed)} out`
      case "toFile":
        return `${colours.blue("←")} ${path} written, ${size(each.bytes)}`
      case "deleted":
        return `${colours.yellow("!")} ${path} was deleted; it comes back with the next change of the document`
      case "usable":
        return `${path} can be used again`
    }
  }
}

const examples = `
The file may be edited with any editor meanwhile; edits of both sides are merged. When both have a text at the start and
differ, the document's stays and the file's is kept beside it as FILE.orig-1; --prefer file turns that round. A file that
is deleted comes back with the next change of the document. Line ends and a byte order mark stay as the file has them.

Examples:
  zinc mirror notes.txt tcp://hub.local:7700
  zinc mirror ./draft.md tcp://hub.local:7700 --document plan --prefer file
  zinc mirror notes.txt tcp://hub.local:7700 --once      fetch or hand in, then end`
