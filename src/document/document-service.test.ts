import { describe, expect, it } from "vitest"
import * as Y from "yjs"
import { type NetworkOptions, PortNetwork } from "../../test/document/port-network.ts"
import { equalBytes } from "../core/bytes.ts"
import { TopicKind } from "../message/topic.ts"
import { MemoryStorage } from "../storage/memory/memory-storage.ts"
import {
  DocumentSyncReplySchema,
  DocumentSyncRequestSchema,
  DocumentTopic,
  decodeMessage,
  encodeMessage,
  fragmentFrame,
} from "./document-message.ts"
import { type DocumentOptions, DocumentService } from "./document-service.ts"
import { type TextDocument, text } from "./yjs/text.ts"
import { yjs } from "./yjs/yjs.ts"

/** A host and clients, each with its documents. */
async function cluster(clients: number, options: Partial<NetworkOptions> & DocumentOptions = {}) {
  const network = new PortNetwork({ seed: 1, ...options })
  const { clock } = network
  const idleStorage = new MemoryStorage()
  let host = new DocumentService(network.host, { idleStorage, ...options })
  const members = Array.from({ length: clients }, () => {
    const port = network.client()
    port.up()
    return { port, service: new DocumentService(port, options) }
  })
  return {
    network,
    clock,
    members,
    get host() {
      return host
    },
    restartHost(hostOptions: DocumentOptions = options) {
      host.abort()
      network.restartHost()
      host = new DocumentService(network.host, { idleStorage: new MemoryStorage(), ...hostOptions })
      for (const member of members) member.port.up()
    },
    /** Opens the text everywhere, the host's first. */
    async openText(name = "notes"): Promise<TextDocument[]> {
      const opening = Promise.all([host, ...members.map(member => member.service)].map(each => each.open(name, text)))
      await clock.run(1_000)
      return opening
    },
  }
}

/** What a promise came to by now. */
async function outcome<T>(promise: Promise<T>): Promise<{ value?: T; code?: string; pending?: true }> {
  return Promise.race([
    promise.then(
      value => ({ value }),
      error => ({ code: error.code as string }),
    ),
    new Promise<{ pending: true }>(resolve => setImmediate(() => resolve({ pending: true }))),
  ])
}

function expectEqual(...documents: TextDocument[]): void {
  for (const document of documents) {
    expect(document.toString()).toBe(documents[0]!.toString())
    expect(equalBytes(document.version(), documents[0]!.version())).toBe(true)
  }
}

