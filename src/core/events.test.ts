import { describe, expect, it } from "vitest"
import { Events } from "./events.ts"
import { RecordingLogger } from "./logger.ts"

type Event = { readonly type: "joined"; readonly who: string } | { readonly type: "left"; readonly code: number }

describe("Events", () => {
  it("calls listeners of the type, then those of every type, in the order they came", () => {
    const events = new Events<Event>()
    const heard: string[] = []
    events.on("*", event => heard.push(`any ${event.type}`))
    events.on("joined", event => heard.push(`first ${event.who}`))
    events.on("joined", event => heard.push(`second ${event.who}`))
    events.on("left", event => heard.push(`left ${event.code}`))
    events.emit({ type: "joined", who: "ada" })
    events.emit({ type: "left", code: 3 })
    expect(heard).toEqual(["first ada", "second ada", "any joined", "left 3", "any left"])
  })

  it("stops calling a listener that was taken off, even by another during the event", () => {
    const events = new Events<Event>()
    const heard: string[] = []
    const stop = events.on("left", () => heard.push("a"))
    events.on("left", () => stop())
    events.emit({ type: "left", code: 1 })
    stop()
    events.emit({ type: "left", code: 2 })
    expect(heard).toEqual(["a"])
  })

  it("calls a listener that was added during an event from the next one on", () => {
    const events = new Events<Event>()
    const heard: number[] = []
    const stop = events.on("left", () => {
      stop()
      events.on("left", event => heard.push(event.code))
    })
    events.emit({ type: "left", code: 1 })
    events.emit({ type: "left", code: 2 })
    expect(heard).toEqual([2])
  })

  it("reports a listener that throws, and calls the others", () => {
    const logger = new RecordingLogger()
    const events = new Events<Event>(logger)
    let heard = 0
    const thrown = new Error("bad listener")
    events.on("left", () => {
      throw thrown
    })
    events.on("left", () => heard++)
    events.on("*", () => heard++)
    events.emit({ type: "left", code: 1 })
    expect(heard).toBe(2)
    expect(logger.records).toEqual([{ level: "error", message: 'a listener of "left" threw', fields: { thrown } }])
  })

  it("knows whether anyone listens", () => {
    const events = new Events<Event>()
    expect(events.has("left")).toBe(false)
    const stop = events.on("left", () => {})
    expect([events.has("left"), events.has("joined")]).toEqual([true, false])
    stop()
    expect(events.has("left")).toBe(false)
    events.on("*", () => {})
    expect(events.has("joined")).toBe(true)
  })
})
