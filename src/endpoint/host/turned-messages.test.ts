import { describe, expect, it } from "vitest"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import { type TurnedMessage, TurnedMessages } from "./turned-messages.ts"

const keptMs = 1000

function scene(where: "relay" | "root") {
  const clock = new SimulatedClock()
  const up: number[] = []
  const down: number[] = []
  let room = where === "relay" ? 1 : 0
  let callbacks: (() => void)[] = []
  const numberOf = ({ payload }: TurnedMessage) => payload[0]!
  const turned = new TurnedMessages({
    clock,
    keptMs,
    up: message => {
      if (room === 0) return false
      room--
      up.push(numberOf(message))
      return true
    },
    down: message => down.push(numberOf(message)) > 0,
    onRoom: where === "root" ? undefined : callback => void callbacks.push(callback),
  })
  const take = (number: number, target = 1) =>
    turned.take({ target: Uint8Array.of(target), header: new Uint8Array(1), payload: Uint8Array.of(number) })
  const makeRoom = (messages: number) => {
    room = messages
    const told = callbacks
    callbacks = []
    for (const callback of told) callback()
  }
  return { clock, turned, take, makeRoom, up, down }
}

describe("TurnedMessages", () => {
  it("go up at once where there is room, and else wait for it in their order: seed 8088 of the swarm", () => {
    const { turned, take, makeRoom, up } = scene("relay")
    for (const number of [1, 2, 3, 4]) take(number)
    expect([up, turned.none]).toEqual([[1], false])
    makeRoom(2)
    expect([up, turned.none]).toEqual([[1, 2, 3], false])
    makeRoom(2)
    expect([up, turned.none]).toEqual([[1, 2, 3, 4], true])
  })

  it("wait at the root for whom they are for: seed 8086 of the swarm", () => {
    const { turned, take, down } = scene("root")
    take(1, 7)
    take(2, 8)
    take(3, 7)
    turned.found(Uint8Array.of(9))
    expect(down).toEqual([])
    turned.found(Uint8Array.of(7))
    expect([down, turned.none]).toEqual([[1, 3], false])
  })

  it("but not for ever", async () => {
    const { clock, turned, take, down } = scene("root")
    take(1, 7)
    await clock.run(keptMs / 2)
    take(2, 7)
    await clock.run(keptMs / 2)
    turned.found(Uint8Array.of(7))
    expect(down).toEqual([2])
    take(3, 7)
    await clock.run(3 * keptMs)
    expect(turned.none).toBe(true)
  })
})
