import { afterEach, describe, expect, it } from "vitest"
import type { Awareness } from "y-protocols/awareness"
import { equalBytes } from "./core/bytes.ts"
import { type TextDocument, text } from "./document/yjs/text.ts"
import { yjs } from "./document/yjs/yjs.ts"
import { Endpoint } from "./zinc.ts"

const open: Endpoint[] = []
afterEach(async () => {
  for (const endpoint of open.splice(0).reverse()) await endpoint.close()
})

async function host(): Promise<Endpoint> {
  const endpoint = await Endpoint.host({ listen: "tcp://127.0.0.1:0" })
  open.push(endpoint)
  return endpoint
}
async function join(to: Endpoint): Promise<Endpoint> {
  const endpoint = await Endpoint.join(to.addresses[0]!)
  open.push(endpoint)
  return endpoint
}

/** Resolves when the documents are equal; fails by the test's own time-out otherwise, saying what they are. */
async function equal(...documents: TextDocument[]): Promise<void> {
  const same = () => documents.every(document => equalBytes(document.version(), documents[0]!.version()))
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not equal: ${documents.join(" | ")}`)), 20_000)
    const look = () => {
      if (!same()) return
      clearTimeout(timer)
      for (const stop of stops) stop()
      resolve()
    }
    const stops = documents.map(document => document.on("change", look))
    look()
  })
}

describe("Endpoint", () => {
  it("opens a document at host and clients, over tcp, that all edit", async () => {
    const hub = await host()
    const [a, b] = [await join(hub), await join(hub)]
    const documents = await Promise.all([hub, a, b].map(endpoint => endpoint.document("notes", text)))
    for (const [i, document] of documents.entries()) document.insert(0, `${i} `)
    await Promise.all(documents.map(document => document.acknowledged("rooted")))
    await equal(...documents)
    expect(documents[0]!.length).toBe(6)
    expect(hub.documents).toMatchObject([{ name: "notes", type: "text", state: "synchronized" }])
  })

  it("hands over a whole Y.Doc for an editor to bind", async () => {
    const hub = await host()
    const a = await join(hub)
    const [mine, theirs] = await Promise.all([hub.document("board", yjs), a.document("board", yjs)])
    const seen = new Promise(resolve => mine.doc.getMap("m").observe(event => resolve([...event.keysChanged])))
    theirs.doc.getMap("m").set("x", 1)
    expect(await seen).toEqual(["x"])
  })

  it("shows who is present in a document, over tcp, until they leave", async () => {
    const hub = await host()
    const [a, b] = [await join(hub), await join(hub)]
    const documents = await Promise.all([hub, a, b].map(endpoint => endpoint.document("notes", text)))
    const all = documents.map((document, i) => {
      document.awareness.setLocalState({ name: "hab"[i] })
      return document.awareness
    })
    const shows = (awareness: Awareness, names: string) =>
      new Promise<void>(resolve => {
        const look = () => {
          const shown = [...awareness.getStates().values()].map(state => String(state.name)).sort()
          if (shown.join("") !== names) return
          awareness.off("change", look)
          resolve()
        }
        awareness.on("change", look)
        look()
      })
    await Promise.all(all.map(each => shows(each, "abh")))
    const late = await (await join(hub)).document("notes", text)
    late.awareness.setLocalState({ name: "z" })
    await Promise.all([...all, late.awareness].map(each => shows(each, "abhz")))
    await a.close()
    await Promise.all([all[0]!, all[2]!, late.awareness].map(each => shows(each, "bhz")))
    await documents[2]!.close()
    await Promise.all([all[0]!, late.awareness].map(each => shows(each, "hz")))
  })

  it("closes documents with itself, handing on what is pending", async () => {
    const hub = await host()
    const a = await join(hub)
    const [mine, theirs] = await Promise.all([hub.document("notes", text), a.document("notes", text)])
    theirs.insert(0, "last words")
    const heard = new Promise<void>(resolve => mine.on("change", () => resolve()))
    await a.close()
    await heard
    expect(mine.toString()).toBe("last words")
    expect(theirs.state).toBe("closed")
    expect(() => theirs.insert(0, "x")).toThrow(expect.objectContaining({ code: "Closed" }))
    await expect(a.document("notes", text)).rejects.toMatchObject({ code: "Closed" })
  })

  it("gives the reason when the host knows no such type", async () => {
    const hub = await host()
    const a = await join(hub)
    await expect(a.document("x", { ...text, name: "verse" })).rejects.toMatchObject({
      code: "Unsupported",
      message: expect.stringContaining("verse"),
    })
  })

  it("refuses at once what a slip of the keyboard makes of its arguments", async () => {
    const hub = await host()
    const slips: readonly [string, string, () => unknown][] = [
      ["an event that is none", "BadOption", () => hub.on("join" as "joined", () => {})],
      ["no handler", "BadOption", () => hub.handle("x", undefined as never)],
      ["a handler that is a name", "BadOption", () => hub.handle("x", "print" as never)],
      ["a module by a relative path", "BadOption", () => hub.handle("x", { module: "./task.js" })],
      ["half a thread", "BadOption", () => hub.handle("x", { module: "/task.js", threads: 0.5 })],
      ["an order that is none", "BadOption", () => hub.handle("x", () => {}, { order: "key" as "topic" })],
      ["no topic to send to", "BadTopic", () => hub.send(undefined as never, 1)],
      ["no topic to handle", "BadTopic", () => hub.handle(undefined as never, () => {})],
    ]
    for (const [slip, code, make] of slips) expect(make, slip).toThrow(expect.objectContaining({ code }))
  })

  it("warns the process of a handler that fails while nobody listens, but not when the asker is told", async () => {
    const hub = await host()
    const a = await join(hub)
    const warnings: Error[] = []
    const heard = new Promise<void>(resolve => {
      const listener = (warning: Error) => {
        if (warning.name !== "ZincWarning") return
        warnings.push(warning)
        if (!warning.message.includes("last")) return
        process.off("warning", listener)
        resolve()
      }
      process.on("warning", listener)
    })
    const fail = (words: string) => () => {
      throw new Error(words)
    }
    hub.handle("asked", fail("the asker knows"))
    hub.handle("first", fail("a slip"))
    hub.handle("last", fail("another"))
    await expect(a.request(hub.id, "asked", null)).rejects.toMatchObject({ code: "HandlerFailed" })
    for (const topic of ["first", "first", "last"]) await a.send(topic, null, { ack: "rooted" })
    await heard
    expect(warnings.map(each => each.message)).toEqual([
      'a handler of "first" failed: Error: a slip',
      'a handler of "last" failed: Error: another',
    ])
  })

  it("refuses slips in arguments at the call, with a code", async () => {
    const at = await host()
    const me = await join(at)
    const notes = await me.document("notes", text)
    const slip = <T>(value: unknown): T => value as T
    const circle: Record<string, unknown> = {}
    circle["self"] = circle
    for (const call of [
      () => me.send("a", 1, slip(null)),
      () => me.send("a", 1, { codec: slip(null) }),
      () => me.send("a", 1, { codec: slip({ number: 200 }) }),
      () => me.on("gap", slip(7)),
      () => notes.on("change", slip(undefined)),
      () => notes.observe(slip({})),
      () => notes.transact(slip(undefined)),
      () => notes.insert(0, "x", slip({ mark: circle })),
      () => notes.format(0, 0, slip({ mark: 1n })),
      () => notes.applyDelta(slip(3)),
      () => notes.applyDelta(slip(["x"])),
      () => notes.applyDelta(slip([{ insert: "x", attributes: { mark: circle } }])),
    ]) {
      expect(call).toThrow(expect.objectContaining({ code: "BadOption" }))
    }
    for (const call of [
      () => me.send("a", 1, { ack: "rooted", signal: slip<AbortSignal>({}) }),
      () => me.request(at.id, "a", 1, { signal: slip("now") }),
      () => me.request(slip(null), "a", 1),
      () => me.flushed(slip(null)),
      () => me.document("other", text, { signal: slip(1) }),
      () => me.close(slip(null)),
      () => Endpoint.join(at.addresses[0]!, { transport: slip({}) }),
      () => Endpoint.join(at.addresses[0]!, { signal: slip(true) }),
      () => Endpoint.host({ listen: "tcp://127.0.0.1:0", codecs: slip({}) }),
    ]) {
      await expect(Promise.resolve().then<unknown>(call)).rejects.toMatchObject({ code: "BadOption" })
    }
    notes.insert(0, "still here")
    await equal(notes, await at.document("notes", text))
  })

  it("stops a document that holds what cannot be written, and nothing else", async () => {
    const at = await host()
    const me = await join(at)
    const board = await me.document("board", yjs)
    const stopped = new Promise(resolve => board.on("refused", resolve))
    const circle: Record<string, unknown> = {}
    circle["self"] = circle
    board.doc.getMap("m").set("circle", circle)
    expect(await stopped).toMatchObject({ code: "BadPayload" })
    await expect(board.acknowledged()).rejects.toMatchObject({ code: "BadPayload" })
    const notes = await me.document("notes", text)
    notes.insert(0, "still here")
    await equal(notes, await at.document("notes", text))
  })
})
