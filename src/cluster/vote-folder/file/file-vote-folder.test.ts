/** What a crash of the machine, a full disk and somebody else's hands leave of a voter's folder. */
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rename, rm, writeFile } from "node:fs/promises"
import { hostname, tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { SeededRandom } from "../../../core/random.ts"
import { SimulatedClock } from "../../../core/simulated-clock.ts"
import type { OrderedEntry, VoteChange } from "../../election/index.ts"
import { FileVoteFolder } from "./file-vote-folder.ts"
import { frameOf, readFrames } from "./log-frame.ts"

const voter = "0a0a0a0a-0a0a-4a0a-8a0a-0a0a0a0a0a01"
const code = (name: string) => expect.objectContaining({ code: name })

function entry(number: number): OrderedEntry {
  const payload = new Uint8Array([number])
  return { epoch: 1, number, kind: "message", stream: "s", order: number, origin: "o", sequence: number, payload }
}

describe("FileVoteFolder", () => {
  const clock = new SimulatedClock()
  let folder: string
  const open = (tree = "t") => FileVoteFolder.open({ folder, tree, clock })
  const log = () => join(folder, "votes-1.log")

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "zinc-votes-"))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  /** Each change in a batch of its own. */
  async function written(...changes: VoteChange[]): Promise<void> {
    const opened = await open()
    for (const change of changes) await new Promise<void>(resolve => opened.write(change, resolve))
    await opened.close()
  }

  it("drops the half of a batch, wherever it was cut off, and writes on", async () => {
    await written({ type: "signed", epoch: 4, candidate: voter }, { type: "append", entries: [entry(1), entry(2)] })
    const whole = await readFile(log())
    const first = readFrames(whole).bodies[0]!.length + 16
    for (let length = first; length < whole.length; length++) {
      await writeFile(log(), whole.subarray(0, length))
      const opened = await open()
      expect(opened.memory).toMatchObject({ signed: { epoch: 4, candidate: voter }, entries: [] })
      await new Promise<void>(resolve => opened.write({ type: "append", entries: [entry(1)] }, resolve))
      await opened.close()
      const again = await open()
      expect(again.memory.entries).toEqual([entry(1)])
      await again.close()
    }
  })

  it("drops a last batch of which only later parts came to the disk", async () => {
    await written({ type: "signed", epoch: 4, candidate: voter }, { type: "append", entries: [entry(1)] })
    const whole = await readFile(log())
    const first = readFrames(whole).bodies[0]!.length + 16
    for (const lost of [1, 4, 16, 20, whole.length - first]) {
      const torn = Buffer.from(whole).fill(0, first, first + lost)
      await writeFile(log(), torn)
      const opened = await open()
      expect(opened.memory).toMatchObject({ signed: { epoch: 4 }, entries: [] })
      await opened.close()
    }
  })

  it("refuses to vote with a log that was damaged before its end", async () => {
    await written({ type: "signed", epoch: 4, candidate: voter }, { type: "append", entries: [entry(1)] })
    const whole = await readFile(log())
    const first = readFrames(whole).bodies[0]!.length + 16
    for (let at = 0; at < first; at++) {
      const damaged = Buffer.from(whole)
      damaged[at]! ^= 0x10
      await writeFile(log(), damaged)
      await expect(open(), `octet ${at}`).rejects.toThrow(code("BadFile"))
    }
    await writeFile(log(), whole)
    await (await open()).close()
  })

  it("begins the log anew without losing anything, also when that was cut off", async () => {
    const opened = await FileVoteFolder.open({ folder, tree: "t", compactBytes: 2000 })
    for (let number = 1; number <= 200; number++)
      await new Promise<void>(resolve => opened.write({ type: "append", entries: [entry(number)] }, resolve))
    await opened.close()
    const names = (await readdir(folder)).filter(name => name.startsWith("votes-"))
    expect(names).toHaveLength(1)
    expect(names).not.toEqual(["votes-1.log"])
    await writeFile(join(folder, "votes-999.log.new"), "half a log")
    await writeFile(join(folder, "votes-1.log"), "a log of before")
    const again = await open()
    expect(again.memory.entries.map(({ number }) => number)).toEqual(Array.from({ length: 200 }, (_, at) => at + 1))
    await again.close()
    expect(await readdir(folder)).toEqual(expect.not.arrayContaining(["votes-999.log.new", "votes-1.log"]))
  })

  it("is made with all above it, and says so where that cannot be", async () => {
    const deep = join(folder, "a", "b", "c")
    await (await FileVoteFolder.open({ folder: deep, tree: "t" })).close()
    await writeFile(join(folder, "file"), "")
    for (const wrong of ["", join(folder, "file"), join(folder, "file", "below"), "/proc/nope", "/proc/nope/below"])
      await expect(FileVoteFolder.open({ folder: wrong, tree: "t" }), wrong).rejects.toThrow(code("BadFile"))
  })

  it("refuses an empty log behind another, which would make it forget what it signed", async () => {
    await written({ type: "signed", epoch: 4, candidate: voter })
    await writeFile(join(folder, "votes-9.log"), "")
    await expect(open()).rejects.toThrow(code("BadFile"))
    await rm(join(folder, "votes-9.log"))
    expect((await open()).memory.signed.epoch).toBe(4)
  })

  it("is of one tree, and of one voter", async () => {
    await (await open()).close()
    await expect(open("another")).rejects.toThrow(code("BadFile"))
    await rm(join(folder, "voter.json"))
    await expect(open()).rejects.toThrow(code("BadFile"))
  })

  it("tells that it can store no more, and calls nobody back", async () => {
    const opened = await open()
    const failed = new Promise(resolve => opened.onFailed(resolve))
    // A batch that cannot be encoded stands for a disk that cannot be written.
    const broken = { type: "signed", epoch: -1, candidate: voter } as const
    let called = false
    opened.write(broken, () => {
      called = true
    })
    expect(await failed).toMatchObject({ code: "BadFile" })
    opened.write({ type: "incarnation", incarnation: 1 }, () => {
      called = true
    })
    await opened.close()
    expect(called).toBe(false)
  })

  it.each([
    ["is removed", async () => rm(folder, { recursive: true })],
    [
      "is removed and copied back",
      async () => {
        await cp(folder, `${folder}-aside`, { recursive: true })
        await rm(folder, { recursive: true })
        await rename(`${folder}-aside`, folder)
      },
    ],
  ])("notices within seconds that it %s, and calls nobody back any more", async (_, remove) => {
    const opened = await open()
    await new Promise<void>(resolve => opened.write({ type: "incarnation", incarnation: 1 }, resolve))
    const failed = new Promise(resolve => opened.onFailed(resolve))
    await remove()
    clock.advance(2000)
    const error = await failed
    expect(error).toMatchObject({ code: "BadFile", message: expect.stringContaining("was removed or replaced") })
    // Who asks later hears it too.
    const heard: unknown[] = []
    opened.onFailed(each => heard.push(each))
    clock.advance(0)
    expect(heard).toEqual([error])
    let called = false
    opened.write({ type: "incarnation", incarnation: 2 }, () => {
      called = true
    })
    await opened.close()
    expect(called).toBe(false)
  })

  it("does not take a log that was written anew for one that is gone", async () => {
    const opened = await FileVoteFolder.open({ folder, tree: "t", clock, compactBytes: 64 })
    let failure: unknown
    opened.onFailed(error => {
      failure = error
    })
    for (let epoch = 1; epoch <= 50; epoch++) {
      clock.advance(2000)
      await new Promise<void>(resolve => opened.write({ type: "signed", epoch, candidate: voter }, resolve))
    }
    clock.advance(2000)
    await opened.close()
    expect((await readdir(folder)).some(name => /^votes-\d+\.log$/.test(name) && name !== "votes-1.log")).toBe(true)
    expect(failure).toBeUndefined()
  })

  it("takes over from a process that is gone, and from none that may live", async () => {
    await mkdir(folder, { recursive: true })
    const holder = { pid: process.pid, host: hostname(), began: "another boot 1" }
    await writeFile(join(folder, "lock-3"), JSON.stringify(holder))
    await (await open()).close()
    expect((await readdir(folder)).filter(name => name.startsWith("lock"))).toEqual([])
    await writeFile(join(folder, "lock-3"), JSON.stringify({ ...holder, host: "elsewhere" }))
    await expect(open()).rejects.toThrow(code("AddressInUse"))
  })

  it("names the folder that a copied lock is of", async () => {
    const first = await open()
    const copy = `${folder}-copy`
    await cp(folder, copy, { recursive: true })
    await expect(FileVoteFolder.open({ folder: copy, tree: "t", clock })).rejects.toThrow(
      expect.objectContaining({
        code: "AddressInUse",
        message: expect.stringContaining(`by process ${process.pid} as ${await realpath(folder)}; if this is a copy`),
      }),
    )
    await first.close()
    await rm(copy, { recursive: true })
  })

  it("lets one of many in who find it left behind", async () => {
    for (let round = 0; round < 10; round++) {
      const holder = { pid: process.pid, host: hostname(), began: "another boot 1" }
      await writeFile(join(folder, `lock-${round + 1}`), JSON.stringify(holder))
      const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => open()))
      const won = outcomes.flatMap(each => (each.status === "fulfilled" ? [each.value] : []))
      expect(won).toHaveLength(1)
      await won[0]!.close()
    }
  })
})

describe("Frames", () => {
  it("are read back whatever they hold", () => {
    const random = new SeededRandom(3)
    const bodies = Array.from({ length: 50 }, (_, at) => random.bytes(at * 7))
    expect(readFrames(Buffer.concat(bodies.map(frameOf)))).toEqual({
      bodies,
      wholeBytes: bodies.reduce((sum, body) => sum + 16 + body.length, 0),
      damagedAt: undefined,
    })
  })
})
