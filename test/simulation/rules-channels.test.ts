/** The halves of an endpoint's channel (decision 25): what stops, what goes on, in any order, whatever happens to the link. */
import { describe, expect, it } from "vitest"
import { SeededRandom } from "../../src/core/random.ts"
import { DocumentService } from "../../src/document/document-service.ts"
import { text } from "../../src/document/yjs/text.ts"
import type { Message } from "../../src/endpoint/index.ts"
import { World } from "../../src/testing/simulation/index.ts"

async function cluster(seed = 3) {
  const world = new World({ seed })
  const host = await world.until(world.host("hub"))
  const one = await world.until(world.join("one", "hub"))
  const two = await world.until(world.join("two", "hub"))
  return { world, host: host.endpoint!, one: one.endpoint!, two: two.endpoint! }
}

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => "done",
    thrown => (thrown as { code: string }).code,
  )

describe("A closed inbound channel", () => {
  it("keeps messages from handlers, and from the link; opened, it begins where it is", async () => {
    const { world, host, one, two } = await cluster()
    const got: unknown[] = []
    one.handle("t", message => void got.push(message.value))
    await world.until(one.handle("o", message => void got.push(message.value), { route: "ordered" }).ready)
    host.send("t", 1)
    await world.run(50)
    one.closeInbound()
    one.closeInbound()
    await world.run(50)
    const received = one.statistics.received
    for (let n = 0; n < 20; n++) {
      two.send("t", "unheard")
      host.send("o", "unheard", { route: "ordered" })
    }
    await world.until(code(two.sendTo(one.id, "t", "unheard")))
    expect(await world.until(code(two.request(one.id, "t", "unheard")))).toBe("NoHandler")
    await world.run(300)
    // The direct message, the request and what belongs to them came; none of the forty.
    expect(one.statistics.received - received).toBeLessThan(5)
    await world.until(one.openInbound())
    await one.openInbound()
    two.send("t", 2)
    host.send("o", 3, { route: "ordered" })
    await world.until(two.sendTo(one.id, "t", 4))
    await world.run(50)
    expect(got.sort()).toEqual([1, 2, 3, 4])
    expect(one.statistics.gaps).toBe(0)
  })

  it("at a host keeps what clients send from its handlers, and passes it on", async () => {
    const { world, host, one, two } = await cluster()
    const [atHost, atTwo]: unknown[][] = [[], []]
    host.handle("t", message => void atHost!.push(message.value))
    await world.until(two.handle("t", message => void atTwo!.push(message.value)).ready)
    host.closeInbound()
    await world.until(one.send("t", 1, { ack: "rooted" }))
    await world.until(host.openInbound())
    await world.until(one.send("t", 2, { ack: "rooted" }))
    expect(atHost).toEqual([2])
    await world.run(20)
    expect(atTwo).toEqual([1, 2])
  })

  it("lets documents and the answers to own requests in", async () => {
    const { world, host, one, two } = await cluster()
    const [ours, theirs] = [new DocumentService(host.documentPort), new DocumentService(one.documentPort)]
    const hosted = await world.until(ours.open("notes", text))
    const followed = await world.until(theirs.open("notes", text))
    two.handle("ask", message => Number(message.value) + 1)
    one.closeInbound()
    hosted.insert(0, "hello")
    expect(await world.until(one.request(two.id, "ask", 1))).toBe(2)
    await world.run(50)
    expect(followed.toString()).toBe("hello")
  })

  it("makes a handler added meanwhile wait for the opening, and one taken away never begin", async () => {
    const { world, host, one } = await cluster()
    const got: unknown[] = []
    one.closeInbound()
    const kept = one.handle("t", message => void got.push(message.value))
    const dropped = one.handle("t", () => void got.push("dropped"))
    let ready = false
    void kept.ready.then(() => {
      ready = true
    })
    await world.run(300)
    expect(ready).toBe(false)
    await dropped.close()
    expect(await code(dropped.ready)).toBe("Closed")
    await world.until(one.openInbound())
    expect(ready).toBe(true)
    host.send("t", 1)
    await world.run(20)
    expect(got).toEqual([1])
  })
})

