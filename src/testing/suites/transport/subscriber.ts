import assert from "node:assert/strict"
import type { TransportSupport } from "../../../transport/transport.ts"
import { number } from "./control.ts"
import type { DeclareTest } from "./declare-test.ts"
import { bytes, type Client, type Host, latin1, pattern, textOf, type World } from "./world.ts"

/**
 * Publishes to a subscriber that has stopped reading until the publisher says that it is full, at the pace of another
 * that reads; how many were sent.
 */
async function clog(world: World, bound: Host, leaf: Client, other?: Client): Promise<number> {
  leaf.subscriber.pause()
  let sent = 0
  while (bound.full.length === 0) {
    world.call(() => bound.publisher.send([number(sent), pattern(32 << 10)]))
    sent++
    assert.ok(sent < 10_000, "10,000 messages were queued for a subscriber that does not read")
    if (sent % 5 !== 0) continue
    if (other === undefined) await (world.subject.settle?.(1) ?? new Promise(resolve => setImmediate(resolve)))
    else await world.until("the one that reads", () => other.publish.received.length === sent)
  }
  return sent
}

export function subscriberTests(test: DeclareTest, host: TransportSupport): void {
  if (!host.subscriberIdentity) {
    test("is refused as Unsupported when a guard is asked of a transport without one", async world => {
      assert.throws(() => world.makeHost({ guard: true }), { code: "Unsupported" })
    })
    return
  }

  test("tells who subscribed", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound)
    const other = await world.client(bound)
    const one = await world.subscribe(bound, leaf, "a")
    const two = await world.subscribe(bound, other, "b")
    assert.notEqual(one, two)
    assert.equal(await world.subscribe(bound, leaf, "c"), one)
  })

  test("sends to one, whatever it subscribed to", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound)
    const other = await world.client(bound)
    const one = await world.subscribe(bound, leaf, "a")
    await world.subscribe(bound, other, "a")
    assert.equal(
      world.call(() => bound.publisher.sendTo(one, [bytes("b"), bytes("private")])),
      true,
    )
    bound.publisher.send([bytes("a")])
    await world.until("both", () => leaf.publish.received.length + other.publish.received.length === 3)
    assert.deepEqual(leaf.publish.received.map(textOf), ["b|private", "a"])
    assert.deepEqual(other.publish.received.map(textOf), ["a"])
    assert.equal(bound.publisher.sendTo(one + 1_000, [bytes("b")]), false)
  })

  test("tells who is full, what waits, and when there is room; others are served", async world => {
    const bound = await world.host({ sendLimits: { messages: 20, bytes: 0 } })
    const leaf = await world.client(bound)
    const other = await world.client(bound)
    const connection = await world.subscribe(bound, leaf, "")
    await world.subscribe(bound, other, "")
    const sent = await clog(world, bound, leaf, other)
    await world.until("the other's messages", () => other.publish.received.length === sent)
    const waiting = bound.publisher.waiting(connection)!
    assert.ok(waiting.messages > 0 && waiting.messages <= 21, `${waiting.messages} messages wait`)
    assert.ok(waiting.bytes >= waiting.messages * 1_000)
    assert.equal(bound.full[0]!.connection, connection)
    assert.equal(latin1(bound.full[0]!.frames[0]!), String(sent - 1))
    assert.equal(bound.publisher.sendTo(connection, [bytes("x")]), false)
    assert.deepEqual(bound.room, [])
    world.call(() => leaf.subscriber.resume())
    await world.until("room", () => bound.room.length > 0)
    assert.deepEqual(bound.room, [connection])
    await world.until("what was queued", () => leaf.publish.received.length === sent - 1)
    assert.deepEqual(
      leaf.publish.received.map(frames => latin1(frames[0]!)),
      Array.from({ length: sent - 1 }, (_, i) => String(i)),
    )
    await world.until("an empty queue", () => bound.publisher.waiting(connection)!.messages === 0)
    assert.equal(bound.publisher.waiting(connection)!.bytes, 0)
    assert.equal(bound.publisher.waiting(connection + 1_000), undefined)
  })

  test("drops what is queued for one when asked", async world => {
    const bound = await world.host({ sendLimits: { messages: 20, bytes: 0 } })
    const leaf = await world.client(bound)
    const connection = await world.subscribe(bound, leaf, "")
    const sent = await clog(world, bound, leaf)
    const dropped = world.call(() => bound.publisher.clear(connection))
    assert.ok(dropped > 0)
    await world.until("room", () => bound.room.length === 1)
    bound.publisher.send([bytes("after")])
    leaf.subscriber.resume()
    await world.until("what came after", () => leaf.publish.received.at(-1)?.length === 1)
    assert.equal(textOf(leaf.publish.received.at(-1)!), "after")
    assert.equal(leaf.publish.received.length, sent - 1 - dropped + 1)
    assert.deepEqual(
      leaf.publish.received.slice(0, -1).map(frames => latin1(frames[0]!)),
      Array.from({ length: sent - 1 - dropped }, (_, i) => String(i)),
    )
    for (const frames of leaf.publish.received.slice(0, -1)) assert.equal(frames[1]!.length, 32 << 10)
    assert.equal(bound.publisher.clear(connection + 1_000), 0)
  })

  test("holds subscriptions until the connection is granted", async world => {
    const bound = await world.host({ guard: true })
    const leaf = await world.client(bound)
    const connection = await world.subscribe(bound, leaf, "a")
    await world.subscribe(bound, leaf, "secret")
    bound.publisher.send([bytes("a"), bytes("too early")])
    world.call(() => bound.publisher.grant(connection, prefix => !latin1(prefix).startsWith("secret")))
    await world.subscribe(bound, leaf, "b")
    await world.subscribe(bound, leaf, "secret.too")
    for (const topic of ["a", "secret", "secret.too", "b"]) bound.publisher.send([bytes(topic), bytes("x")])
    await world.until("the last", () => leaf.publish.received.some(frames => textOf(frames) === "b|x"))
    assert.deepEqual(leaf.publish.received.map(textOf), ["a|x", "b|x"])
  })

  test("drops with a new grant what it no longer allows", async world => {
    const bound = await world.host({ guard: true })
    const leaf = await world.client(bound)
    const connection = await world.subscribe(bound, leaf, "a")
    await world.subscribe(bound, leaf, "b")
    bound.publisher.grant(connection, () => true)
    bound.publisher.send([bytes("a")])
    bound.publisher.grant(connection, prefix => latin1(prefix) === "b")
    bound.publisher.send([bytes("a")])
    bound.publisher.send([bytes("b")])
    await world.until("the last", () => leaf.publish.received.some(frames => textOf(frames) === "b"))
    assert.deepEqual(leaf.publish.received.map(textOf), ["a", "b"])
  })

  test("grants from inside onSubscribe, and sends to one that is not granted", async world => {
    const bound = await world.host({ guard: true })
    const leaf = await world.client(bound)
    const held = await world.client(bound)
    bound.onSubscribe = (connection, prefix) => {
      if (latin1(prefix) === "a") bound.publisher.grant(connection, () => true)
    }
    await world.subscribe(bound, leaf, "a")
    const other = await world.subscribe(bound, held, "b")
    bound.publisher.send([bytes("a")])
    bound.publisher.send([bytes("b")])
    assert.equal(bound.publisher.sendTo(other, [bytes("you only")]), true)
    await world.until("both", () => leaf.publish.received.length + held.publish.received.length === 2)
    assert.deepEqual(leaf.publish.received.map(textOf), ["a"])
    assert.deepEqual(held.publish.received.map(textOf), ["you only"])
  })

  test("cuts off who subscribes to more than allowed, and nobody else", async world => {
    const bound = await world.host({ maxSubscriptionBytes: 1_000 })
    const leaf = await world.client(bound)
    const other = await world.client(bound)
    await world.subscribe(bound, other, "a")
    for (let i = 0; i < 11; i++) leaf.subscriber.subscribe(bytes(`${i}`.padEnd(100, "x")))
    await world.until("the cut", () => bound.publish.disconnected.length === 1)
    bound.publisher.send([bytes("a")])
    await world.until("the other's", () => other.publish.received.length === 1)
  })

  test("disconnects one subscriber", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound)
    const other = await world.client(bound)
    const connection = await world.subscribe(bound, leaf, "a")
    await world.subscribe(bound, other, "a")
    bound.publisher.send([bytes("a")])
    world.call(() => bound.publisher.disconnect(connection))
    await world.until("the host to hear it", () => bound.publish.disconnected.includes(connection))
    assert.equal(bound.publisher.waiting(connection), undefined)
    assert.equal(bound.publisher.sendTo(connection, [bytes("a")]), false)
    bound.publisher.send([bytes("a")])
    await world.until("the other's", () => other.publish.received.length === 2)
    await world.until("the last of it", () => leaf.publish.received.length === 1)
  })
}
