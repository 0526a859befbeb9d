import assert from "node:assert/strict"
import type { TransportSupport } from "../../../transport/transport.ts"
import type { DeclareTest } from "./declare-test.ts"
import { bytes, latin1, pattern, textOf, type World } from "./world.ts"

/** Around the places where a frame's length takes another form or crosses a buffer. */
const sizes = [0, 1, 33, 254, 255, 256, 8_191, 8_192, 8_193, 65_535, 65_536, 1 << 20, 8 << 20]

export function controlTests(test: DeclareTest, host: TransportSupport, client: TransportSupport): void {
  test("carries messages both ways in order", async world => {
    const count = 2_000
    const bound = await world.host({ sendLimits: { messages: count } })
    const leaf = await world.client(bound, { sendLimits: { messages: count } })
    const connection = await world.greet(bound, leaf, "a")
    bound.control.received.length = 0
    for (let i = 0; i < count; i++) {
      assert.equal(
        world.call(() => leaf.dealer.send([bytes(`up ${i}`)])),
        true,
      )
      assert.equal(
        world.call(() => bound.router.send(connection, [bytes(`down ${i}`)])),
        true,
      )
    }
    await world.until("all messages", () => bound.control.received.length + leaf.control.received.length >= 2 * count)
    assert.deepEqual(
      bound.control.received.map(each => textOf(each.frames)),
      Array.from({ length: count }, (_, i) => `up ${i}`),
    )
    assert.deepEqual(
      leaf.control.received.map(textOf),
      Array.from({ length: count }, (_, i) => `down ${i}`),
    )
  })

  test("keeps frames apart, empty ones too", async world => {
    const messages = [
      [""],
      ["", ""],
      ["a", "", "b"],
      ["", "x"],
      ["x", ""],
      Array.from({ length: 50 }, (_, i) => `${i}`),
    ]
    const bound = await world.host()
    const leaf = await world.client(bound)
    const connection = await world.greet(bound, leaf, "a")
    for (const message of messages) {
      leaf.dealer.send(message.map(bytes))
      bound.router.send(connection, message.map(bytes))
    }
    await world.until("all messages", () => leaf.control.received.length === messages.length)
    await world.until("all messages", () => bound.control.received.length === messages.length + 1)
    assert.deepEqual(
      leaf.control.received.map(frames => frames.map(latin1)),
      messages,
    )
    assert.deepEqual(
      bound.control.received.slice(1).map(each => each.frames.map(latin1)),
      messages,
    )
  })

  test("carries every size up to 8 MiB both ways", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound)
    const connection = await world.greet(bound, leaf, "a")
    for (const size of sizes) {
      const octets = pattern(size, size + 1)
      const before = bound.control.received.length
      assert.equal(leaf.dealer.send([octets, bytes("tail")]), true)
      await world.until(`${size} octets at the host`, () => bound.control.received.length > before)
      same(bound.control.received.at(-1)!.frames, [octets, bytes("tail")])
      const answers = leaf.control.received.length
      assert.equal(bound.router.send(connection, [octets, bytes("tail")]), true)
      await world.until(`${size} octets at the client`, () => leaf.control.received.length > answers)
      same(leaf.control.received.at(-1)!, [octets, bytes("tail")])
    }
  })

  test("keeps a batch's octets as they were when more comes in", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound)
    const kept: Uint8Array[] = []
    const pinned = bound.transport.router({
      onBatch: batch => {
        for (let i = 0; i < batch.count; i++) kept.push(batch.frame(i, 0))
        world.watch.poke()
      },
    })
    try {
      const sockets = { router: pinned, publisher: bound.publisher, puller: bound.puller }
      const addresses = await world.settled("the bind", bound.transport.bind(world.subject.address(), sockets))
      const dealer = leaf.transport.dealer({ onBatch() {} })
      await world.dial(dealer, addresses.control)
      for (let i = 0; i < 200; i++) {
        dealer.send([pattern(1_000, i + 1)])
        if (i % 20 === 0) await world.until("some of them", () => kept.length >= i)
      }
      await world.until("all of them", () => kept.length === 200)
      for (let i = 0; i < 200; i++) assert.deepEqual(Buffer.from(kept[i]!), Buffer.from(pattern(1_000, i + 1)))
      dealer.abort()
    } finally {
      pinned.abort()
    }
  })

  test("copies short frames before send returns", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound)
    const connection = await world.greet(bound, leaf, "a")
    const up = pattern(Math.min(200, client.referenceBytes - 1))
    const down = pattern(Math.min(200, host.referenceBytes - 1))
    const frames: Uint8Array[] = [Buffer.from(up)]
    leaf.dealer.send(frames)
    frames[0]!.fill(0)
    frames.push(bytes("not part of it"))
    const back: Uint8Array[] = [Buffer.from(down)]
    bound.router.send(connection, back)
    back[0]!.fill(0)
    await world.until("both", () => leaf.control.received.length + bound.control.received.length === 3)
    same(bound.control.received[1]!.frames, [up])
    same(leaf.control.received[0]!, [down])
  })

  test("routes to the connection that is meant", async world => {
    const bound = await world.host()
    const leaves = [await world.client(bound), await world.client(bound), await world.client(bound)]
    const numbers: number[] = []
    for (const [i, leaf] of leaves.entries()) numbers.push(await world.greet(bound, leaf, `${i}`))
    assert.equal(new Set(numbers).size, 3)
    for (const round of [1, 2]) {
      for (const [i, number] of numbers.entries()) bound.router.send(number, [bytes(`${round} for ${i}`)])
    }
    await world.until("six messages", () => leaves.every(leaf => leaf.control.received.length === 2))
    for (const [i, leaf] of leaves.entries()) {
      assert.deepEqual(leaf.control.received.map(textOf), [`1 for ${i}`, `2 for ${i}`])
    }
  })

  test("refuses to send to a connection that never was", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound)
    const connection = await world.greet(bound, leaf, "a")
    assert.equal(bound.router.send(connection + 1_000, [bytes("x")]), false)
  })

  test("says false when the dealer's queue is full, takes nothing then, and tells when there is room", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound, { sendLimits: { messages: 10, bytes: 0 } })
    const taken = fill(world, index => leaf.dealer.send([number(index), pattern(64 << 10)]))
    await world.until("room again", () => leaf.control.drained > 0)
    assert.equal(leaf.dealer.send([number(taken), bytes("one more")]), true)
    await world.until("what was taken", () => bound.control.received.length > taken)
    inOrder(bound.control.received.map(each => each.frames))
  })

  test("counts octets as well as messages", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound, { sendLimits: { messages: 0, bytes: 1 << 20 } })
    const taken = fill(world, index => leaf.dealer.send([number(index), pattern(64 << 10)]))
    await world.until("room again", () => leaf.control.drained > 0)
    await world.until("what was taken", () => bound.control.received.length >= taken)
    assert.equal(bound.control.received.length, taken)
    inOrder(bound.control.received.map(each => each.frames))
  })

  test("says false when the router's queue for one connection is full, and serves the others", async world => {
    const bound = await world.host({ sendLimits: { messages: 10, bytes: 0 } })
    const leaf = await world.client(bound)
    const other = await world.client(bound)
    const connection = await world.greet(bound, leaf, "a")
    const bystander = await world.greet(bound, other, "b")
    const taken = fill(world, index => bound.router.send(connection, [number(index), pattern(64 << 10)]))
    assert.equal(bound.router.send(bystander, [bytes("x")]), true)
    await world.until("what was taken", () => leaf.control.received.length >= taken)
    await world.until("the bystander's", () => other.control.received.length === 1)
    assert.equal(leaf.control.received.length, taken)
    inOrder(leaf.control.received)
    await world.until("the queue to take more", () => bound.router.send(connection, [number(taken)]))
    await world.until("one more", () => leaf.control.received.length === taken + 1)
  })

  if (!host.connectionEvents) return

  test("refuses to send to a connection that is gone", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound)
    const connection = await world.greet(bound, leaf, "a")
    leaf.dealer.abort()
    await world.until("the host to see it go", () => bound.control.disconnected.includes(connection))
    assert.equal(bound.router.send(connection, [bytes("x")]), false)
  })

  test("costs a peer its connection when a message is larger than allowed, and nobody else theirs", async world => {
    const bound = await world.host({ maxMessageBytes: 10_000 })
    const leaf = await world.client(bound)
    const other = await world.client(bound)
    const connection = await world.greet(bound, leaf, "a")
    leaf.dealer.send([pattern(10_000)])
    leaf.dealer.send([pattern(6_000), pattern(6_000)])
    await world.until("the host to cut it off", () => bound.control.disconnected.includes(connection))
    await world.greet(bound, other, "b")
    assert.deepEqual(
      bound.control.received.filter(each => each.connection === connection).map(each => each.frames[0]!.length),
      [7, 10_000],
    )
  })

  if (!client.connectionEvents) return

  test("disconnects one connection after what is queued for it", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound)
    const other = await world.client(bound)
    const connection = await world.greet(bound, leaf, "a")
    await world.greet(bound, other, "b")
    for (let i = 0; i < 100; i++) bound.router.send(connection, [number(i), pattern(10_000)])
    world.call(() => bound.router.disconnect(connection))
    assert.equal(bound.router.send(connection, [bytes("x")]), false)
    await world.until("both to hear it", () => leaf.control.lost === 1 && bound.control.disconnected.length === 1)
    assert.equal(leaf.control.received.length, 100)
    inOrder(leaf.control.received)
    assert.equal(leaf.dealer.send([bytes("x")]), false)
    await world.greet(bound, other, "c")
    assert.equal(other.control.lost, 0)
  })
}

/** Sends until refused; the number taken. */
export function fill(world: World, send: (index: number) => boolean, most = 4_000): number {
  for (let taken = 0; taken < most; taken++) {
    if (!world.call(() => send(taken))) {
      assert.ok(taken > 0, "the queue was full from the beginning")
      return taken
    }
  }
  assert.fail(`${most} messages were taken without a false`)
}

/** A frame that says which one it is. */
export function number(index: number): Uint8Array {
  return bytes(String(index))
}

/** Asserts that messages made with `number` came each and in order. */
export function inOrder(messages: readonly (readonly Uint8Array[])[]): void {
  assert.deepEqual(
    messages.map(frames => latin1(frames[0]!)),
    messages.map((_, i) => String(i)),
  )
}

/** Compares large frames without printing them. */
export function same(actual: readonly Uint8Array[], expected: readonly Uint8Array[]): void {
  assert.equal(actual.length, expected.length)
  for (const [i, frame] of expected.entries()) {
    assert.equal(actual[i]!.length, frame.length)
    assert.ok(Buffer.compare(actual[i]!, frame) === 0, `frame ${i} of ${frame.length} octets has changed on the way`)
  }
}