describe("A closed outbound channel", () => {
  it("takes nothing new; what was taken before goes, and so do answers", async () => {
    const { world, host, one, two } = await cluster()
    const got: unknown[] = []
    host.handle("t", message => void got.push(message.value))
    one.handle("ask", message => Number(message.value) + 1)
    one.send("t", 1)
    const acknowledged = one.send("t", 2, { ack: "rooted" })
    one.closeOutbound()
    one.closeOutbound()
    expect(() => one.send("t", 3)).toThrow(expect.objectContaining({ code: "Closed" }))
    expect(await world.until(code(one.send("t", 3, { ack: "rooted" })))).toBe("Closed")
    expect(await world.until(code(one.sendTo(two.id, "t", 3)))).toBe("Closed")
    expect(await world.until(code(one.request(two.id, "t", 3)))).toBe("Closed")
    await world.until(acknowledged)
    expect(await world.until(two.request(one.id, "ask", 1))).toBe(2)
    one.openOutbound()
    one.openOutbound()
    await world.until(one.send("t", 4, { ack: "rooted" }))
    expect(got).toEqual([1, 2, 4])
  })

  it("holds back what documents write, though the link is lost meanwhile, and lets in what others write", async () => {
    const { world, host, one } = await cluster()
    const [ours, theirs] = [new DocumentService(host.documentPort), new DocumentService(one.documentPort)]
    const hosted = await world.until(ours.open("notes", text))
    const followed = await world.until(theirs.open("notes", text))
    hosted.insert(0, "a")
    await world.run(50)
    one.closeOutbound()
    followed.insert(1, "b")
    const acknowledged = code(followed.acknowledged("rooted"))
    let settled = ""
    void acknowledged.then(end => {
      settled = end
    })
    for (let times = 0; times < 2; times++) {
      await world.run(300)
      world.network.cut("hub", "one")
      await world.run(1000)
      hosted.insert(0, "c")
      await world.run(100)
    }
    expect(hosted.toString()).toBe("cca")
    expect(followed.toString()).toBe("ccab")
    expect(settled).toBe("")
    one.openOutbound()
    await world.run(300)
    expect(hosted.toString()).toBe("ccab")
    expect(settled).toBe("done")
  })
})

describe("Channels opened and closed in any order while links break", () => {
  /** Both writers say numbers on two topics; the reader turns its halves on and off. */
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "give no message twice or out of order, and all that was sent in the open: seed %i",
    async seed => {
      const { world, host, one: reader, two } = await cluster(seed)
      const random = new SeededRandom(seed)
      const got = new Map<string, number[]>()
      const take = (message: Message) => {
        const key = `${message.topic} ${message.origin}`
        got.set(key, [...(got.get(key) ?? []), message.value as number])
      }
      const handlings = [reader.handle("n", take), reader.handle("o", take, { route: "ordered" })]
      const sent: { readonly key: string; readonly n: number; readonly at: number }[] = []
      let n = 0
      const say = () => {
        n++
        for (const writer of [host, two]) {
          for (const [topic, route] of [
            ["n", "nearest"],
            ["o", "ordered"],
          ] as const)
            if (writer.send(topic, n, { route })) sent.push({ key: `${topic} ${writer.id}`, n, at: world.clock.now() })
        }
      }
      const [openings, own]: [{ from: number; to: number }[], number[]] = [[], []]
      host.handle("own", message => void own.push(message.value as number))
      let mine = 0
      const opened = (ready: Promise<unknown>) => {
        const opening = { from: Number.POSITIVE_INFINITY, to: Number.POSITIVE_INFINITY }
        openings.push(opening)
        void ready.then(() => {
          opening.from = world.clock.now()
        })
      }
      opened(Promise.all(handlings.map(handling => handling.ready)))
      let outbound = true
      for (let step = 0; step < 300; step++) {
        say()
        const chosen = random.below(40)
        if (chosen === 0) {
          reader.closeInbound()
          openings.at(-1)!.to = Math.min(openings.at(-1)!.to, world.clock.now())
        } else if (chosen === 1 && openings.at(-1)!.to !== Number.POSITIVE_INFINITY) opened(reader.openInbound())
        else if (chosen === 2) {
          reader.closeOutbound()
          outbound = false
        } else if (chosen === 3) {
          reader.openOutbound()
          outbound = true
        } else if (chosen === 4) world.network.cut("hub", "one")
        else if (outbound && reader.send("own", mine + 1)) mine++
        await world.run(random.below(30))
      }
      if (openings.at(-1)!.to !== Number.POSITIVE_INFINITY) opened(reader.openInbound())
      await world.run(3000)
      say()
      await world.run(1000)
      for (const numbers of got.values()) expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
      const end = world.clock.now()
      for (const { key, n: number, at } of sent) {
        // What is under way at the closing may be cut off; a second is plenty to repair and to come.
        if (openings.some(({ from, to }) => at > from && at + 1000 < Math.min(to, end + 1000)))
          expect(got.get(key), `${key} at ${at}`).toContain(number)
      }
      expect(own).toEqual(Array.from({ length: mine }, (_, i) => i + 1))
      expect(openings.length).toBeGreaterThan(1)
    },
  )
})
