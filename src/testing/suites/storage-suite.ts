/**
 * What every storage must keep. Run it on a storage of your own:
 *
 *     storageSuite({ runner: { describe, it }, name: "redis", open: () => RedisStorage.open(freshFolder()) })
 */
import assert from "node:assert/strict"
import { utf8 } from "../../core/bytes.ts"
import { ZincError } from "../../core/errors.ts"
import { SeededRandom } from "../../core/random.ts"
import type { Storage, StorageChange, StorageKey } from "../../storage/storage.ts"
import type { TestRunner } from "./runner.ts"

export interface StorageSuiteOptions {
  readonly runner: TestRunner
  readonly name: string
  /** A fresh, empty storage each time. */
  open(): Promise<Storage>
  /** Opens what the storage of the last `open` left behind after it was closed; only for durable ones. */
  reopen?(): Promise<Storage>
}

export function storageSuite(options: StorageSuiteOptions): void {
  const { describe, it } = options.runner
  const using = (body: (storage: Storage) => Promise<void>) => async () => {
    const storage = await options.open()
    try {
      await body(storage)
    } finally {
      await storage.close()
    }
  }

  describe(`storage ${options.name}`, () => {
    it(
      "has nothing under a key never written",
      using(async storage => {
        assert.equal(await storage.get(["a"]), undefined)
        assert.deepEqual(await keysOf(storage, []), [])
      }),
    )

    it(
      "gives back what was written, octet for octet",
      using(async storage => {
        for (const length of [0, 1, 255, 65_536, 1_000_000]) {
          const value = new SeededRandom(length).bytes(length)
          await storage.write([put(["size", String(length)], value)])
          assert.deepEqual(await storage.get(["size", String(length)]), value)
        }
      }),
    )

    it(
      "keeps the last write, also within one call",
      using(async storage => {
        await storage.write([put(["k"], utf8("one")), put(["k"], utf8("two"))])
        assert.deepEqual(await storage.get(["k"]), utf8("two"))
        await storage.write([put(["k"], utf8("three")), { type: "delete", key: ["k"] }])
        assert.equal(await storage.get(["k"]), undefined)
        await storage.write([{ type: "delete", key: ["k"] }, put(["k"], utf8("four"))])
        assert.deepEqual(await storage.get(["k"]), utf8("four"))
      }),
    )

    it(
      "applies calls in the order they were made, without waiting in between",
      using(async storage => {
        const writes: Promise<void>[] = []
        for (let i = 0; i < 50; i++) writes.push(storage.write([put(["k"], utf8(String(i)))]))
        assert.deepEqual(await storage.get(["k"]), utf8("49"))
        await Promise.all(writes)
        assert.deepEqual(await storage.get(["k"]), utf8("49"))
      }),
    )

    it(
      "shares no octets with the caller",
      using(async storage => {
        const value = utf8("mine")
        const written = storage.write([put(["k"], value)])
        value.fill(0)
        await written
        const read = (await storage.get(["k"]))!
        assert.deepEqual(read, utf8("mine"))
        read.fill(0)
        assert.deepEqual(await storage.get(["k"]), utf8("mine"))
      }),
    )

    it(
      "deletes a key that is not there without complaint",
      using(async storage => {
        await storage.write([{ type: "delete", key: ["nothing"] }])
        assert.equal(await storage.get(["nothing"]), undefined)
      }),
    )

    it(
      "lists by whole segments, the prefix itself included, in order",
      using(async storage => {
        const keys: StorageKey[] = [
          ["a", "b"],
          ["a", "b", "c"],
          ["a", "bc"],
          ["a", "b", "a"],
          ["ab"],
          ["a"],
          ["ä"],
          ["A"],
        ]
        await storage.write(keys.map(key => put(key, utf8(key.join("/")))))
        assert.deepEqual(await keysOf(storage, ["a", "b"]), [
          ["a", "b"],
          ["a", "b", "a"],
          ["a", "b", "c"],
        ])
        assert.deepEqual(
          (await keysOf(storage, [])).map(key => key.join("/")),
          ["A", "a", "a/b", "a/b/a", "a/b/c", "a/bc", "ab", "ä"],
        )
        assert.deepEqual(await keysOf(storage, ["b"]), [])
      }),
    )

    it(
      "tells keys apart that look alike",
      using(async storage => {
        const keys: StorageKey[] = [
          ["a/b"],
          ["a", "b"],
          ["a\\b"],
          [".."],
          ["."],
          ["a", ".."],
          ["%2e"],
          ["A"],
          ["a "],
          ["a"],
        ]
        await storage.write(keys.map((key, i) => put(key, utf8(String(i)))))
        for (const [i, key] of keys.entries())
          assert.deepEqual(await storage.get(key), utf8(String(i)), key.join(" | "))
      }),
    )

    it(
      "refuses keys that are none",
      using(async storage => {
        const bad: StorageKey[] = [[], [""], ["a", ""], ["a\0b"], ["x".repeat(513)], new Array(17).fill("a")]
        for (const key of bad) {
          await assert.rejects(storage.get(key), isError("BadOption"))
          await assert.rejects(storage.write([put(["fine"], utf8("1")), put(key, utf8("1"))]), isError("BadOption"))
        }
        assert.equal(await storage.get(["fine"]), undefined, "a refused call changed something")
      }),
    )

    it(
      "heeds a signal that has aborted",
      using(async storage => {
        const signal = AbortSignal.abort()
        await assert.rejects(storage.get(["a"], { signal }), isError("Aborted"))
        await assert.rejects(storage.write([put(["a"], utf8("1"))], { signal }), isError("Aborted"))
        assert.equal(await storage.get(["a"]), undefined)
      }),
    )

    it(
      "agrees with a plain map over a thousand random calls",
      using(async storage => {
        const random = new SeededRandom(7)
        const model = new Map<string, Uint8Array>()
        for (let i = 0; i < 1_000; i++) {
          const changes: StorageChange[] = []
          for (let n = random.below(4); n >= 0; n--) {
            const key = [`s${random.below(5)}`, `t${random.below(5)}`]
            if (random.below(3) === 0) {
              changes.push({ type: "delete", key })
              model.delete(key.join("/"))
            } else {
              const value = random.bytes(random.below(200))
              changes.push(put(key, value))
              model.set(key.join("/"), value)
            }
          }
          await storage.write(changes)
        }
        const listed = await keysOf(storage, [])
        assert.deepEqual(listed.map(key => key.join("/")).sort(), [...model.keys()].sort())
        for (const key of listed) assert.deepEqual(await storage.get(key), model.get(key.join("/")))
      }),
    )

    it("refuses everything once closed, and closes twice", async () => {
      const storage = await options.open()
      await storage.close()
      await storage.close()
      await assert.rejects(storage.get(["a"]), isError("Closed"))
      await assert.rejects(storage.write([put(["a"], utf8("1"))]), isError("Closed"))
      await assert.rejects(keysOf(storage, []), isError("Closed"))
    })

    it("keeps what was written over a close and a new opening, if it says it is durable", async () => {
      const storage = await options.open()
      const { durable } = storage.supports
      await storage.write([put(["kept"], utf8("yes"))])
      await storage.close()
      if (!durable) return
      assert.ok(options.reopen, "a durable storage must say how to open it again")
      const again = await options.reopen()
      try {
        assert.deepEqual(await again.get(["kept"]), utf8("yes"))
      } finally {
        await again.close()
      }
    })
  })
}

function put(key: StorageKey, value: Uint8Array): StorageChange {
  return { type: "put", key, value }
}

async function keysOf(storage: Storage, prefix: StorageKey): Promise<StorageKey[]> {
  const keys: StorageKey[] = []
  for await (const key of storage.list(prefix)) keys.push(key)
  return keys
}

function isError(code: string): (thrown: unknown) => boolean {
  return thrown => ZincError.is(thrown) && thrown.code === code
}
