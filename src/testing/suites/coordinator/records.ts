/** Reading and changing. */
import assert from "node:assert/strict"
import type { Coordinator } from "../../../coordination/coordinator.ts"
import { decodeRootRecord, encodeRootRecord, recordBytesMax } from "../../../coordination/root-record.ts"
import { utf8 } from "../../../core/bytes.ts"
import { SeededRandom } from "../../../core/random.ts"
import { hasCode, type Scene, type SceneTest, sameHeld } from "./scene.ts"

export function recordTests(test: SceneTest): void {
  test("holds nothing at first", async scene => {
    assert.equal(await (await scene.open()).read(), undefined)
  })

  test("gives back what was founded, to everyone and at once", async scene => {
    const [one, other] = [await scene.open(), await scene.open()]
    const record = scene.record(1, { extra: { later: { field: [1, "ü"] } } })
    const held = await one.compareAndSet(undefined, record)
    assert.deepEqual(held.record, record)
    sameHeld(await other.read(), held)
    sameHeld(await one.read(), held)
  })

  test("changes what was read, and tells writings apart", async scene => {
    const [one, other] = [await scene.open(), await scene.open()]
    const first = await one.compareAndSet(undefined, scene.record(1))
    const second = await other.compareAndSet(first, scene.record(2))
    assert.notEqual(second.version, first.version)
    sameHeld(await one.read(), second)
    const third = await one.compareAndSet(second, scene.record(3))
    sameHeld(await other.read(), third)
  })

  test("refuses to found twice", async scene => {
    const [one, other] = [await scene.open(), await scene.open()]
    const held = await one.compareAndSet(undefined, scene.record(1))
    await assert.rejects(other.compareAndSet(undefined, scene.record(1)), hasCode("Conflict"))
    sameHeld(await other.read(), held)
  })

  test("refuses a change of what is no more, and changes nothing", async scene => {
    const [one, other] = [await scene.open(), await scene.open()]
    const first = await one.compareAndSet(undefined, scene.record(1))
    const second = await other.compareAndSet(first, scene.record(2))
    await assert.rejects(one.compareAndSet(first, scene.record(3)), hasCode("Conflict"))
    sameHeld(await one.read(), second)
  })

  test("refuses a change of what was removed", async scene => {
    const coordinator = await scene.open()
    const held = await coordinator.compareAndSet(undefined, scene.record(1))
    await scene.put(undefined)
    await assert.rejects(coordinator.compareAndSet(held, scene.record(2)), hasCode("Conflict"))
    assert.equal(await coordinator.read(), undefined)
  })

  test("never takes a record that was removed and founded anew for the one before", async scene => {
    const [one, other] = [await scene.open(), await scene.open()]
    const before = await one.compareAndSet(undefined, scene.record(1))
    await scene.put(undefined)
    const after = await other.compareAndSet(
      undefined,
      scene.record(1, { generation: "00000000-0000-4000-8000-00000000000a" }),
    )
    await assert.rejects(one.compareAndSet(before, scene.record(2)), hasCode("Conflict"))
    sameHeld(await one.read(), after)
  })

  test("can be founded anew over another generation that was read", async scene => {
    const coordinator = await scene.open()
    const before = await coordinator.compareAndSet(undefined, scene.record(7))
    const generation = "00000000-0000-4000-8000-00000000000b"
    const after = await coordinator.compareAndSet(before, scene.record(1, { generation }))
    const last = await coordinator.compareAndSet(after, scene.record(2, { generation }))
    sameHeld(await coordinator.read(), last)
  })

  test("lets exactly one of many founders through", async scene => {
    const coordinators = await Promise.all(Array.from({ length: 8 }, () => scene.open()))
    const outcomes = await race(scene, coordinators)
    assert.deepEqual(outcomes.sort(), ["Conflict", ...Array.from({ length: 6 }, () => "Conflict"), "won"])
  })

  test("counts right when many change it at once", async scene => {
    const coordinators = await Promise.all(Array.from({ length: 4 }, () => scene.open()))
    await coordinators[0]!.compareAndSet(undefined, scene.record(1))
    await Promise.all(coordinators.map(each => incrementTimes(scene, each, 15)))
    assert.equal((await coordinators[1]!.read())?.record.epoch, 61)
  })

  test("keeps trees apart, whatever they are called", async scene => {
    const names = ["a", "a/b", "a%2Fb", "A", "..", ".", " ", "root", "ü", "a*", "x".repeat(64)].map(
      name => `${name}${name.length < 40 ? scene.tree.slice(6, 20) : ""}`,
    )
    const coordinators = await Promise.all(names.map(name => scene.open(name)))
    await Promise.all(
      coordinators.map((each, i) => each.compareAndSet(undefined, scene.record(i + 1, { tree: names[i]! }))),
    )
    for (const [i, each] of coordinators.entries()) {
      assert.equal((await each.read())?.record.epoch, i + 1, names[i]!)
      await scene.options.put(names[i]!, undefined)
    }
  })

  test("refuses records of another tree or out of bounds, before it asks anybody", async scene => {
    const coordinator = await scene.open()
    for (const changes of [
      { tree: "another" },
      { epoch: 0 },
      { epoch: 2 ** 32 },
      { epoch: 1.5 },
      { generation: "x" },
      { voters: new Array(8).fill(scene.record(1).voters[0]) },
      { extra: { much: "x".repeat(recordBytesMax) } },
    ]) {
      await assert.rejects(coordinator.compareAndSet(undefined, scene.record(1, changes)), hasCode("BadOption"))
    }
    assert.equal(await coordinator.read(), undefined)
  })

  test("says that what is there is none of ours, and does not choke on it", async scene => {
    const coordinator = await scene.open()
    for (const [what, bytes] of garbage(scene)) {
      await scene.put(bytes)
      await assert.rejects(coordinator.read(), hasCode("BadRecord"), what)
      await assert.rejects(coordinator.compareAndSet(undefined, scene.record(1)), hasCode("Conflict"), what)
    }
    await scene.put(undefined)
    const held = await coordinator.compareAndSet(undefined, scene.record(1))
    sameHeld(await coordinator.read(), held)
  })

  test("reads what somebody else wrote in our form", async scene => {
    const coordinator = await scene.open()
    const record = scene.record(5)
    await scene.put(encodeRootRecord(record))
    assert.deepEqual((await coordinator.read())?.record, record)
  })

  test("heeds a signal that has aborted", async scene => {
    const coordinator = await scene.open()
    const signal = AbortSignal.abort()
    await assert.rejects(coordinator.read({ signal }), hasCode("Aborted"))
    await assert.rejects(coordinator.compareAndSet(undefined, scene.record(1), { signal }), hasCode("Aborted"))
    assert.equal(await coordinator.read(), undefined)
  })

  test("refuses everything once closed, and closes twice", async scene => {
    const coordinator = await scene.open()
    await coordinator.read()
    const waiting = Promise.allSettled([coordinator.read()])
    await Promise.all([coordinator.close(), coordinator.close()])
    await waiting
    assert.equal(coordinator.contact, "closed")
    await assert.rejects(coordinator.read(), hasCode("Closed"))
    await assert.rejects(coordinator.compareAndSet(undefined, scene.record(1)), hasCode("Closed"))
    assert.throws(() => coordinator.watch(() => {}), hasCode("Closed"))
  })
}

