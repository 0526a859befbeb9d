import assert from "node:assert/strict"
import type { TransportSupport } from "../../../transport/transport.ts"
import type { DeclareTest } from "./declare-test.ts"
import { bytes, type Client } from "./world.ts"

const legs = ["dealer", "subscriber", "pusher"] as const

/** Uses a socket in a way that only a closed one refuses. */
function use(client: Client, leg: (typeof legs)[number]): void {
  if (leg === "subscriber") client.subscriber.subscribe(bytes("a"))
  else client[leg].send([bytes("a")])
}

export function connectingTests(test: DeclareTest, host: TransportSupport): void {
  test("rejects with Unreachable when nobody listens; then the socket is closed", async world => {
    const client = world.makeClient()
    for (const leg of legs) {
      await assert.rejects(world.dial(client[leg], world.subject.unreachable), { code: "Unreachable" }, leg)
      assert.throws(() => use(client, leg), { code: "Closed" }, leg)
    }
  })

  test("rejects bad addresses with BadAddress", async world => {
    for (const address of world.subject.bad) {
      const client = world.makeClient()
      for (const leg of legs) {
        await assert.rejects(world.dial(client[leg], address), { code: "BadAddress" }, `${leg} dialled ${address}`)
      }
    }
  })

  test("rejects with Aborted when the signal was aborted before; then the socket is closed", async world => {
    const bound = await world.host()
    const client = world.makeClient()
    for (const leg of legs) {
      const dialled = world.dial(client[leg], bound.addresses.control, AbortSignal.abort())
      await assert.rejects(dialled, { code: "Aborted" }, leg)
      assert.throws(() => use(client, leg), { code: "Closed" }, leg)
    }
  })

  test("rejects with Aborted when the signal aborts on the way", async world => {
    const bound = await world.host()
    const client = world.makeClient()
    for (const leg of legs) {
      const controller = new AbortController()
      const dialled = client[leg].connect(bound.addresses.control, { signal: controller.signal })
      controller.abort()
      await assert.rejects(world.settled("the abort", dialled), { code: "Aborted" }, leg)
      assert.throws(() => use(client, leg), { code: "Closed" }, leg)
    }
    await world.breathe()
    assert.deepEqual(bound.control.received, [])
  })

  test("rejects when the socket is closed on the way", async world => {
    const bound = await world.host()
    for (const end of ["close", "abort"] as const) {
      const client = world.makeClient()
      for (const leg of legs) {
        const dialled = client[leg].connect(bound.addresses.control, { signal: new AbortController().signal })
        const rejected = assert.rejects(world.settled("the close", dialled), /./, `${leg} ${end}`)
        if (end === "abort") client[leg].abort()
        else await world.settled("the close", client[leg].close())
        await rejected
      }
    }
  })

  test("is unmoved by a signal that aborts when the connection stands", async world => {
    const bound = await world.host()
    const client = world.makeClient()
    const controller = new AbortController()
    await world.dial(client.dealer, bound.addresses.control, controller.signal)
    controller.abort()
    await world.greet(bound, client, "a")
    assert.equal(client.control.lost, 0)
  })

  test("dials once: a second connect rejects and the first stands", async world => {
    const bound = await world.host()
    const client = await world.client(bound)
    for (const leg of legs) await assert.rejects(world.dial(client[leg], bound.addresses.control), /./, leg)
    await world.greet(bound, client, "a")
  })

  test("rejects with Timeout when somebody accepts and says nothing", async world => {
    if (world.subject.mute === undefined) return
    const address = await world.subject.mute()
    const client = world.makeClient({ handshakeTimeoutMs: 100 })
    for (const leg of legs) await assert.rejects(world.dial(client[leg], address), { code: "Timeout" }, leg)
  })

  test("takes no message before it is connected", async world => {
    const client = world.makeClient()
    assert.equal(client.pusher.send([bytes("early")]), false)
    assert.equal(client.pusher.waiting, 0)
    const bound = await world.host()
    await world.connect(client, bound)
    assert.equal(client.pusher.send([bytes("later")]), true)
    await world.until("the message", () => bound.push.received.length > 0)
    assert.deepEqual(bound.push.received[0]!.frames, [bytes("later")])
  })

  if (!host.connectionEvents) return

  test("tells the host of each leg when the handshake is complete", async world => {
    const bound = await world.host()
    await world.client(bound)
    await world.until("three connections", () =>
      [bound.control, bound.publish, bound.push].every(leg => leg.connected.length === 1),
    )
  })

  test("gives every connection a new number", async world => {
    const bound = await world.host()
    for (let round = 1; round <= 5; round++) {
      const client = await world.client(bound)
      for (const leg of legs) client[leg].abort()
      await world.until("the host to see them go", () =>
        [bound.control, bound.publish, bound.push].every(leg => leg.disconnected.length === round),
      )
    }
    assert.equal(new Set(bound.control.connected).size, 5)
  })
}
