import assert from "node:assert/strict"
import { inOrder, number, same } from "./control.ts"
import type { DeclareTest } from "./declare-test.ts"
import { bytes, pattern, textOf } from "./world.ts"

/** Each subscription with the topics it lets through, of those below. */
const topics = ["", "a", "ab", "abc", "b", "cab", "\u0000", "\u00ff\u00fe", "\u00ff"]
const matching: readonly (readonly [string, readonly string[]])[] = [
  ["", topics],
  ["a", ["a", "ab", "abc"]],
  ["abc", ["abc"]],
  ["abcd", []],
  ["\u0000", ["\u0000"]],
  ["\u00ff", ["\u00ff\u00fe", "\u00ff"]],
]

export function publishTests(test: DeclareTest): void {
  test("matches the octets that the first frame begins with", async world => {
    const bound = await world.host()
    for (const [prefix, expected] of matching) {
      const leaf = await world.client(bound)
      await world.subscribe(bound, leaf, prefix)
      await world.subscribe(bound, leaf, "~end")
      for (const topic of topics) bound.publisher.send([bytes(topic), bytes("abc")])
      bound.publisher.send([bytes("~end")])
      await world.until("the end", () => leaf.publish.received.some(frames => textOf(frames) === "~end"))
      assert.deepEqual(
        leaf.publish.received.map(textOf),
        [...expected.map(topic => `${topic}|abc`), "~end"],
        `subscribed to ${JSON.stringify(prefix)}`,
      )
      leaf.subscriber.abort()
    }
  })

  test("reaches every subscriber, each once, in order", async world => {
    const bound = await world.host()
    const leaves = [await world.client(bound), await world.client(bound), await world.client(bound)]
    for (const leaf of leaves) {
      for (const prefix of ["", "1", "12"]) await world.subscribe(bound, leaf, prefix)
    }
    for (let i = 0; i < 300; i++) world.call(() => bound.publisher.send([number(i), pattern(i)]))
    await world.until("all messages", () => leaves.every(leaf => leaf.publish.received.length >= 300))
    for (const leaf of leaves) inOrder(leaf.publish.received)
  })

  test("carries 8 MiB to several", async world => {
    const bound = await world.host()
    const leaves = [await world.client(bound), await world.client(bound)]
    for (const leaf of leaves) await world.subscribe(bound, leaf, "t")
    const large = pattern(8 << 20)
    bound.publisher.send([bytes("t"), large, bytes("")])
    await world.until("the message", () => leaves.every(leaf => leaf.publish.received.length === 1))
    for (const leaf of leaves) same(leaf.publish.received[0]!, [bytes("t"), large, bytes("")])
  })

  test("copies short frames before send returns", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound)
    await world.subscribe(bound, leaf, "")
    const octets = Buffer.from("abc")
    bound.publisher.send([octets])
    octets.fill(0)
    await world.until("the message", () => leaf.publish.received.length === 1)
    assert.deepEqual(leaf.publish.received.map(textOf), ["abc"])
  })

  test("delivers nothing without a subscription", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound)
    bound.publisher.send([bytes("a")])
    await world.subscribe(bound, leaf, "b")
    bound.publisher.send([bytes("a")])
    bound.publisher.send([bytes("b")])
    await world.until("the message", () => leaf.publish.received.length > 0)
    assert.deepEqual(leaf.publish.received.map(textOf), ["b"])
  })

  test("keeps subscriptions that were made before the dial", async world => {
    const bound = await world.host()
    const leaf = world.makeClient()
    for (const prefix of ["a", "b", "b", "c"]) leaf.subscriber.subscribe(bytes(prefix))
    leaf.subscriber.unsubscribe(bytes("b"))
    leaf.subscriber.unsubscribe(bytes("c"))
    await world.connect(leaf, bound)
    await world.subscribe(bound, leaf, "~end")
    for (const topic of ["a", "b", "c", "~end"]) bound.publisher.send([bytes(topic)])
    await world.until("the end", () => leaf.publish.received.some(frames => textOf(frames) === "~end"))
    assert.deepEqual(leaf.publish.received.map(textOf), ["a", "b", "~end"])
  })

  test("counts subscriptions: as many unsubscribes end one", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound)
    await world.subscribe(bound, leaf, "a")
    await world.subscribe(bound, leaf, "a")
    const ask = async (end: string) => {
      await world.subscribe(bound, leaf, end)
      bound.publisher.send([bytes("a")])
      bound.publisher.send([bytes(end)])
      await world.until(end, () => leaf.publish.received.some(frames => textOf(frames) === end))
    }
    leaf.subscriber.unsubscribe(bytes("a"))
    await ask("~once")
    leaf.subscriber.unsubscribe(bytes("a"))
    await ask("~twice")
    leaf.subscriber.unsubscribe(bytes("a"))
    await world.subscribe(bound, leaf, "a")
    await ask("~again")
    assert.deepEqual(leaf.publish.received.map(textOf), ["a", "~once", "~twice", "a", "~again"])
  })

  test("tells of repeated subscriptions, from the same subscriber and from others", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound)
    const other = await world.client(bound)
    await world.subscribe(bound, leaf, "a")
    await world.subscribe(bound, leaf, "a")
    await world.subscribe(bound, other, "a")
    await world.subscribe(bound, leaf, "b")
    assert.deepEqual(bound.subscriptions, ["+a", "+a", "+a", "+b"])
  })

  test("tells prefixes as they were given", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound)
    const prefixes = ["", "\u0000", "\u0001\u0000\u00ff", "x".repeat(240)]
    for (const prefix of prefixes) await world.subscribe(bound, leaf, prefix)
    assert.deepEqual(
      bound.subscriptions,
      prefixes.map(prefix => `+${prefix}`),
    )
  })

  test("tells the end of a subscription", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound)
    await world.subscribe(bound, leaf, "a")
    world.call(() => leaf.subscriber.unsubscribe(bytes("a")))
    await world.until("the end of it", () => bound.subscriptions.includes("-a"))
    assert.deepEqual(bound.subscriptions, ["+a", "-a"])
  })

  test("tells a subscription when it has taken effect", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound)
    bound.onSubscribe = (_, prefix) => bound.publisher.send([prefix, bytes("welcome")])
    await world.subscribe(bound, leaf, "~link.7")
    await world.until("the answer", () => leaf.publish.received.length > 0)
    assert.deepEqual(leaf.publish.received.map(textOf), ["~link.7|welcome"])
  })

  test("takes many subscriptions at once", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound)
    const count = 5_000
    for (let i = 0; i < count; i++) world.call(() => leaf.subscriber.subscribe(number(i)))
    await world.until("all of them", () => bound.subscriptions.length === count)
    bound.publisher.send([number(count - 1)])
    await world.until("the message", () => leaf.publish.received.length === 1)
  })
}
