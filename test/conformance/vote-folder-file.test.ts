import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, it } from "vitest"
import { FileVoteFolder } from "../../src/cluster/vote-folder/file/index.ts"
import { voteFolderSuite, voteFolderTree } from "../../src/testing/suites/vote-folder-suite.ts"

for (const [name, compactBytes] of [
  ["file", undefined],
  ["file that is written anew all the time", 1],
] as const) {
  voteFolderSuite({
    runner: { describe, it },
    name,
    place: async () => {
      const folder = await mkdtemp(join(tmpdir(), "zinc-votes-"))
      return {
        open: () => FileVoteFolder.open({ folder, tree: voteFolderTree, ...(compactBytes && { compactBytes }) }),
        remove: () => rm(folder, { recursive: true }),
      }
    },
  })
}
