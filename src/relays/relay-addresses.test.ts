import { describe, expect, it } from "vitest"
import { hostDials, relayListens } from "./relay-addresses.ts"

describe("Relays of a host's own", () => {
  it("listen as it does, at ports of their own", () => {
    const listen = ["tcp://*:7700", "tcp://10.0.0.1:7700", "ipc:///run/zinc.sock", "ws://*:8080/tree", "inproc://hub"]
    expect(relayListens(listen, 2)).toEqual([
      "tcp://*:0",
      "tcp://10.0.0.1:0",
      "ipc:///run/zinc.sock.2",
      "ws://*:0/tree",
    ])
  })

  it("take a port that is given for the first address of TCP", () => {
    expect(relayListens(["ws://*:80/", "tcp://*:7700", "tcp://[::1]:7700"], 1, 7701)).toEqual([
      "ws://*:0/",
      "tcp://*:7701",
      "tcp://[::1]:0",
    ])
  })

  it("find it by the shortest way from the same machine", () => {
    const bound = [
      "tcp://0.0.0.0:7700",
      "tcp://[::]:7701",
      "tcp://10.0.0.1:7702",
      "ipc:///run/zinc.sock",
      "inproc://hub",
    ]
    expect(hostDials(bound)).toEqual([
      "ipc:///run/zinc.sock",
      "tcp://127.0.0.1:7700",
      "tcp://[::1]:7701",
      "tcp://10.0.0.1:7702",
    ])
  })
})
