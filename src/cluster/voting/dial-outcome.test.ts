/** What a failed dial proves: only the system's own refusal, at every address that was tried. */
import { createServer } from "node:net"
import { describe, expect, it } from "vitest"
import { systemClock } from "../../core/clock.ts"
import { ZincError } from "../../core/errors.ts"
import { MemoryCarrier, TcpCarrier, ZmtpTransport } from "../../transport/zmtp/index.ts"
import { causeOfFailedDial, outcomeOfFailedDial } from "./dial-outcome.ts"

const system = (code: string) => Object.assign(new Error(code), { code })

describe("causeOfFailedDial", () => {
  it("is the system's word, else what was said", () => {
    expect(causeOfFailedDial(new ZincError("Unreachable", "x", { cause: system("ENOTFOUND") }))).toBe("ENOTFOUND")
    const both = Object.assign(new Error(), { errors: [system("ECONNREFUSED"), system("ETIMEDOUT")] })
    expect(causeOfFailedDial(both)).toBe("ECONNREFUSED")
    expect(causeOfFailedDial(new ZincError("HandshakeFailed", "it speaks HTTP"))).toBe("it speaks HTTP")
  })
})

describe("outcomeOfFailedDial", () => {
  it("takes nothing but ECONNREFUSED for a refusal", () => {
    expect(outcomeOfFailedDial(new ZincError("Unreachable", "x", { cause: system("ECONNREFUSED") }))).toBe("refused")
    for (const code of ["ECONNRESET", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT", "ENOENT", "EACCES"])
      expect(outcomeOfFailedDial(new ZincError("Unreachable", "x", { cause: system(code) }))).toBe("failed")
    expect(outcomeOfFailedDial(new ZincError("Aborted", "x"))).toBe("failed")
    expect(outcomeOfFailedDial(undefined)).toBe("failed")
  })

  it("wants each address of a name to refuse", () => {
    const all = (...codes: string[]) =>
      outcomeOfFailedDial(
        new ZincError("Unreachable", "x", { cause: Object.assign(new Error(), { errors: codes.map(system) }) }),
      )
    expect(all("ECONNREFUSED", "ECONNREFUSED")).toBe("refused")
    expect(all("ECONNREFUSED", "ETIMEDOUT")).toBe("failed")
  })

  it("does not follow causes for ever", () => {
    const circle = new ZincError("Unreachable", "x") as ZincError & { cause: unknown }
    Object.defineProperty(circle, "cause", { value: circle })
    expect(outcomeOfFailedDial(circle)).toBe("failed")
  })

  it("knows that nobody listens within a process", async () => {
    const transport = new ZmtpTransport({ carriers: [new MemoryCarrier(systemClock)] })
    const dialled = transport
      .dealer({ onBatch: () => {} })
      .connect("inproc://nobody", { signal: new AbortController().signal })
    expect(await dialled.then(() => "open", outcomeOfFailedDial)).toBe("refused")
  })

  it("knows a real refusal from a real connection that is cut", async () => {
    const transport = new ZmtpTransport({ carriers: [new TcpCarrier()] })
    const server = createServer(socket => socket.destroy())
    const port = await new Promise<number>(resolve =>
      server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port)),
    )
    const dial = () =>
      transport
        .dealer({ onBatch: () => {} })
        .connect(`tcp://127.0.0.1:${port}`, { signal: new AbortController().signal })
        .then(() => "open", outcomeOfFailedDial)
    expect(await dial()).toBe("failed")
    await new Promise(resolve => server.close(resolve))
    expect(await dial()).toBe("refused")
  })
})
