import { describe, expect, it } from "vitest"
import { type Deferred, deferred } from "../core/deferred.ts"
import type { HandleOptions, Message } from "./api.ts"
import { Mailbox } from "./mailbox.ts"

/** A mailbox whose handler waits until told, and what became of each message. */
function mailbox(options: HandleOptions = {}) {
  const started: string[] = []
  const ended: string[] = []
  const failed: string[] = []
  const dropped: string[] = []
  const pending = new Map<string, Deferred<unknown>[]>()
  const box = new Mailbox(
    message => {
      started.push(nameOf(message))
      const wait = deferred<unknown>()
      pending.set(nameOf(message), [...(pending.get(nameOf(message)) ?? []), wait])
      return wait.promise
    },
    options,
    {
      failed: (message, error, attempt) => failed.push(`${nameOf(message)} ${String(error)} ${attempt}`),
      full: (topic, count) => dropped.push(`${topic} ${count}`),
      done: (message, result, error) => ended.push(`${nameOf(message)} ${error === undefined ? result : "failed"}`),
    },
  )
  const take = (name: string) => {
    const wait = pending.get(name)?.shift()
    if (wait === undefined) throw new Error(`${name} does not run`)
    return wait
  }
  return {
    box,
    started,
    ended,
    failed,
    dropped,
    put: (...names: string[]) => {
      for (const name of names) box.put(message(name))
    },
    finish: async (name: string) => {
      take(name).resolve("ok")
      await settled()
    },
    fail: async (name: string) => {
      take(name).reject("no")
      await settled()
    },
  }
}

/** "a1" is message 1 on topic a. */
const message = (name: string) => ({ topic: name[0]!, sequence: Number(name.slice(1)) }) as Message
const nameOf = (message: Message) => `${message.topic}${message.sequence}`

