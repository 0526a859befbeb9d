import assert from "node:assert/strict"
import type { Socket, TransportSupport } from "../../../transport/transport.ts"
import { fill, inOrder, number } from "./control.ts"
import type { DeclareTest } from "./declare-test.ts"
import { bytes, type Client, type Host, pattern } from "./world.ts"

function all(host: Host, client: Client): Socket[] {
  return [host.router, host.publisher, host.puller, client.dealer, client.subscriber, client.pusher]
}

/** Every way to use the six sockets that a closed one refuses. */
function uses(host: Host, client: Client): (readonly [string, () => unknown])[] {
  const frames = [bytes("x")]
  return [
    ["router.send", () => host.router.send(1, frames)],
    ["publisher.send", () => host.publisher.send(frames)],
    ["dealer.send", () => client.dealer.send(frames)],
    ["pusher.send", () => client.pusher.send(frames)],
    ["subscriber.subscribe", () => client.subscriber.subscribe(bytes("x"))],
    ["subscriber.unsubscribe", () => client.subscriber.unsubscribe(bytes("x"))],
  ]
}

export function closingTests(test: DeclareTest, host: TransportSupport, client: TransportSupport): void {
  test("close sends what is queued: dealer and pusher", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound, { sendLimits: { messages: 0 } })
    for (let i = 0; i < 1_000; i++) {
      leaf.dealer.send([number(i), pattern(2_000)])
      leaf.pusher.send([number(i), pattern(2_000)])
    }
    await Promise.all([
      world.settled("the dealer's close", leaf.dealer.close({ lingerMs: 5_000 })),
      world.settled("the pusher's close", leaf.pusher.close({ lingerMs: 5_000 })),
    ])
    await world.until("everything", () => bound.control.received.length + bound.push.received.length === 2_000)
    inOrder(bound.control.received.map(each => each.frames))
    inOrder(bound.push.received.map(each => each.frames))
  })

  test("close sends what is queued: router and publisher", async world => {
    const bound = await world.host({ sendLimits: { messages: 0 } })
    const leaf = await world.client(bound)
    const connection = await world.greet(bound, leaf, "a")
    await world.subscribe(bound, leaf, "")
    for (let i = 0; i < 1_000; i++) {
      bound.router.send(connection, [number(i), pattern(2_000)])
      bound.publisher.send([number(i), pattern(2_000)])
    }
    await Promise.all([
      world.settled("the router's close", bound.router.close({ lingerMs: 5_000 })),
      world.settled("the publisher's close", bound.publisher.close({ lingerMs: 5_000 })),
    ])
    await world.until("everything", () => leaf.control.received.length + leaf.publish.received.length === 2_000)
    inOrder(leaf.control.received)
    inOrder(leaf.publish.received)
  })

  test("close waits no longer than it was told for a peer that does not read", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound, { sendLimits: { messages: 10, bytes: 0 } })
    leaf.pusher.send([number(0)])
    await world.until("the first", () => bound.push.received.length === 1)
    bound.puller.pause(bound.push.received[0]!.connection)
    fill(world, index => leaf.pusher.send([number(index + 1), pattern(64 << 10)]))
    await world.settled("a close that lingers for 50 ms", leaf.pusher.close({ lingerMs: 50 }))
  })

  test("abort drops what is queued", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound, { sendLimits: { messages: 0, bytes: 0 } })
    leaf.pusher.send([number(0)])
    await world.until("the first", () => bound.push.received.length === 1)
    const { connection } = bound.push.received[0]!
    bound.puller.pause(connection)
    // More than the way holds, in octets and in messages: a host on libzmq reads on, paused or not, to its mark of 1,000
    // messages, and may do so as fast as they are handed over.
    const large = pattern(64 << 10)
    const sent = 2_000
    for (let i = 1; i <= sent; i++) leaf.pusher.send([number(i), large])
    leaf.pusher.abort()
    bound.puller.resume(connection)
    await world.breathe()
    assert.ok(bound.push.received.length < sent, "everything arrived in spite of the abort")
    inOrder(bound.push.received.map(each => each.frames))
  })

  test("close and abort may be called again, in any order", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound)
    for (const socket of all(bound, leaf)) {
      await world.settled("two closes", Promise.all([socket.close(), socket.close()]))
      socket.abort()
      await world.settled("a third", socket.close())
    }
    const fresh = world.makeHost()
    const unused = world.makeClient()
    for (const socket of all(fresh, unused)) {
      socket.abort()
      socket.abort()
      await world.settled("a close after abort", socket.close())
    }
  })

  test("use after close throws Closed, and connect rejects with it", async world => {
    for (const end of ["close", "abort"] as const) {
      const bound = await world.host()
      const leaf = await world.client(bound)
      for (const socket of all(bound, leaf)) {
        if (end === "abort") socket.abort()
        else await world.settled("the close", socket.close())
      }
      for (const [name, use] of uses(bound, leaf)) assert.throws(use, { code: "Closed" }, `${name} after ${end}`)
      const fresh = world.makeClient()
      for (const socket of [fresh.dealer, fresh.subscriber, fresh.pusher]) {
        socket.abort()
        await assert.rejects(world.dial(socket, world.subject.unreachable), { code: "Closed" })
      }
    }
  })

  test("use while closing throws Closed", async world => {
    const bound = await world.host()
    const leaf = await world.client(bound)
    const closing = all(bound, leaf).map(socket => socket.close())
    for (const [name, use] of uses(bound, leaf)) assert.throws(use, { code: "Closed" }, `${name} while closing`)
    await world.settled("the closes", Promise.all(closing))
  })

  test("no callback comes after close or abort, though the peer goes on", async world => {
    for (const end of ["close", "abort"] as const) {
      const bound = await world.host()
      const [leaf, loud] = [await world.client(bound), await world.client(bound)]
      const connection = await world.greet(bound, leaf, "a")
      await world.subscribe(bound, leaf, "")
      const shout = () => {
        bound.router.send(connection, [bytes("x")])
        bound.publisher.send([bytes("x")])
        loud.dealer.send([bytes("x")])
        loud.pusher.send([bytes("x")])
      }
      for (let i = 0; i < 50; i++) shout()
      const sockets = [leaf.dealer, leaf.subscriber, leaf.pusher]
      if (end === "abort") for (const socket of sockets) socket.abort()
      else await Promise.all(sockets.map(socket => world.settled("the close", socket.close())))
      for (let i = 0; i < 50; i++) shout()
      await world.breathe()
      // The world itself fails the test when a callback comes late.
      for (const socket of [bound.router, bound.publisher, bound.puller]) socket.abort()
      await world.breathe()
    }
  })

  test("subscribes while opening, and refuses to push", async world => {
    const bound = await world.host()
    const leaf = world.makeClient()
    const subscribing = world.dial(leaf.subscriber, bound.addresses.publish)
    leaf.subscriber.subscribe(bytes("a"))
    await subscribing
    await world.until("the subscription", () => bound.subscriptions.includes("+a"))
    const pushing = world.dial(leaf.pusher, bound.addresses.push)
    assert.equal(leaf.pusher.send([bytes("early")]), false)
    await pushing
    assert.equal(leaf.pusher.send([bytes("open")]), true)
    await world.until("the message", () => bound.push.received.length === 1)
    assert.deepEqual(bound.push.received[0]!.frames, [bytes("open")])
  })

  if (host.connectionEvents) {
    test("tells the host, once, when a client closes or aborts", async world => {
      const bound = await world.host()
      const legs = [bound.control, bound.publish, bound.push]
      const [first, second] = [await world.client(bound), await world.client(bound)]
      await world.until("six connections", () => legs.every(leg => leg.connected.length === 2))
      for (const socket of [first.dealer, first.subscriber, first.pusher])
        await world.settled("a close", socket.close())
      await world.until("the first to be gone", () => legs.every(leg => leg.disconnected.length === 1))
      for (const socket of [second.dealer, second.subscriber, second.pusher]) socket.abort()
      await world.until("the second to be gone", () => legs.every(leg => leg.disconnected.length === 2))
    })
  }

  if (client.connectionEvents) {
    test("tells the clients, once, when the host closes or aborts", async world => {
      for (const end of ["close", "abort"] as const) {
        const bound = await world.host()
        const leaf = await world.client(bound)
        for (const socket of [bound.router, bound.publisher, bound.puller]) {
          if (end === "abort") socket.abort()
          else await world.settled("the close", socket.close())
        }
        await world.until("all legs to be lost", () =>
          [leaf.control, leaf.publish, leaf.push].every(leg => leg.lost === 1),
        )
        assert.equal(leaf.dealer.send([bytes("x")]), false)
        assert.equal(leaf.pusher.send([bytes("x")]), false)
      }
    })
  }
}
