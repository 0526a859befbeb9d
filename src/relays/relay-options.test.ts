import { describe, expect, it } from "vitest"
import { ZmtpTransport } from "../transport/zmtp/index.ts"
import { readRelayOptions } from "./relay-options.ts"

describe("readRelayOptions", () => {
  it("fills in one thread a core but one, and ports as the system picks", () => {
    const { threads, ports } = readRelayOptions({}, {})
    expect(threads).toBeGreaterThanOrEqual(1)
    expect(ports).toEqual([])
  })

  it.each([
    [{ threads: 0 }, {}, "from 1 to 64"],
    [{ threads: 2, ports: [7701] }, {}, "as many ports as there are threads (2)"],
    [{ threads: 1, ports: [70_000] }, {}, "as many ports"],
    [{ module: "parts.js" }, {}, "absolute path"],
    [{}, { transport: new ZmtpTransport() }, "give relays.module"],
    [{}, { slow: { key: () => "" } }, "slow.key"],
    [{}, { clock: {} }, "clock is of this thread"],
    [{ data: () => 1 }, {}, "cannot be copied"],
    [4, {}, "relays is an object"],
  ])("refuses %j beside %o", (relays, around, why) => {
    expect(() => readRelayOptions(relays as never, around as never)).toThrow(why)
  })

  it("takes what a module makes in the threads", () => {
    const relays = { threads: 2, module: new URL("file:///srv/parts.js"), data: 1, ports: [7701, 7702] }
    expect(readRelayOptions(relays, { transport: new ZmtpTransport() })).toEqual({
      ...{ threads: 2, ports: [7701, 7702] },
      ...{ module: "file:///srv/parts.js", data: 1 },
    })
  })
})
