import assert from "node:assert/strict"
import type { DeclareTest } from "./declare-test.ts"

export function bindingTests(test: DeclareTest): void {
  test("gives addresses that can be dialled", async world => {
    const host = await world.host()
    for (const address of Object.values(host.addresses)) {
      assert.match(address, /^[a-z]+:\/\/[^*]+$/, `${address} has a wildcard left`)
    }
    const client = await world.client(host)
    await world.greet(host, client, "a")
  })

  test("gives one address for all where the port is shared, else three", async world => {
    const { addresses, transport } = await world.host()
    const expected = transport.supports.sharedPort ? 1 : 3
    assert.equal(new Set(Object.values(addresses)).size, expected)
  })

  test("rejects with AddressInUse when the address is taken, and leaves the first host alone", async world => {
    const first = await world.host()
    const second = world.makeHost()
    await assert.rejects(world.bind(second, first.addresses.control), { code: "AddressInUse" })
    const client = await world.client(first)
    await world.greet(first, client, "a")
  })

  test("rejects bad addresses with BadAddress, and binds elsewhere after that", async world => {
    const host = world.makeHost()
    for (const address of world.subject.bad) {
      await assert.rejects(world.bind(host, address), { code: "BadAddress" }, `bind took ${address}`)
    }
    host.addresses = await world.bind(host, world.subject.address())
    const client = await world.client(host)
    await world.greet(host, client, "a")
  })

  test("serves several addresses with the same sockets", async world => {
    const host = await world.host()
    const first = await world.client(host)
    host.addresses = await world.bind(host, world.subject.address())
    const second = await world.client(host)
    const one = await world.greet(host, first, "one")
    const two = await world.greet(host, second, "two")
    assert.notEqual(one, two)
  })

  test("frees the address when the three sockets are closed", async world => {
    const first = await world.host()
    for (const socket of [first.router, first.publisher, first.puller]) await world.settled("a close", socket.close())
    const second = world.makeHost()
    second.addresses = await world.bind(second, first.addresses.control)
    const client = await world.client(second)
    await world.greet(second, client, "a")
  })

  test("rejects with Closed when the sockets are closed", async world => {
    const host = world.makeHost()
    for (const socket of [host.router, host.publisher, host.puller]) socket.abort()
    await assert.rejects(world.bind(host, world.subject.address()), { code: "Closed" })
  })
}