async function race(scene: Scene, coordinators: readonly Coordinator[]): Promise<string[]> {
  const attempts = coordinators.map(each => each.compareAndSet(undefined, scene.record(1)))
  const outcomes = await Promise.allSettled(attempts)
  return outcomes.map(each => (each.status === "fulfilled" ? "won" : String((each.reason as { code?: string }).code)))
}

async function incrementTimes(scene: Scene, coordinator: Coordinator, times: number): Promise<void> {
  for (let done = 0; done < times; ) {
    const held = await coordinator.read()
    try {
      await coordinator.compareAndSet(held, scene.record(held!.record.epoch + 1))
      done++
    } catch (error) {
      hasCode("Conflict")(error)
    }
  }
}

function garbage(scene: Scene): [string, Uint8Array][] {
  const fine = JSON.parse(new TextDecoder().decode(encodeRootRecord(scene.record(1)))) as Record<string, unknown>
  const broken = (changes: object) => utf8(JSON.stringify({ ...fine, ...changes }))
  const cases: [string, Uint8Array][] = [
    ["random octets", new SeededRandom(1).bytes(300)],
    ["a text", utf8("hello")],
    ["JSON of something else", utf8('{"leader":"10.0.0.1","term":5}')],
    ["a list", utf8("[]")],
    ["nested deeply", utf8(`${"[".repeat(5_000)}${"]".repeat(5_000)}`)],
    ["half a record", encodeRootRecord(scene.record(1)).subarray(0, 60)],
    ["a record of another tree", encodeRootRecord(scene.record(1, { tree: "another" }))],
    ["a later form", broken({ zinc: 2 })],
    ["an epoch beyond its bounds", broken({ epoch: 2 ** 53 })],
    ["an epoch as a text", broken({ epoch: "1" })],
    ["no root", broken({ root: null })],
    ["a voter that is none", broken({ voters: [null] })],
    ["too many voters", broken({ voters: new Array(8).fill((fine.voters as unknown[])[0]) })],
    ["far too large", broken({ extra: "x".repeat(200_000) })],
  ]
  for (const [what, bytes] of cases)
    assert.throws(() => decodeRootRecord(bytes, scene.tree), hasCode("BadRecord"), `${what} reads as a record`)
  return cases
}