/** Promise chains of a few links have run. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await undefined
}

describe("A mailbox", () => {
  it("keeps the messages of one topic in order, one at a time; other topics do not wait for it", async () => {
    const { started, put, finish } = mailbox()
    put("a1", "a2", "b1", "a3")
    expect(started).toEqual(["a1", "b1"])
    await finish("a1")
    expect(started).toEqual(["a1", "b1", "a2"])
    await finish("a2")
    await finish("a3")
    expect(started).toEqual(["a1", "b1", "a2", "a3"])
  })

  it("calls a handler that needs no waiting straight away, in order, with no queue", () => {
    const got: string[] = []
    const box = new Mailbox(message => void got.push(nameOf(message)), {}, reports())
    for (const name of ["a1", "a2", "b1"]) box.put(message(name))
    expect(got).toEqual(["a1", "a2", "b1"])
    expect(box.waiting).toBe(0)
  })

  it("with order none runs as many at once as concurrency says, whatever their topic", async () => {
    const { started, put, finish } = mailbox({ order: "none", concurrency: 2 })
    put("a1", "a2", "a3", "b1")
    expect(started).toEqual(["a1", "a2"])
    await finish("a2")
    expect(started).toEqual(["a1", "a2", "a3"])
    await finish("a1")
    expect(started).toEqual(["a1", "a2", "a3", "b1"])
  })

  it("with a key function keeps order per key, and concurrency over all keys", async () => {
    const { started, put, finish } = mailbox({
      order: ({ sequence }) => (sequence % 2 === 0 ? "even" : "odd"),
      concurrency: 2,
    })
    put("a1", "b3", "a2", "a4", "c5")
    expect(started).toEqual(["a1", "a2"])
    await finish("a2")
    expect(started).toEqual(["a1", "a2", "a4"])
    await finish("a4")
    expect(started).toEqual(["a1", "a2", "a4"])
    await finish("a1")
    expect(started).toEqual(["a1", "a2", "a4", "b3"])
    await finish("b3")
    expect(started).toEqual(["a1", "a2", "a4", "b3", "c5"])
  })

  it("concurrency bounds topics too; the topic that waits longest goes first", async () => {
    const { started, put, finish } = mailbox({ concurrency: 1 })
    put("a1", "b1", "c1", "b2")
    expect(started).toEqual(["a1"])
    await finish("a1")
    expect(started).toEqual(["a1", "b1"])
    await finish("b1")
    await finish("c1")
    expect(started).toEqual(["a1", "b1", "c1", "b2"])
  })

  it("reports a failure, and goes on", async () => {
    const { started, failed, ended, put, fail, finish } = mailbox()
    put("a1", "a2")
    await fail("a1")
    expect(failed).toEqual(["a1 no 1"])
    expect(ended).toEqual(["a1 failed"])
    await finish("a2")
    expect(started).toEqual(["a1", "a2"])
    expect(ended).toEqual(["a1 failed", "a2 ok"])
  })

  it("tries a failed message again as often as asked, while it holds its key", async () => {
    const { started, failed, ended, put, fail, finish } = mailbox({ retries: 2 })
    put("a1", "a2")
    await fail("a1")
    await fail("a1")
    expect(started).toEqual(["a1", "a1", "a1"])
    await finish("a1")
    expect(failed).toEqual(["a1 no 1", "a1 no 2"])
    expect(ended).toEqual(["a1 ok"])
    for (let i = 0; i < 3; i++) await fail("a2")
    expect(ended).toEqual(["a1 ok", "a2 failed"])
    expect(started.length).toBe(6)
  })

  it("tries again a handler that throws before it returns a promise", async () => {
    let calls = 0
    const failures: number[] = []
    const box = new Mailbox(
      () => {
        if (++calls < 3) throw new Error("not yet")
        return "done"
      },
      { retries: 5 },
      { ...reports(), failed: (_message, _error, attempt) => failures.push(attempt) },
    )
    box.put(message("a1"))
    await box.idle()
    expect(calls).toBe(3)
    expect(failures).toEqual([1, 2])
  })

  it("when full drops the newest, says so, and ends it as Full", async () => {
    const { started, dropped, ended, put, finish } = mailbox({ mailbox: { messages: 2 } })
    put("a1", "a2", "a3", "a4", "b1", "b2")
    expect(dropped).toEqual(["a 1", "b 1"])
    expect(ended).toEqual(["a4 failed", "b2 failed"])
    for (const name of ["a1", "a2", "a3", "b1"]) await finish(name)
    expect(started).toEqual(["a1", "b1", "a2", "a3"])
  })

  it("or the oldest that waits under the same key", async () => {
    const { started, dropped, ended, put, finish } = mailbox({ mailbox: { messages: 2, whenFull: "dropOldest" } })
    put("a1", "a2", "a3", "a4", "b1", "b2")
    expect(dropped).toEqual(["a 1", "b 1"])
    // Nothing of b waited, so its new one had to go.
    expect(ended).toEqual(["a2 failed", "b2 failed"])
    for (const name of ["a1", "a3", "a4", "b1"]) await finish(name)
    expect(started).toEqual(["a1", "b1", "a3", "a4"])
  })

  it("takes a key function that throws for a failure of that message only", async () => {
    const { started, failed, ended, put } = mailbox({
      order: ({ sequence }) => {
        if (sequence === 2) throw new Error("no key")
        return "k"
      },
    })
    put("a2", "a1")
    expect(failed).toEqual(["a2 Error: no key 1"])
    expect(ended).toEqual(["a2 failed"])
    expect(started).toEqual(["a1"])
  })

  it("is idle when nothing runs and nothing waits", async () => {
    const { box, put, finish } = mailbox()
    await box.idle()
    put("a1", "a2")
    let idle = false
    const done = box.idle().then(() => {
      idle = true
    })
    await finish("a1")
    expect(idle).toBe(false)
    await finish("a2")
    await done
    expect(idle).toBe(true)
  })

  it("keeps no memory of keys that are done", async () => {
    const { box, put, finish } = mailbox({ order: ({ sequence }) => String(sequence) })
    for (let n = 1; n <= 100; n++) {
      put(`a${n}`)
      await finish(`a${n}`)
    }
    expect(box.keys).toBe(0)
  })
})

function reports() {
  return { failed: () => {}, full: () => {}, done: () => {} }
}
