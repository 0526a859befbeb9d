import { describe, it } from "vitest"
import { MemoryVoteDisk, MemoryVoteFolder } from "../../src/cluster/vote-folder/memory/index.ts"
import { voteFolderSuite } from "../../src/testing/suites/vote-folder-suite.ts"

voteFolderSuite({
  runner: { describe, it },
  name: "memory",
  place: async () => {
    const disk = new MemoryVoteDisk()
    return { open: async () => new MemoryVoteFolder(disk) }
  },
})
