/** The disk of the simulator's voters keeps what a voter's folder must, also over crashes. */
import { describe, it } from "vitest"
import { newVoterId } from "../../src/cluster/election/root-record.ts"
import type { VoteFolder } from "../../src/cluster/vote-folder/vote-folder.ts"
import { systemClock } from "../../src/core/clock.ts"
import { ZincError } from "../../src/core/errors.ts"
import { SeededRandom } from "../../src/core/random.ts"
import { SimulatedClock } from "../../src/core/simulated-clock.ts"
import { VoteDisk } from "../../src/testing/simulation/election/vote-disk.ts"
import { voteFolderSuite } from "../../src/testing/suites/vote-folder-suite.ts"
import { SimulatedNode } from "../../src/transport/simulated/node.ts"

/** Virtual milliseconds that pass in each real one. */
const haste = 20

voteFolderSuite({
  runner: { describe, it },
  name: "of the simulator",
  place: async () => {
    const clock = new SimulatedClock()
    const random = new SeededRandom(11)
    const node = new SimulatedNode("disk", 1, clock)
    const disk = new VoteDisk({ clock, random, node, syncMs: { min: 0.5, max: 3 } })
    const voterId = newVoterId(random)
    const running = systemClock.every(1, () => void clock.run(haste))
    let isOpen = false
    return {
      open: async () => {
        if (isOpen) throw new ZincError("AddressInUse", "it is open already")
        isOpen = true
        let closed = false
        const folder: VoteFolder = {
          voterId,
          memory: disk.memory(),
          write: (change, done) => {
            if (closed) throw new ZincError("Closed", "it is closed")
            disk.write(change, done)
          },
          onFailed: () => {},
          close: async () => {
            if (closed) return
            closed = true
            await new Promise<void>(stored => disk.write({ type: "truncate", after: Number.MAX_SAFE_INTEGER }, stored))
            isOpen = false
          },
        }
        return folder
      },
      crash: async () => {
        disk.crash()
        isOpen = false
      },
      remove: async () => running.cancel(),
    }
  },
})
