import assert from "node:assert/strict"
import type { TransportSupport } from "../../../transport/transport.ts"
import { fill, inOrder, number, same } from "./control.ts"
import type { DeclareTest } from "./declare-test.ts"
import { bytes, latin1, pattern, type World } from "./world.ts"

/** Sends, letting what can go go, until the whole way is full; the number taken. */
async function clog(world: World, send: (index: number) => boolean): Promise<number> {
  let taken = 0
  // A queue that refuses may only wait for the event loop; one that still refuses after others went back and forth is
  // stuck behind the reader.
  for (let refused = false; ; ) {
    if (world.call(() => send(taken))) {
      taken++
      refused = false
      assert.ok(taken < 20_000, "20,000 messages were taken though nobody reads them")
      if (taken % 50 === 0) await turn(world)
    } else {
      if (refused) return taken
      refused = true
      await world.breathe()
    }
  }
}

function turn(world: World): Promise<void> {
  return world.subject.settle?.(1) ?? new Promise(resolve => setImmediate(resolve))
}

export function pushTests(test: DeclareTest, host: TransportSupport, client: TransportSupport): void {
  test("carries messages in order, of any size", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound, { sendLimits: { messages: 0 } })
    for (let i = 0; i < 3_000; i++) assert.equal(leaf.pusher.send([number(i), pattern((i * 7) % 500)]), true)
    const large = pattern(8 << 20)
    assert.equal(leaf.pusher.send([number(3_000), large]), true)
    await world.until("all messages", () => bound.push.received.length === 3_001)
    inOrder(bound.push.received.map(each => each.frames))
    same(bound.push.received[3_000]!.frames, [number(3_000), large])
    assert.equal(new Set(bound.push.received.map(each => each.connection)).size, 1)
  })

  test("keeps each pusher's order among many", async world => {
    const bound = await world.host()
    const leaves = [await world.client(bound), await world.client(bound), await world.client(bound)]
    for (let i = 0; i < 300; i++) {
      for (const [leaf, each] of leaves.entries()) each.pusher.send([number(i), number(leaf)])
      if (i % 30 === 0) await turn(world)
    }
    await world.until("all messages", () => bound.push.received.length === 900)
    for (const leaf of leaves.keys()) {
      inOrder(bound.push.received.map(each => each.frames).filter(frames => latin1(frames[1]!) === String(leaf)))
    }
  })

  test("says false when the queue is full, takes nothing then, and tells when there is room", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound, { sendLimits: { messages: 10, bytes: 0 } })
    const taken = fill(world, index => leaf.pusher.send([number(index), pattern(64 << 10)]))
    await world.until("room again", () => leaf.push.drained > 0)
    assert.equal(leaf.pusher.send([number(taken)]), true)
    await world.until("what was taken", () => bound.push.received.length > taken)
    inOrder(bound.push.received.map(each => each.frames))
  })

  test("feels back-pressure while the puller pauses, and loses nothing", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound, { sendLimits: { messages: 10, bytes: 0 } })
    leaf.pusher.send([number(0)])
    await world.until("the first", () => bound.push.received.length === 1)
    const connection = bound.push.received[0]!.connection
    world.call(() => bound.puller.pause(connection))
    const taken = 1 + (await clog(world, index => leaf.pusher.send([number(index + 1), pattern(16 << 10)])))
    assert.ok(bound.push.received.length < taken, "everything was read though the puller had paused")
    assert.ok(leaf.pusher.waiting > 0 || !client.connectionEvents, "the pusher says that nothing waits")
    const drained = leaf.push.drained
    world.call(() => bound.puller.resume(connection))
    await world.until("everything that was taken", () => bound.push.received.length === taken)
    inOrder(bound.push.received.map(each => each.frames))
    await world.until("room again", () => leaf.push.drained > drained)
    await world.until("an empty queue", () => leaf.pusher.waiting === 0)
  })

  if (!host.subscriberIdentity) return

  test("pauses one connection and reads the others", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound)
    const other = await world.client(bound)
    leaf.pusher.send([bytes("first")])
    await world.until("the first", () => bound.push.received.length === 1)
    const connection = bound.push.received[0]!.connection
    bound.puller.pause(connection)
    leaf.pusher.send([bytes("held")])
    for (let i = 0; i < 100; i++) other.pusher.send([number(i)])
    await world.until("the other's", () => bound.push.received.length >= 101)
    await world.breathe()
    assert.equal(bound.push.received.filter(each => each.connection === connection).length, 1)
    bound.puller.resume(connection)
    await world.until("what was held", () => bound.push.received.length === 102)
    assert.deepEqual(bound.push.received[101], { connection, frames: [bytes("held")] })
  })

  test("ignores pause, resume and disconnect of a connection that never was", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound)
    bound.puller.pause(1_000)
    bound.puller.resume(1_000)
    bound.puller.disconnect(1_000)
    leaf.pusher.send([bytes("x")])
    await world.until("the message", () => bound.push.received.length === 1)
  })

  if (!host.connectionEvents || !client.connectionEvents) return

  test("disconnects one connection", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound)
    const other = await world.client(bound)
    leaf.pusher.send([bytes("first")])
    await world.until("the first", () => bound.push.received.length === 1)
    const connection = bound.push.received[0]!.connection
    world.call(() => bound.puller.disconnect(connection))
    await world.until("both to hear it", () => leaf.push.lost === 1 && bound.push.disconnected.length === 1)
    assert.deepEqual(bound.push.disconnected, [connection])
    assert.equal(leaf.pusher.send([bytes("x")]), false)
    assert.equal(leaf.pusher.waiting, 0)
    other.pusher.send([bytes("y")])
    await world.until("the other's", () => bound.push.received.length === 2)
  })
}
