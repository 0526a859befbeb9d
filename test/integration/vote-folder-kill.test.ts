/** kill -9 in the middle of writing: whatever was called back is there, and what is there is whole. */
import { spawn } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { FileVoteFolder } from "../../src/cluster/vote-folder/file/index.ts"

const writer = fileURLToPath(new URL("./harness/vote-writer.mjs", import.meta.url))

/** Runs the writer until it has said so many times that something is stored, then kills it. What it said last of each kind. */
async function writeAndKill(folder: string, stored: number): Promise<{ life: number; stored: number }> {
  const child = spawn(process.execPath, [writer, folder], { stdio: ["ignore", "pipe", "inherit"] })
  const said = { life: 0, stored: 0 }
  let times = 0
  for await (const line of createInterface({ input: child.stdout })) {
    const [what, number] = line.split(" ") as [string, string]
    if (what === "life") said.life = Number(number)
    if (what !== "stored") continue
    said.stored = Number(number)
    if (++times === stored) child.kill("SIGKILL")
  }
  return said
}

describe("A voter's folder whose writer is killed", () => {
  it("holds all that was called back, without a hole, and opens again at once", async () => {
    const folder = await mkdtemp(join(tmpdir(), "zinc-killed-"))
    try {
      for (let life = 1; life <= 8; life++) {
        const said = await writeAndKill(folder, 5 + 13 * life)
        const opened = await FileVoteFolder.open({ folder, tree: "killed" })
        const { incarnation, snapshot, entries } = opened.memory
        await opened.close()
        expect(said.life).toBe(life)
        expect(incarnation).toBe(life)
        expect(entries.at(-1)?.number ?? snapshot.at.number).toBeGreaterThanOrEqual(said.stored)
        for (const [at, entry] of entries.entries()) {
          const number = snapshot.at.number + at + 1
          expect(entry).toMatchObject({ number, order: number, sequence: number })
          expect(entry.payload).toEqual(new Uint8Array(number % 300).fill(number))
        }
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it("lets no second process in while the first one lives", async () => {
    const folder = await mkdtemp(join(tmpdir(), "zinc-killed-"))
    const child = spawn(process.execPath, [writer, folder], { stdio: ["ignore", "pipe", "inherit"] })
    try {
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
      expect((await lines.next()).value).toBe("open 0 0")
      await expect(FileVoteFolder.open({ folder, tree: "killed" })).rejects.toThrow(
        expect.objectContaining({ code: "AddressInUse" }),
      )
    } finally {
      const gone = new Promise(resolve => child.once("exit", resolve))
      child.kill("SIGKILL")
      await gone
      await rm(folder, { recursive: true })
    }
  })
})