describe("DocumentService", () => {
  it("opens a document at the root at once, and brings it to whoever opens it", async () => {
    const { host, members, clock } = await cluster(1)
    const mine = await host.open("notes", text)
    mine.insert(0, "hello")
    const opening = members[0]!.service.open("notes", text)
    await clock.run(200)
    const theirs = await opening
    expect(theirs.toString()).toBe("hello")
    expect(theirs.synchronized).toBe(true)
    expectEqual(mine, theirs)
  })

  it("carries edits from everyone to everyone", async () => {
    const { openText, clock } = await cluster(3)
    const documents = await openText()
    for (const [i, document] of documents.entries()) document.insert(0, `${i}`)
    await clock.run(200)
    expect([...documents[0]!.toString()].sort().join("")).toBe("0123")
    expectEqual(...documents)
  })

  it("sends all edits of a tick as one frame, and applies them as one change", async () => {
    const { openText, clock, network, members } = await cluster(2)
    const [, writer, reader] = await openText()
    const before = members[0]!.service.documents[0]!.statistics.framesSent
    let changes = 0
    reader!.on("change", () => changes++)
    for (let i = 0; i < 64; i++) writer!.insert(i, "x")
    await clock.run(200)
    expect(members[0]!.service.documents[0]!.statistics.framesSent - before).toBe(1)
    expect(changes).toBe(1)
    expect(network.frames).toBeGreaterThan(0)
    expect(reader!.length).toBe(64)
  })

  it("waits for the outbound channel without asking, and then sends all of it as one frame", async () => {
    const { openText, clock, members } = await cluster(2)
    const [hosted, writer, reader] = await openText()
    const { port, service } = members[0]!
    const [sync] = service.documents
    port.closeOutbound()
    let publishes = 0
    const publish = port.publish.bind(port)
    port.publish = (...given) => {
      publishes++
      return publish(...given)
    }
    const before = sync!.statistics.framesSent
    for (let i = 0; i < 50; i++) {
      writer!.insert(i, "x")
      await clock.run(100)
    }
    expect(publishes).toBe(0)
    reader!.insert(0, "there ")
    await clock.run(200)
    expect(writer!.toString()).toContain("there ")
    expect(hosted!.toString()).toBe("there ")
    port.openOutbound()
    await clock.run(200)
    expect(sync!.statistics.framesSent - before).toBe(1)
    expectEqual(hosted!, writer!, reader!)
  })

  it("holds back what is too large for a frame while the outbound channel is closed", async () => {
    const { openText, clock, members } = await cluster(2)
    const [hosted, writer, reader] = await openText()
    const { port } = members[0]!
    port.closeOutbound()
    writer!.insert(0, "x".repeat(5_000_000))
    await clock.run(1_000)
    port.down()
    port.up()
    hosted!.insert(0, "y")
    await clock.run(2_000)
    expect(hosted!.toString()).toBe("y")
    expect(writer!.length).toBe(5_000_001)
    port.openOutbound()
    await clock.run(2_000)
    expectEqual(hosted!, writer!, reader!)
  })

  it("tells local from remote changes", async () => {
    const { openText, clock } = await cluster(1)
    const [a, b] = await openText()
    const heard: string[] = []
    b!.observe(change => heard.push(`${change.source} ${JSON.stringify(change.delta)}`))
    a!.insert(0, "a")
    await clock.run(100)
    b!.insert(1, "b")
    expect(heard).toEqual(['remote [{"insert":"a"}]', 'local [{"retain":1},{"insert":"b"}]'])
  })

  it("keeps what was edited without a link, on both sides, and exchanges it when there is one", async () => {
    const { openText, clock, members } = await cluster(2)
    const [host, a, b] = await openText()
    host!.insert(0, "base ")
    await clock.run(200)
    members[0]!.port.down()
    expect(a!.state).toBe("offline")
    a!.insert(0, "offline ")
    b!.delete(0, 4)
    b!.insert(0, "online")
    await clock.run(500)
    expect(b!.toString()).toBe("online ")
    members[0]!.port.up()
    await clock.run(500)
    expect(a!.synchronized).toBe(true)
    expect(a!.toString()).toContain("offline")
    expectEqual(host!, a!, b!)
  })

  it("repairs a difference that consists of deletions only", async () => {
    const { openText, clock, members } = await cluster(2)
    const [host, a, b] = await openText()
    host!.insert(0, "0123456789")
    await clock.run(200)
    members[0]!.port.down()
    a!.delete(2, 3)
    members[1]!.port.down()
    b!.delete(8, 1)
    expect(equalBytes(a!.version(), b!.version())).toBe(false)
    members[0]!.port.up()
    members[1]!.port.up()
    await clock.run(500)
    expect(host!.toString()).toBe("015679")
    expectEqual(host!, a!, b!)
  })

  it("finds and repairs a difference that nobody was told of, once the document is quiet", async () => {
    const { openText, clock, network } = await cluster(2)
    const [host, a, b] = await openText()
    network.faults.loss = 1
    network.faults.told = false
    host!.insert(0, "from the host ")
    a!.insert(0, "from a client ")
    await clock.run(100)
    expect(b!.length).toBe(0)
    network.faults.loss = 0
    await clock.run(5_000)
    expect(b!.length).toBe(28)
    expectEqual(host!, a!, b!)
  })

  it("refuses what is no fragment, counts it, and goes on", async () => {
    const { openText, clock, network, members } = await cluster(2)
    const [host, a, b] = await openText()
    const hostile = network.client()
    hostile.up()
    hostile.publish(TopicKind.Document, "notes", new Uint8Array([1, 255, 255, 255, 255]))
    hostile.publish(TopicKind.Document, "notes", new Uint8Array([9, 1, 2]))
    hostile.publish(TopicKind.Document, "notes", new Uint8Array([2, 255]))
    hostile.publish(TopicKind.Document, "notes", new Uint8Array(0))
    a!.insert(0, "fine")
    await clock.run(500)
    expect(host!.toString()).toBe("fine")
    expectEqual(host!, a!, b!)
    expect(members[1]!.service.documents[0]!.statistics.fragmentsRefused).toBeGreaterThanOrEqual(3)
  })

  it("takes nothing more into a document that is past its limit", async () => {
    const { openText, clock } = await cluster(2, { maxDocumentBytes: 10_000 })
    const [host, a, b] = await openText()
    a!.insert(0, "x".repeat(8_000))
    await clock.run(500)
    expect(host!.length).toBe(8_000)
    a!.insert(0, "y".repeat(4_000))
    await clock.run(500)
    b!.insert(0, "z".repeat(100))
    await clock.run(5_000)
    expect(host!.length).toBe(12_000)
    expect(b!.state).toBe("refused")
    await expect(b!.acknowledged()).rejects.toMatchObject({ code: "TooLarge" })
  })

  it("keeps documents in storage, and opens them from there", async () => {
    const storage = new MemoryStorage()
    const it = await cluster(1, { storage })
    const [host] = await it.openText()
    host!.insert(0, "kept")
    await it.clock.run(5_000)
    it.restartHost()
    await it.host.open("other", text)
    const again = await it.host.open("notes", text)
    expect(again.toString()).toBe("kept")
    await expect(it.host.open("notes", yjs)).rejects.toMatchObject({ code: "TypeMismatch" })
    again.insert(0, "also ")
    await it.host.close()
    const last = new DocumentService(it.network.host, { storage })
    expect((await last.open("notes", text)).toString()).toBe("also kept")
  })

  it("brings a large document in pieces, and gives a large one in pieces", async () => {
    const { host, members, clock, network } = await cluster(2)
    const mine = await host.open("big", text)
    mine.insert(0, "x".repeat(1_500_000))
    const opening = members[0]!.service.open("big", text)
    await clock.run(2_000)
    const theirs = await opening
    expect(theirs.length).toBe(1_500_000)
    expect(network.asks).toBeGreaterThan(6)
    members[0]!.port.down()
    theirs.insert(0, "y".repeat(2_500_000))
    members[0]!.port.up()
    await clock.run(5_000)
    expect(mine.length).toBe(4_000_000)
    expectEqual(mine, theirs)
  })

  it("carries a change larger than one frame while linked, from a client and from the host", async () => {
    const { openText, clock } = await cluster(2)
    const documents = await openText()
    documents[1]!.insert(0, "c".repeat(1_200_000))
    await clock.run(5_000)
    documents[0]!.insert(0, "h".repeat(1_200_000))
    await clock.run(5_000)
    expect(documents[2]!.length).toBe(2_400_000)
    expectEqual(...documents)
  })

  it("encodes a state once for a storm of joiners, even while it is edited", async () => {
    const { host, members, clock } = await cluster(60)
    const mine = await host.open("notes", text)
    mine.insert(0, "z".repeat(700_000))
    const editing = clock.every(3, () => mine.insert(mine.length, "!"))
    const opening = Promise.all(members.map(member => member.service.open("notes", text)))
    await clock.run(1_500)
    editing.cancel()
    const all = await opening
    await clock.run(3_000)
    expect(mine.length).toBeGreaterThan(700_100)
    expect(host.documents[0]!.statistics.encodings).toBe(1)
    expectEqual(mine, ...all)
  })

  it("recovers everything a living client has when the host starts anew, asking one at a time", async () => {
    const it = await cluster(5)
    const documents = await it.openText()
    for (const document of documents) document.insert(0, "word ")
    await it.clock.run(500)
    const before = documents[1]!.toString()
    it.restartHost()
    await it.clock.run(3_000)
    const again = await it.host.open("notes", text)
    expect(again.toString()).toBe(before)
    expectEqual(again, ...documents.slice(1))
    documents[2]!.insert(0, "and on ")
    await it.clock.run(500)
    expectEqual(again, ...documents.slice(1))
  })

  it("acknowledges when the root has it, also what was edited offline", async () => {
    const { openText, clock, members, network } = await cluster(1)
    const [host, a] = await openText()
    a!.insert(0, "one")
    const first = a!.acknowledged("rooted")
    expect(await outcome(first)).toEqual({ pending: true })
    await clock.run(100)
    expect(await outcome(first)).toEqual({ value: undefined })
    expect(host!.toString()).toBe("one")
    members[0]!.port.down()
    a!.insert(0, "two")
    const second = a!.acknowledged()
    await clock.run(1_000)
    expect(await outcome(second)).toEqual({ pending: true })
    members[0]!.port.up()
    await clock.run(500)
    expect(await outcome(second)).toEqual({ value: undefined })
    expect(host!.toString()).toBe("twoone")
    expect(network.host.id).not.toBe(a!.name)
  })

  it("refuses `durable` where nothing outlives the process", async () => {
    const { openText } = await cluster(1, { storage: new MemoryStorage() })
    const [host, a] = await openText()
    await expect(host!.acknowledged("durable")).rejects.toMatchObject({ code: "Unsupported" })
    await expect(a!.acknowledged("durable")).rejects.toMatchObject({ code: "Unsupported" })
  })

  it("goes on gathering while there is no room, as one small fragment", async () => {
    const { openText, clock, members } = await cluster(1, { window: 1, delayMs: [40, 41] })
    const [host, a] = await openText()
    const before = members[0]!.service.documents[0]!.statistics.framesSent
    const typing = clock.every(1, () => a!.insert(a!.length, "k"))
    await clock.run(1_000)
    typing.cancel()
    await clock.run(500)
    const frames = members[0]!.service.documents[0]!.statistics.framesSent - before
    expect(frames).toBeGreaterThan(5)
    expect(frames).toBeLessThan(60)
    expect(host!.length).toBeGreaterThan(900)
    expectEqual(host!, a!)
  })

  it("has eight frames on their way at most, and gathers what is edited beyond them", async () => {
    const { openText, clock, members } = await cluster(1, { delayMs: [200, 201] })
    const [host, a] = await openText()
    const before = members[0]!.service.documents[0]!.statistics.framesSent
    const typing = clock.every(1, () => a!.insert(a!.length, "k"))
    await clock.run(2_000)
    typing.cancel()
    await clock.run(2_000)
    const frames = members[0]!.service.documents[0]!.statistics.framesSent - before
    expect(frames).toBeGreaterThanOrEqual(40)
    expect(frames).toBeLessThan(100)
    expectEqual(host!, a!)
    expect(host!.length).toBeGreaterThan(1_990)
  })

  it("shares one copy between openings of a name, and lets it go with the last", async () => {
    const { members, clock } = await cluster(1)
    const { service } = members[0]!
    const opening = Promise.all([service.open("notes", text), service.open("notes", text)])
    await clock.run(200)
    const [one, two] = await opening
    one.insert(0, "shared")
    expect(two.toString()).toBe("shared")
    await one.close()
    expect(one.state).toBe("closed")
    expect(() => one.insert(0, "x")).toThrow(expect.objectContaining({ code: "Closed" }))
    two.insert(0, "still ")
    expect(service.documents).toHaveLength(1)
    const closing = two.close()
    await clock.run(200)
    await closing
    expect(service.documents).toHaveLength(0)
    const again = service.open("notes", text)
    await clock.run(200)
    expect((await again).toString()).toBe("still shared")
  })

  it("names what is wrong with a type, a name, or a number", async () => {
    const { host, members, clock } = await cluster(1, { maxDocuments: 2 })
    await host.open("notes", text)
    const { service } = members[0]!
    const wrongType = service.open("notes", yjs)
    const unknown = service.open("poem", { ...text, name: "sonnet" })
    await Promise.all([
      expect(wrongType).rejects.toMatchObject({ code: "TypeMismatch", message: expect.stringContaining('"text"') }),
      expect(unknown).rejects.toMatchObject({ code: "Unsupported", message: expect.stringContaining("sonnet") }),
      clock.run(300),
    ])
    expect(service.documents).toHaveLength(0)
    await expect(host.open("notes", yjs)).rejects.toMatchObject({ code: "TypeMismatch" })
    await expect(host.open("", text)).rejects.toMatchObject({ code: "BadTopic" })
    await expect(host.open("a*", text)).rejects.toMatchObject({ code: "BadTopic" })
    await expect(host.open("x".repeat(300), text)).rejects.toMatchObject({ code: "BadTopic" })
    await expect(host.open("n", { ...text })).rejects.toMatchObject({ code: "TypeMismatch" })
    await host.open("second", text)
    await expect(host.open("third", text)).rejects.toMatchObject({ code: "Full" })
    expect(() => new DocumentService(members[0]!.port, { maxDocuments: 0 })).toThrow(
      expect.objectContaining({ code: "BadOption" }),
    )
  })

  describe("what nobody has open", () => {
    it("is let go after a while, and is the same when it is opened again", async () => {
      const { host, members, clock } = await cluster(2, { keepIdleMs: 10_000 })
      const opening = Promise.all(members.map(member => member.service.open("notes", text)))
      await clock.run(200)
      const [a, b] = await opening
      a!.insert(0, "kept 😀")
      await clock.run(200)
      const version = a!.version()
      const close = (document: TextDocument) => Promise.all([document.close(), clock.run(200)])
      await close(a!)
      await clock.run(30_000)
      expect(host.documents).toHaveLength(1)
      await close(b!)
      await clock.run(9_000)
      expect(host.documents).toHaveLength(1)
      await clock.run(3_000)
      expect(host.documents).toHaveLength(0)
      const again = members[0]!.service.open("notes", text)
      await clock.run(200)
      expect((await again).toString()).toBe("kept 😀")
      expect(equalBytes((await again).version(), version)).toBe(true)
      await expect(host.open("notes", yjs)).rejects.toMatchObject({ code: "TypeMismatch" })
    })

    it("leaves no trace when it was never written to", async () => {
      const { host, members, clock } = await cluster(1, { keepIdleMs: 1_000 })
      const opening = members[0]!.service.open("notes", text)
      await clock.run(200)
      await (await opening).close()
      await clock.run(5_000)
      expect(host.documents).toHaveLength(0)
      expect((await host.open("notes", yjs)).state).toBe("synchronized")
    })

    it("is let go when its last follower is gone, and by the host's own user", async () => {
      const { host, members, clock, network } = await cluster(1, { keepIdleMs: 1_000 })
      const mine = await host.open("mine", text)
      mine.insert(0, "mine")
      await mine.close()
      const opening = members[0]!.service.open("theirs", text)
      await clock.run(200)
      ;(await opening).insert(0, "theirs")
      await clock.run(3_000)
      expect(host.documents.map(sync => sync.name)).toEqual(["theirs"])
      members[0]!.port.down()
      network.host.gone(members[0]!.port.id)
      await clock.run(3_000)
      expect(host.documents).toHaveLength(0)
      expect((await host.open("mine", text)).toString()).toBe("mine")
      expect((await host.open("theirs", text)).toString()).toBe("theirs")
    })

    it("is opened again for a fragment that was on its way", async () => {
      const { host, members, clock } = await cluster(2, { keepIdleMs: 1_000 })
      const opening = members[0]!.service.open("notes", text)
      await clock.run(200)
      const notes = await opening
      notes.insert(0, "early")
      await clock.run(200)
      const doc = new Y.Doc()
      Y.applyUpdate(doc, members[0]!.service.documents[0]!.replica.state())
      doc.getText("text").insert(5, ", late")
      await Promise.all([notes.close(), clock.run(200)])
      await clock.run(3_000)
      expect(host.documents).toHaveLength(0)
      const { port } = members[0]!
      port.publish(TopicKind.Document, "notes", fragmentFrame(Y.encodeStateAsUpdate(doc)))
      port.publish(TopicKind.Document, "unheard of", fragmentFrame(Y.encodeStateAsUpdate(doc)))
      await clock.run(100)
      expect(host.documents.map(sync => sync.name)).toEqual(["notes"])
      await clock.run(5_000)
      expect(host.documents).toHaveLength(0)
      expect((await host.open("notes", text)).toString()).toBe("early, late")
    })

    it("makes room first when there are as many as may be", async () => {
      const { host, members, clock } = await cluster(1, { maxDocuments: 3 })
      const { service } = members[0]!
      const host1 = await host.open("one", text)
      host1.insert(0, "one")
      await host1.close()
      await clock.run(10)
      await (await host.open("two", text)).close()
      await host.open("three", text)
      await host.open("four", text)
      expect(host.documents.map(sync => sync.name)).toEqual(["two", "three", "four"])
      const opening = service.open("one", text)
      await clock.run(500)
      expect((await opening).toString()).toBe("one")
      expect(host.documents.map(sync => sync.name)).toEqual(["three", "four", "one"])
      const fifth = service.open("five", text)
      fifth.catch(() => {})
      await clock.run(1_000)
      expect(await outcome(fifth)).toEqual({ code: "Full" })
    })

    it("stays open as long as it cannot be saved", async () => {
      const storage = new MemoryStorage({ maxBytes: 1_000 })
      const { host, clock } = await cluster(0, { storage, keepIdleMs: 1_000, maxDocuments: 2 })
      const [large, small] = [await host.open("large", text), await host.open("small", text)]
      large.insert(0, "x".repeat(2_000))
      small.insert(0, "small")
      await Promise.all([large.close(), small.close()])
      await clock.run(20_000)
      expect(host.documents.map(sync => sync.name)).toEqual(["large"])
      await host.open("other", text)
      await expect(host.open("more", text)).rejects.toMatchObject({ code: "Full", retryable: true })
      expect((await host.open("large", text)).length).toBe(2_000)
    })
  })

  it("lets one client have its share of documents, and others theirs", async () => {
    const { host, members, clock } = await cluster(2, { maxDocumentsPerClient: 2 })
    const [greedy, other] = [members[0]!.service, members[1]!.service]
    const opening = Promise.all([greedy.open("a", text), greedy.open("b", text)])
    await clock.run(200)
    const [a] = await opening
    const third = greedy.open("c", text)
    const [refused] = await Promise.all([
      third.then(
        () => undefined,
        (error: Error) => error,
      ),
      clock.run(500),
    ])
    expect(refused).toMatchObject({ code: "Full", message: expect.stringContaining("maxDocumentsPerClient") })
    expect(host.documents).toHaveLength(2)
    const theirs = other.open("c", text)
    await Promise.all([a.close(), clock.run(200)])
    expect((await theirs).synchronized).toBe(true)
    const again = greedy.open("c", text)
    await clock.run(200)
    expect((await again).synchronized).toBe(true)
  })

  it("bounds what one client's differences cost, and not those of others", async () => {
    const { host, members, clock } = await cluster(2)
    const mine = await host.open("notes", text)
    mine.insert(0, "x".repeat(100))
    const refusals = async (member: number, versions: readonly number[]) => {
      const asking = versions.map(n =>
        members[member]!.port.ask(
          DocumentTopic.Sync,
          encodeMessage(DocumentSyncRequestSchema, {
            name: "notes",
            type: "text",
            version: new Uint8Array([...writtenU32(n), 0, 0, 0, 0, 0]),
          }),
        ),
      )
      await clock.run(50)
      const replies = await Promise.all(asking)
      return replies.flatMap(reply => decodeMessage(DocumentSyncReplySchema, reply).refusal ?? [])
    }
    const from = (first: number) => Array.from({ length: 5_000 }, (_, i) => first + i)
    const refused = await refusals(0, from(1))
    expect(refused.length).toBeGreaterThan(900)
    expect(refused.length).toBeLessThan(1_100)
    expect(refused[0]!.code).toBe("Full")
    expect(refused[0]!.retryAfterMs).toBeGreaterThanOrEqual(100)
    expect((await refusals(0, from(10_001))).length).toBeGreaterThan(4_900)
    // What was encoded for somebody costs nothing; others have an account of their own.
    expect(await refusals(1, [9])).toEqual([])
    expect(await refusals(0, Array(5_000).fill(9))).toEqual([])
    await clock.run(60_000)
    expect((await refusals(0, from(20_001))).length).toBeLessThan(1_100)
  })
})

function writtenU32(value: number): Uint8Array {
  return new Uint8Array([value >>> 24, value >>> 16, value >>> 8, value])
}
