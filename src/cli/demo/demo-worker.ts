/** One process of `zinc demo`: the host, or a client that writes. */
import { ZincError } from "../../core/index.ts"
import { Endpoint, type TextDocument, text } from "../../index.ts"
import { crowdedJoinMs, serveCommand } from "../fleet.ts"
import { answerPeers } from "../peer-list.ts"
import { reportState } from "../replay/replica-state.ts"
import { openTransport } from "../transport-choice.ts"
import { Author } from "./author.ts"
import { demoDocument } from "./cast.ts"
import type { FromDemoWorker, ToDemoWorker } from "./demo-message.ts"
import { blankStory, paragraphs } from "./story.ts"

type Say = (message: FromDemoWorker) => void

const pulseMs = 150
const beatMs = 100
const turnMs = 20
/** Most latencies told in one pulse. */
const latenciesMax = 200

let endpoint: Endpoint | undefined
let document: TextDocument | undefined
let author: Author | undefined
let latencies: number[] = []

serveCommand<ToDemoWorker, FromDemoWorker>(async (message, say) => {
  switch (message.type) {
    case "host":
      endpoint = await Endpoint.host({
        name: message.name,
        listen: message.listen,
        transport: await openTransport("zmtp"),
      })
      answerPeers(endpoint)
      reportPeers(endpoint, say)
      document = await endpoint.document(demoDocument, text)
      document.insert(0, blankStory)
      await begin(endpoint, document, say)
      say({ type: "hosting", addresses: endpoint.addresses })
      return
    case "join":
      endpoint = await Endpoint.join(message.address, {
        name: message.name,
        transport: await openTransport(message.transport),
        joinTimeoutMs: crowdedJoinMs,
      })
      document = await endpoint.document(demoDocument, text)
      await begin(endpoint, document, say)
      say({ type: "joined" })
      return
    case "write":
      author = new Author(opened(), paragraphs, message.paragraphs)
      write(author, message.editsPerSecond, say)
      return
    case "compare":
      reportState(opened(), state => say({ type: "state", state }))
      return
    case "close":
      await document?.close()
      await endpoint?.close({ timeoutMs: 2_000 })
      process.exit(0)
  }
})

function opened(): TextDocument {
  if (document === undefined) throw new ZincError("Internal", "told to work before being told to open")
  return document
}

/** Beats measure the way of a message between any two processes: all read one monotonic clock of the machine. */
async function begin(me: Endpoint, shared: TextDocument, say: Say): Promise<void> {
  const beats = me.handle(beatTopic, ({ value }) => {
    const sent = (value as { us?: unknown } | null)?.us
    if (typeof sent === "number" && latencies.length < latenciesMax) latencies.push((microseconds() - sent) / 1_000)
  })
  await beats.ready
  setInterval(() => {
    if (me.state === "open") me.send(beatTopic, { us: microseconds() })
  }, beatMs)
  setInterval(() => {
    say({
      type: "pulse",
      pulse: { edits: author?.edits ?? 0, length: shared.length, peers: me.peers.length, latencies },
    })
    latencies = []
  }, pulseMs)
}

const beatTopic = "demo.beat"

function microseconds(): number {
  return Number(process.hrtime.bigint() / 1_000n)
}

function reportPeers(host: Endpoint, say: Say): void {
  host.on("joined", ({ peer, resumed }) =>
    say({ type: "peer", name: peer.name, change: resumed ? "back" : "joined", reason: "" }),
  )
  host.on("left", ({ peer, reason }) => say({ type: "peer", name: peer.name, change: "left", reason }))
}

/** Keeps the rate whatever the timer does: what was missed is made up for in the next turn. */
function write(writer: Author, editsPerSecond: number, say: Say): void {
  const begun = performance.now()
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - begun) / 1_000) * editsPerSecond) - writer.edits
    // After a long pause a burst is enough; the story need not be finished in one stroke.
    writer.write(Math.min(due, editsPerSecond))
    if (!writer.finished) return
    clearInterval(timer)
    say({ type: "finished", edits: writer.edits })
  }, turnMs)
}
