/** `zinc tree ADDRESS`: prints who is in the tree, once. */
import type { Command } from "commander"
import { type JoinChoices, openClient, withJoinOptions } from "../connection.ts"
import { type Ending, withAction } from "../shell.ts"
import { branchesOf, nestedOf } from "../top/tree-branches.ts"
import { headLine, treePicture } from "../top/tree-picture.ts"

export function addTree(program: Command, ending: Ending): void {
  const command = withJoinOptions(
    program
      .command("tree")
      .argument("<address>", "any host of the tree; several to try: commas between")
      .description("print the tree: who is where, and how each fares")
      .addHelpText("after", examples),
  )
  withAction<JoinChoices>(command, ending, async (shell, choices, address) => {
    const { output } = shell
    const endpoint = await openClient(shell, address!, choices)
    try {
      const roster = endpoint.roster()
      await roster.ready
      const { entries } = roster
      if (output.json) for (const root of branchesOf(entries)) output.result(nestedOf(root, endpoint.id), undefined)
      else {
        output.result({}, treePicture({ entries, self: endpoint.id, colours: output.colours }))
        output.note(headLine(entries, output.colours, endpoint.isReadOnly))
      }
    } finally {
      await endpoint.close({ timeoutMs: 1_000 })
    }
    return undefined
  })
}

const examples = `
Examples:
  zinc tree tcp://localhost:7700                   every endpoint below its host
  zinc tree tcp://localhost:7700 --json | jq '.. | .name? // empty'`
