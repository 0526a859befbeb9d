/** Who may speak as a voter, and what becomes of the others. */
import { beforeEach, describe, expect, it } from "vitest"
import { endpointIdToBytes, newEndpointId } from "../../core/id.ts"
import { silentLogger } from "../../core/logger.ts"
import { SeededRandom } from "../../core/random.ts"
import { type Control, decodeControl, type VoterHello } from "../../message/control.ts"
import { type Authenticator, tokenAuthenticator } from "../authenticator.ts"
import { type VoterConnection, VoterGate, voterConnectionsMax } from "./voter-gate.ts"

const random = new SeededRandom(1)

function hello(changes: Partial<VoterHello> = {}): VoterHello {
  const voterId = endpointIdToBytes(newEndpointId(random))
  const from = { voterId, name: "v", addresses: [], direct: true }
  return { version: 1, tree: "t", generation: none, from, to: none, token: none, ...changes } as unknown as VoterHello
}

const none = new Uint8Array(0)

describe("VoterGate", () => {
  let gate: VoterGate
  let sent: { connection: number; control: Control }[]
  let cut: number[]
  const known = newEndpointId(random)
  let callers: { connection: VoterConnection; heard: Control[]; closed: boolean }[]

  function build(authenticator?: Authenticator): void {
    sent = []
    cut = []
    callers = []
    gate = new VoterGate({
      router: {
        send: (connection, frames) => sent.push({ connection, control: decodeControl(frames[0]!) }) > 0,
        disconnect: connection => cut.push(connection),
      },
      authenticator,
      logger: silentLogger,
      onFailed: (_, thrown) => {
        throw thrown
      },
    })
    gate.reception = {
      isVoter: true,
      makeRoomFor: voterId => {
        if (voterId !== known) return false
        callers[0]!.connection.close()
        return true
      },
      arrived: connection => {
        const caller = { connection, heard: [] as Control[], closed: false }
        callers.push(caller)
        return {
          received: control => caller.heard.push(control),
          closed: () => {
            caller.closed = true
          },
        }
      },
    }
  }

  const refusedWith = (code: string) => {
    const { body } = sent.at(-1)!.control
    expect(body).toMatchObject({ case: "refuse", value: { code } })
    expect(cut).toEqual([sent.at(-1)!.connection])
    expect(gate.has(sent.at(-1)!.connection)).toBe(false)
  }

  beforeEach(() => build())

  it("hands on what a voter says, until it is gone", () => {
    gate.hello(1, "somewhere", hello())
    expect(callers[0]!.connection.remote).toBe("somewhere")
    const control = { body: { case: "vote", value: none } } as unknown as Control
    gate.received(1, control)
    expect(callers[0]!.heard).toEqual([control])
    gate.disconnected(1)
    expect(callers[0]!.closed).toBe(true)
    expect(callers[0]!.connection.send([none])).toBe(false)
  })

  it("asks who is granted to vote: a token alone is not enough", () => {
    const token = new TextEncoder().encode("sesame")
    build(tokenAuthenticator("sesame"))
    gate.hello(1, "", hello({ token }))
    refusedWith("Unauthorized")
    build(tokenAuthenticator("sesame", { voter: true }))
    gate.hello(2, "", hello())
    refusedWith("Unauthorized")
    build(tokenAuthenticator("sesame", { voter: true }))
    gate.hello(3, "", hello({ token }))
    expect(callers).toHaveLength(1)
  })

  it("takes nothing from one that is being decided on, and forgets one that goes meanwhile", async () => {
    let decide: (() => void) | undefined
    const verdict = new Promise<void>(resolve => {
      decide = resolve
    }).then(() => ({ allow: true, grants: { voter: true } }) as const)
    build({ authenticate: () => verdict })
    gate.hello(1, "", hello())
    gate.hello(2, "", hello())
    expect(gate.has(1)).toBe(true)
    gate.received(1, {} as Control)
    gate.disconnected(2)
    decide!()
    await verdict
    await Promise.resolve()
    expect(callers).toHaveLength(1)
    expect(callers[0]!.heard).toEqual([])
  })

  it("refuses when the authenticator fails, and when nobody votes here", () => {
    build({
      authenticate: () => {
        throw new Error("on purpose")
      },
    })
    gate.hello(1, "", hello())
    refusedWith("Unauthorized")
    build()
    gate.reception = undefined
    gate.hello(1, "", hello())
    refusedWith("Refused")
  })

  it("refuses what is no hello of ours", () => {
    gate.hello(1, "", hello({ version: 2 }))
    refusedWith("VersionMismatch")
    build()
    gate.hello(1, "", hello({ from: undefined as never }))
    refusedWith("BadJoin")
    build()
    gate.hello(1, "", hello())
    expect(() => gate.hello(1, "", hello())).toThrow(expect.objectContaining({ code: "BadFrame" }))
  })

  it("speaks with so many at once, and no more", () => {
    for (let n = 1; n <= voterConnectionsMax; n++) gate.hello(n, "", hello())
    gate.hello(voterConnectionsMax + 1, "", hello())
    refusedWith("Full")
    gate.disconnected(1)
    gate.hello(voterConnectionsMax + 2, "", hello())
    expect(callers).toHaveLength(voterConnectionsMax + 1)
  })

  it("takes one more in the place of a stranger if whoever votes here says so", () => {
    for (let n = 1; n <= voterConnectionsMax; n++) gate.hello(n, "", hello())
    const from = { voterId: endpointIdToBytes(known), name: "v", addresses: [], direct: true }
    gate.hello(voterConnectionsMax + 1, "", hello({ from } as unknown as Partial<VoterHello>))
    expect([sent, cut]).toEqual([[], [1]])
    expect([gate.has(1), gate.has(voterConnectionsMax + 1)]).toEqual([false, true])
  })

  it("sends nothing once it has ended", () => {
    gate.hello(1, "", hello())
    gate.end()
    callers[0]!.connection.close()
    expect(callers[0]!.connection.send([none])).toBe(false)
    expect(cut).toEqual([])
  })
})
