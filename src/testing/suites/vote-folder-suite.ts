/**
 * What everything must keep that keeps a voter's memory. Run it on a folder of your own:
 *
 *     voteFolderSuite({ runner: { describe, it }, name: "mine", place: () => { … return { open: () => … } } })
 */
import assert from "node:assert/strict"
import {
  EntryKind,
  freshMemory,
  type OrderedEntry,
  type VoteChange,
  type VoteMemory,
} from "../../cluster/election/index.ts"
import type { RootRecord } from "../../cluster/election/root-record.ts"
import type { VoteFolder } from "../../cluster/vote-folder/vote-folder.ts"
import { ZincError } from "../../core/errors.ts"
import { SeededRandom } from "../../core/random.ts"
import type { TestRunner } from "./runner.ts"

/** One folder, which is opened again and again. */
export interface VoteFolderPlace {
  open(): Promise<VoteFolder>
  /** Ends the one that is open without a word, as by `kill`: what was not stored may be lost. Absent where that cannot be shown. */
  crash?(): Promise<void>
  /** When all is over. */
  remove?(): Promise<void>
}

export interface VoteFolderSuiteOptions {
  readonly runner: TestRunner
  readonly name: string
  /** A new, empty place each time, for the tree `voteFolderTree`. */
  place(): Promise<VoteFolderPlace>
}

export const voteFolderTree = "suite"

const voterA = "0a0a0a0a-0a0a-4a0a-8a0a-0a0a0a0a0a01"
const voterB = "0b0b0b0b-0b0b-4b0b-8b0b-0b0b0b0b0b02"

export function voteFolderSuite(options: VoteFolderSuiteOptions): void {
  const { describe, it } = options.runner
  const test = (name: string, body: (place: VoteFolderPlace) => Promise<void>) =>
    it(name, async () => {
      const place = await options.place()
      try {
        await body(place)
      } finally {
        await place.remove?.()
      }
    })

  describe(`vote folder ${options.name}`, () => {
    test("is fresh at first, and keeps its id", async place => {
      const first = await place.open()
      assert.deepEqual(first.memory, freshMemory)
      await first.close()
      const second = await place.open()
      assert.equal(second.voterId, first.voterId)
      await second.close()
    })

    for (const [what, changes] of stories()) {
      test(`remembers ${what}`, async place => {
        const first = await place.open()
        await store(first, changes)
        await first.close()
        const second = await place.open()
        assert.deepEqual(second.memory, expected(changes))
        await second.close()
      })
    }

    test("remembers what several lives have written", async place => {
      const all: VoteChange[] = []
      for (let life = 1; life <= 5; life++) {
        const folder = await place.open()
        assert.equal(folder.memory.incarnation, life - 1)
        const changes: VoteChange[] = [
          { type: "incarnation", incarnation: life },
          { type: "append", entries: [entry(life, life)] },
        ]
        await store(folder, changes)
        all.push(...changes)
        await folder.close()
      }
      const folder = await place.open()
      assert.deepEqual(folder.memory, expected(all))
      await folder.close()
    })

    test("calls back in order, and never before write has returned", async place => {
      const folder = await place.open()
      const told: number[] = []
      await new Promise<void>(resolve => {
        let inside = true
        for (let n = 1; n <= 500; n++) {
          folder.write({ type: "append", entries: [entry(1, n)] }, () => {
            assert.equal(inside, false)
            told.push(n)
            if (n === 500) resolve()
          })
        }
        inside = false
      })
      assert.deepEqual(
        told,
        Array.from({ length: 500 }, (_, at) => at + 1),
      )
      await folder.close()
    })

    test("stores what is written from a call back", async place => {
      const folder = await place.open()
      await new Promise<void>(resolve => {
        folder.write({ type: "incarnation", incarnation: 1 }, () =>
          folder.write({ type: "signed", epoch: 2, candidate: voterA }, resolve),
        )
      })
      await folder.close()
      const again = await place.open()
      assert.deepEqual(again.memory.signed, { epoch: 2, candidate: voterA })
      await again.close()
    })

    test("does not change what it said that it held when it was opened", async place => {
      const folder = await place.open()
      await store(folder, [
        { type: "incarnation", incarnation: 1 },
        { type: "append", entries: [entry(1, 1)] },
      ])
      assert.deepEqual(folder.memory, freshMemory)
      await folder.close()
    })

    test("is opened by one at a time", async place => {
      const folder = await place.open()
      await assert.rejects(place.open(), thrown => ZincError.is(thrown) && thrown.code === "AddressInUse")
      await folder.close()
      await (await place.open()).close()
    })

    test("stores what was given when it is closed, and takes nothing after", async place => {
      const folder = await place.open()
      folder.write({ type: "signed", epoch: 9, candidate: voterB })
      await folder.close()
      await folder.close()
      assert.throws(
        () => folder.write({ type: "incarnation", incarnation: 1 }),
        thrown => ZincError.is(thrown) && thrown.code === "Closed",
      )
      const again = await place.open()
      assert.equal(again.memory.signed.epoch, 9)
      await again.close()
    })

    test("has a beginning of what was given after a crash, and at least all that was called back", async place => {
      if (place.crash === undefined) return
      const random = new SeededRandom(7)
      const given: VoteChange[] = []
      let acknowledged = 0
      let number = 0
      for (let life = 0; life < 20; life++) {
        const folder = await place.open()
        const { memory } = folder
        let kept = given.length
        while (kept > 0 && !same(memory, expected(given.slice(0, kept)))) kept--
        assert.ok(same(memory, expected(given.slice(0, kept))), "what is there is no beginning of what was given")
        assert.ok(kept >= acknowledged, `${acknowledged} changes had been called back, ${kept} are there`)
        given.length = kept
        number = memory.entries.at(-1)?.number ?? 0
        const change = (): VoteChange => ({ type: "append", entries: [entry(1, ++number)] })
        const before = given.length
        const wanted = 1 + random.below(20)
        await new Promise<void>(resolve => {
          for (let n = 1; n <= wanted + random.below(200); n++) {
            const next = change()
            given.push(next)
            folder.write(next, () => {
              acknowledged = before + n
              if (n === wanted) resolve()
            })
          }
        })
        await place.crash()
      }
    })
  })
}

