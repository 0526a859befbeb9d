import { describe, expect, it } from "vitest"
import { deferred } from "./deferred.ts"
import { ZincError } from "./errors.ts"
import { Lifecycle } from "./lifecycle.ts"

describe("Lifecycle", () => {
  it("goes from opening to open to closing to closed", async () => {
    const life = new Lifecycle("thing")
    const work = deferred()
    const states = [life.state]
    life.opened()
    states.push(life.state)
    const closing = life.close(() => work.promise)
    states.push(life.state)
    work.resolve()
    await closing
    states.push(life.state)
    expect(states).toEqual(["opening", "open", "closing", "closed"])
    expect(await life.closed).toEqual({ requested: true })
  })

  it("runs the work of closing once, however often it is called", async () => {
    const life = new Lifecycle("thing")
    const work = deferred()
    let runs = 0
    const close = () =>
      life.close(() => {
        runs++
        return work.promise
      })
    const all = [close(), close(), close()]
    work.resolve()
    await Promise.all([...all, close()])
    expect(runs).toBe(1)
  })

  it("is closed even when the work throws, and tells who closed it", async () => {
    const life = new Lifecycle("thing")
    await expect(life.close(() => Promise.reject(new Error("disk on fire")))).rejects.toThrow("disk on fire")
    expect(life.state).toBe("closed")
    expect(await life.closed).toEqual({ requested: true })
  })

  it("keeps the first reason", async () => {
    const life = new Lifecycle("thing")
    const error = new ZincError("PeerLost", "the host is gone")
    life.finished({ requested: false, error })
    life.finished({ requested: true })
    await life.close(() => {
      throw new Error("must not run")
    })
    expect(await life.closed).toEqual({ requested: false, error })
  })

  it("keeps the reason of whoever finishes it while it closes", async () => {
    const life = new Lifecycle("thing")
    const work = deferred()
    const closing = life.close(() => work.promise)
    const error = new ZincError("Aborted", "now")
    life.finished({ requested: false, error })
    work.resolve()
    await closing
    expect((await life.closed).error).toBe(error)
  })

  it("does not open again once it is closing", () => {
    const life = new Lifecycle("thing")
    void life.close(() => new Promise(() => {}))
    life.opened()
    expect(life.state).toBe("closing")
  })

  it("throws Closed, naming the thing and its state, unless it is open", () => {
    const life = new Lifecycle("endpoint hub")
    const closed = expect.objectContaining({
      code: "Closed",
      message: expect.stringContaining("endpoint hub is opening"),
    })
    expect(() => life.assertOpen()).toThrow(closed)
    life.assertOpen(true)
    life.opened()
    life.assertOpen()
    life.finished({ requested: true })
    expect(() => life.assertOpen(true)).toThrow(expect.objectContaining({ code: "Closed" }))
  })
})
