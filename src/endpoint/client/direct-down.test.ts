import { beforeEach, describe, expect, it } from "vitest"
import { newEndpointId } from "../../core/id.ts"
import { silentLogger } from "../../core/logger.ts"
import { SeededRandom } from "../../core/random.ts"
import { SimulatedClock } from "../../core/simulated-clock.ts"
import type { Accept } from "../../message/control.ts"
import { encodeExtensions } from "../../message/extension.ts"
import { encodeHeader, Kind } from "../../message/header.ts"
import { Frame } from "../frame.ts"
import { Node } from "../node.ts"
import { newPrivatePrefix } from "../private-topic.ts"
import { DirectDown } from "./direct-down.ts"

const random = new SeededRandom(1)
const somebody = random.bytes(16)
const privatePrefix = newPrivatePrefix(1, random)

describe("DirectDown", () => {
  let node: Node
  let direct: DirectDown
  /** Publish numbers, or for those of this endpoint the origin's numbers. */
  let onward: number[]
  let here: number[]

  beforeEach(() => {
    node = new Node({ id: newEndpointId(random), clock: new SimulatedClock(), random, logger: silentLogger })
    onward = []
    here = []
    direct = new DirectDown(node, frame => onward.push(frame.sequence))
    node.topics.addReceiver({
      prefixes: [direct.streams.bytes],
      take: (_topic, _frame, _origin, sequence) => here.push(sequence),
    })
    accepted({ resumed: false })
  })

  function accepted({ resumed }: { readonly resumed: boolean }, regenerated = false): void {
    direct.accepted({ resumed, privatePrefix } as Accept, regenerated)
  }

  /** For somebody below unless `target` says otherwise. */
  function frame(number: number, target: Uint8Array = somebody): Frame {
    const header = encodeHeader({
      kind: Kind.Direct,
      flags: 0,
      codec: 0,
      hops: 5,
      epoch: 0,
      ageMicros: 0,
      origin: new Uint8Array(16).fill(9),
      sequence: number,
      order: 0,
      extensions: encodeExtensions({ target }),
      leg: { way: "down", incarnation: 1, link: 1, number, previous: number - 1 },
    })
    return Frame.over(header, new Uint8Array(4))
  }

  it("takes what is for this endpoint, and hands on what is for others", () => {
    direct.take(direct.topic!, frame(1))
    direct.take(direct.topic!, frame(2, node.self.bytes))
    expect([onward, here]).toEqual([[1], [2]])
  })

  it("hands on in the order of publish numbers, when the repair of earlier ones has ended", () => {
    direct.topic!.repairing = 1
    for (const number of [3, 1, 2]) direct.take(direct.topic!, frame(number))
    direct.repaired()
    expect(onward).toEqual([])
    direct.topic!.repairing = 0
    direct.repaired()
    expect(onward).toEqual([1, 2, 3])
  })

  it("hands on what waits when the link is another, where nothing comes between", () => {
    for (const [resumed, regenerated, gone] of [
      [true, false, []],
      [true, true, [1]],
      [false, false, [1]],
    ] as const) {
      onward = []
      direct.topic!.repairing = 1
      direct.take(direct.topic!, frame(1))
      accepted({ resumed }, regenerated)
      expect(onward).toEqual(gone)
      direct.letOnward()
    }
  })

  it("lets nothing of a host that is left wait for a repair of the new one", () => {
    direct.topic!.repairing = 1
    direct.takeOfFormer(frame(7))
    expect(onward).toEqual([7])
  })

  it("finds lost what two heartbeats spoke of and nothing brought", () => {
    direct.topic!.arrived = 4
    expect(direct.heartbeat(6)).toBeUndefined()
    expect(direct.heartbeat(7)).toEqual({ topic: direct.topic!.bytes, after: 4, through: 6 })
    expect(direct.topic!.arrived).toBe(6)
  })

  it("finds nothing lost when something came between two heartbeats", () => {
    expect(direct.heartbeat(2)).toBeUndefined()
    direct.topic!.arrived = 1
    expect(direct.heartbeat(2)).toBeUndefined()
    direct.topic!.arrived = 2
    expect(direct.heartbeat(2)).toBeUndefined()
  })
})