function same(a: VoteMemory, b: VoteMemory): boolean {
  try {
    assert.deepEqual(a, b)
    return true
  } catch {
    return false
  }
}

function store(folder: VoteFolder, changes: readonly VoteChange[]): Promise<void> {
  return new Promise((resolve, reject) => {
    folder.onFailed(reject)
    for (const [at, change] of changes.entries()) {
      if (at === changes.length - 1) folder.write(change, resolve)
      else folder.write(change)
    }
  })
}

/** What the contract says, told once more in the plainest words. */
function expected(changes: readonly VoteChange[]): VoteMemory {
  let memory = freshMemory
  for (const change of changes) memory = after(memory, change)
  return memory
}

function after(memory: VoteMemory, change: VoteChange): VoteMemory {
  switch (change.type) {
    case "incarnation":
      return { ...memory, incarnation: change.incarnation }
    case "signed":
      return { ...memory, signed: { epoch: change.epoch, candidate: change.candidate } }
    case "record":
      return { ...memory, record: change.record }
    case "promised":
      return { ...memory, promised: change.ballot }
    case "accepted":
      return { ...memory, promised: change.ballot, accepted: { ballot: change.ballot, record: change.record } }
    case "append":
      return { ...memory, entries: [...memory.entries, ...change.entries] }
    case "truncate":
      return { ...memory, entries: memory.entries.filter(({ number }) => number <= change.after) }
    case "snapshot": {
      const { snapshot, keepsRest } = change
      const entries = keepsRest ? memory.entries.filter(({ number }) => number > snapshot.at.number) : []
      return { ...memory, snapshot, entries }
    }
  }
}

function entry(epoch: number, number: number): OrderedEntry {
  return {
    epoch,
    number,
    kind: EntryKind.Message,
    stream: "ledger/é",
    order: number,
    origin: "5f0c1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b",
    sequence: number,
    payload: new Uint8Array([number & 255, 0, 255]),
  }
}

function record(revision: number): RootRecord {
  const root = {
    voterId: voterA,
    id: voterB,
    name: "é",
    addresses: ["tcp://10.0.0.1:7700", "ipc:///run/zinc"],
    direct: true,
  }
  return {
    tree: voteFolderTree,
    generation: "01234567-89ab-4def-8123-456789abcdef",
    revision,
    epoch: revision,
    root,
    voters: [
      { voterId: voterA, addresses: [] },
      { voterId: voterB, name: "b", addresses: ["tcp://b:1"] },
    ],
    extra: { later: [1, { two: null }] },
  }
}

function stories(): [string, VoteChange[]][] {
  const entries = Array.from({ length: 40 }, (_, at) => entry(1 + Math.floor(at / 10), at + 1))
  const append: VoteChange = { type: "append", entries }
  const snapshot = {
    at: { epoch: 3, number: 25 },
    streams: [
      {
        stream: "ledger/é",
        order: 25,
        runs: [{ epoch: 1, first: 1 }],
        origins: [{ origin: "5f0c1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b", sequence: 25, number: 25 }],
      },
    ],
  }
  const ballot = (counter: number) => ({ counter, voter: voterB })
  return [
    [
      "its lives",
      [
        { type: "incarnation", incarnation: 1 },
        { type: "incarnation", incarnation: 2 },
      ],
    ],
    ["its signature", [{ type: "signed", epoch: 3, candidate: voterB }]],
    [
      "the record, with what a later Zinc has added",
      [
        { type: "record", record: record(1) },
        { type: "record", record: record(2) },
      ],
    ],
    ["what it promised", [{ type: "promised", ballot: ballot(4) }]],
    [
      "what it accepted, and promised after",
      [
        { type: "accepted", ballot: ballot(5), record: record(3) },
        { type: "promised", ballot: ballot(2 ** 40) },
      ],
    ],
    ["the log", [append]],
    ["the log without its end", [append, { type: "truncate", after: 17 }]],
    ["nothing of a log that was dropped", [append, { type: "truncate", after: 0 }]],
    ["the log behind a snapshot", [append, { type: "snapshot", snapshot, keepsRest: true }]],
    ["a snapshot in place of the log", [append, { type: "snapshot", snapshot, keepsRest: false }]],
    [
      "what follows a snapshot",
      [
        { type: "snapshot", snapshot, keepsRest: false },
        { type: "append", entries: [entry(4, 26)] },
      ],
    ],
  ]
}
