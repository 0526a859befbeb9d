import { once } from "node:events"
import { describe, expect, it } from "vitest"
import { ownSockets } from "../../../../test/own-sockets.ts"
import { RecordingLogger } from "../../../core/logger.ts"
import { examine } from "../../../zmtp/mechanism/authenticator.ts"
import { type PatternSocket, Pub, Pull, Push, SteerableProxy, Sub } from "../index.ts"

const own = ownSockets()

describe("listeners of a socket", () => {
  it("one that throws is a warning of the process where there is no logger", async () => {
    const warned = once(process, "warning")
    const pull = own(new Pull())
    pull.events.on("listening", () => {
      throw new Error("a slip of this listener alone")
    })
    await pull.bind("inproc://listeners-warned")
    const [warning] = (await warned) as [Error]
    expect(warning).toMatchObject({ name: "ZincWarning", message: expect.stringContaining("a slip of this listener") })
  })

  it("and an error in the log where there is one", async () => {
    const logger = new RecordingLogger()
    const pull = own(new Pull({ logger }))
    pull.events.on("listening", () => {
      throw new Error("a slip")
    })
    await pull.bind("inproc://listeners-logged")
    expect(logger.records.map(one => one.level)).toEqual(["error"])
  })

  it("one of a type that there is not is refused", () => {
    const pull = own(new Pull())
    const refused = expect.objectContaining({
      code: "BadOption",
      message: expect.stringMatching(/no event "conected"; there are listening, .*connected/),
    })
    expect(() => pull.events.on("conected" as "connected", () => {})).toThrow(refused)
    pull.events.on("*", () => {})
  })
})

describe("pairs that pass nothing", () => {
  it("a proxy refuses sockets of which neither hears what the other may send", () => {
    const pairs: [PatternSocket, PatternSocket][] = [
      [own(new Push()), own(new Pub())],
      [own(new Pub()), own(new Pub())],
      [own(new Pull()), own(new Sub())],
    ]
    for (const [front, back] of pairs)
      expect(() => new SteerableProxy(front, back)).toThrow(expect.objectContaining({ code: "BadOption" }))
    new SteerableProxy(own(new Pull()), own(new Pub()))
  })
})

describe("an authenticator", () => {
  it("that forgets to answer refuses, and its log says what it must return", () => {
    const step = examine(
      { authenticator: (() => undefined) as never, domain: "", remote: "tcp://127.0.0.1:1" },
      { mechanism: "NULL" },
      () => ({ type: "wait" }),
    )
    expect(step).toMatchObject({
      type: "failed",
      error: { code: "Unauthorized", message: expect.stringContaining("must return { status") },
    })
  })
})
