import { describe, expect, it } from "vitest"
import { asSeenFrom, bounded, type Candidate, candidatesMax, Lineage } from "./lineage.ts"

const candidate = (n: number, addresses: readonly string[] = [`sim://m${n}`]): Candidate => ({
  endpointId: new Uint8Array(16).fill(n),
  name: `m${n}`,
  addresses,
  voterId: new Uint8Array(0),
})

describe("asSeenFrom", () => {
  it("takes what is local to another machine for that machine's", () => {
    expect(asSeenFrom("tcp://127.0.0.1:7701", "tcp://10.0.0.5:40312")).toBe("tcp://10.0.0.5:7701")
    expect(asSeenFrom("tcp://[::1]:7701", "tcp://[fd00::5]:40312")).toBe("tcp://[fd00::5]:7701")
    expect(asSeenFrom("tcp://*:7701", "tcp://10.0.0.5:40312")).toBe("tcp://10.0.0.5:7701")
    expect(asSeenFrom("ws://0.0.0.0:7701/zinc", "tcp://10.0.0.5:40312")).toBe("ws://10.0.0.5:7701/zinc")
    expect(asSeenFrom("tcp://*:7701", "")).toBe("tcp://127.0.0.1:7701")
    expect(asSeenFrom("tcp://localhost:1", "tcp://[::ffff:10.0.0.5]:2")).toBe("tcp://10.0.0.5:1")
  })

  it("leaves everything else as it is", () => {
    expect(asSeenFrom("tcp://127.0.0.1:7701", "tcp://127.0.0.1:40312")).toBe("tcp://127.0.0.1:7701")
    expect(asSeenFrom("tcp://10.0.0.9:7701", "tcp://10.0.0.5:40312")).toBe("tcp://10.0.0.9:7701")
    expect(asSeenFrom("ipc:///run/zinc", "tcp://10.0.0.5:1")).toBe("ipc:///run/zinc")
    expect(asSeenFrom("tcp://nonsense", "tcp://10.0.0.5:1")).toBe("tcp://nonsense")
    expect(asSeenFrom("tcp://127.0.0.1:7701", "")).toBe("tcp://127.0.0.1:7701")
  })
})

describe("bounded", () => {
  it("keeps sixteen candidates with eight addresses of at most 256 octets, and none with half an id", () => {
    const many = Array.from({ length: 40 }, (_, n) => candidate(n))
    expect(bounded(many, "sim://hub")).toHaveLength(candidatesMax)
    const addresses = ["x".repeat(300), ...Array.from({ length: 20 }, (_, n) => `sim://m${n}`)]
    expect(bounded([candidate(1, addresses)], "sim://hub")[0]!.addresses).toEqual(addresses.slice(1, 9))
    expect(bounded([{ ...candidate(1), endpointId: new Uint8Array(5) }], "sim://hub")).toEqual([])
  })
})

describe("Lineage", () => {
  it("tells of news only", () => {
    const lineage = new Lineage()
    let told = 0
    lineage.onChanged(() => told++)
    const lists = { ancestors: [candidate(1)], succession: [candidate(2), candidate(3)], voters: [] }
    lineage.learn(lists, "sim://hub")
    lineage.learn(lists, "sim://hub")
    expect(told).toBe(1)
    lineage.learn({ ...lists, succession: [candidate(3), candidate(2)] }, "sim://hub")
    expect([told, lineage.succession.map(({ name }) => name)]).toEqual([2, ["m3", "m2"]])
  })
})
