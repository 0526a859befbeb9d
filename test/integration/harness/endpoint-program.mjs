// An endpoint in a process of its own, as a user's program would be, run from dist/. Its first argument says what to
// open, as JSON; then it obeys lines of JSON on standard input, answers each with one line, and writes one line for
// each event of the endpoint. endpoint-process.ts drives it.
import { createInterface } from "node:readline"
import { setTimeout as pause, setImmediate as turn } from "node:timers/promises"
import { Endpoint, text, tokenAuthenticator } from "../../../dist/index.js"

const given = JSON.parse(process.argv[2])

function say(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

/** Monotonic for the whole machine, so that processes on it may compare. */
function nowUs() {
  return Number(process.hrtime.bigint() / 1000n)
}

async function transport() {
  if (given.transport === "native") {
    const { NativeTransport } = await import("../../../dist/transport/native/index.js")
    return NativeTransport.open()
  }
  const { ZmtpTransport } = await import("../../../dist/transport/zmtp/index.js")
  if (given.curve === undefined) return new ZmtpTransport()
  const { curveClient, curveServer } = await import("../../../dist/zmtp/index.js")
  const { secretKey, serverKey } = given.curve
  return new ZmtpTransport({
    security: { listen: curveServer({ secretKey }), dial: curveClient({ secretKey, serverKey }) },
  })
}

/** Payloads: number (u32), time of sending in µs (f64), then padding. */
const leastBytes = 12
function payloadOf(n, bytes) {
  const payload = new Uint8Array(Math.max(leastBytes, bytes))
  const view = new DataView(payload.buffer)
  view.setUint32(0, n)
  view.setFloat64(4, nowUs())
  return payload
}

let endpoint
/** What came, by topic and origin. */
const streams = new Map()
const waiting = new Set()
/** What came on ordered topics, less what was told to be void: [topic, number, origin, n]. */
let orders = []
let delays = []
const writers = new Map()

function streamOf(topic, origin) {
  const key = `${topic} ${origin}`
  let stream = streams.get(key)
  if (stream === undefined) {
    stream = { topic, origin, first: undefined, last: 0, count: 0, again: 0, holes: [] }
    streams.set(key, stream)
  }
  return stream
}

function onMessage(message, timed) {
  const { payload } = message
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  const n = view.getUint32(0)
  const stream = streamOf(message.topic, message.origin)
  if (message.order !== undefined) orders.push([message.topic, message.order.number, message.origin, n])
  stream.first ??= n
  stream.count++
  if (n <= stream.last) stream.again++
  else {
    if (stream.last > 0 && n > stream.last + 1 && stream.holes.length < 1000)
      stream.holes.push([stream.last + 1, n - 1])
    stream.last = n
  }
  if (timed && delays.length < 1_000_000) delays.push(nowUs() - view.getFloat64(4))
  for (const wait of waiting) if (wait.stream === stream && stream.last >= wait.n) wait.done()
}

/** Sends `perSecond` numbers a second on a topic, `count` of them or until told to stop; waits for room when refused. */
class Writer {
  constructor({ topic, perSecond, bytes = 0, count = Number.POSITIVE_INFINITY, route, ack }) {
    this.n = 0
    this.refused = 0
    this.rooted = 0
    this.ack = ack
    this.reached = []
    this.topic = topic
    this.perSecond = perSecond
    this.bytes = bytes
    this.count = count
    this.route = route
    this.waitsForRoom = false
    this.ended = new Promise(resolve => {
      this.end = resolve
    })
    this.startedUs = nowUs()
    this.timer = setInterval(() => this.tick(), Math.max(1, Math.min(10, 1000 / perSecond)))
  }
  tick() {
    if (this.waitsForRoom) return
    const now = nowUs()
    // A process that was stopped, or that a busy machine did not let run, does not make up for the time it slept.
    const slept = now - this.tickedUs - 50_000
    if (slept > 0) this.startedUs += slept
    this.tickedUs = now
    const due = Math.min(this.count, Math.ceil(((now - this.startedUs) / 1e6) * this.perSecond))
    while (this.n < due) {
      const options = { codec: "raw", ...(this.route === undefined ? {} : { route: this.route }) }
      if (this.ack) {
        const n = ++this.n
        endpoint.send(this.topic, payloadOf(n, this.bytes), { ...options, ack: "rooted" }).then(
          () => {
            this.rooted = Math.max(this.rooted, n)
          },
          error => {
            // A part of the tree without a majority of the voters does not take it.
            if (error.code === "NoAuthority") this.refused++
          },
        )
        continue
      }
      if (!endpoint.send(this.topic, payloadOf(this.n + 1, this.bytes), options)) {
        this.refused++
        this.waitsForRoom = true
        endpoint.drained().then(() => {
          this.waitsForRoom = false
        })
        return
      }
      this.n++
    }
    this.reached = this.reached.filter(({ n, resolve }) => {
      if (this.n < n) return true
      resolve()
      return false
    })
    if (this.n >= this.count) this.stop()
  }
  stop() {
    clearInterval(this.timer)
    this.end()
    return this.report()
  }
  report() {
    return { sent: this.n, refused: this.refused, rooted: this.rooted }
  }
}

/**
 * Types into a document: marks `<tag n>` put in between others at places by chance, and every fifth taken out again two
 * marks later. So each edit can be told from the text.
 */
class Editor {
  constructor(document, { tag, perSecond }) {
    this.document = document
    this.tag = tag
    this.n = 0
    this.timer = setInterval(() => this.edit(), 1000 / perSecond)
  }
  edit() {
    const content = this.document.toString()
    const at = content.indexOf("<", Math.floor(Math.random() * content.length))
    this.document.insert(at < 0 ? content.length : at, `<${this.tag} ${++this.n}>`)
    if (this.n % 5 !== 0) return
    const gone = `<${this.tag} ${this.n - 2}>`
    const start = this.document.toString().indexOf(gone)
    if (start >= 0) this.document.delete(start, gone.length)
  }
  stop() {
    clearInterval(this.timer)
    return { edits: this.n }
  }
}
const documents = new Map()
const editors = new Map()

function hexOf(bytes) {
  return Buffer.from(bytes).toString("hex")
}

function percentile(sorted, share) {
  return sorted.length === 0 ? 0 : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
}

const commands = {
  async handle({ topic, timed = true }) {
    await endpoint.handle(topic, message => onMessage(message, timed)).ready
    return {}
  },
  /** Begins to write; answers at once. */
  write(what) {
    writers.set(what.topic, new Writer(what))
    return {}
  },
  /** Waits until a writer with a count has sent them all. */
  async written({ topic }) {
    const writer = writers.get(topic)
    await writer.ended
    return writer.report()
  },
  /** Waits until a writer has sent `n`, or `more` than now. */
  async reached({ topic, n, more }) {
    const writer = writers.get(topic)
    await new Promise(resolve => writer.reached.push({ n: n ?? writer.n + more, resolve }))
    return writer.report()
  },
  writing({ topic }) {
    return writers.get(topic).report()
  },
  stop({ topic }) {
    return writers.get(topic).stop()
  },
  async flushed() {
    await endpoint.flushed()
    return {}
  },
  /** Waits until `n` of that origin has come on the topic. */
  until({ topic, origin, n }) {
    const stream = streamOf(topic, origin)
    if (stream.last >= n) return stream
    return new Promise(resolve => {
      const wait = {
        stream,
        n,
        done() {
          waiting.delete(wait)
          resolve(stream)
        },
      }
      waiting.add(wait)
    })
  },
  report() {
    const { statistics, peers, state, role } = endpoint
    return { state, role, statistics, peers, streams: [...streams.values()] }
  },
  orders({ topic }) {
    return { orders: orders.filter(([of]) => of === topic).map(([, ...rest]) => rest) }
  },
  /** How long messages took since the last call, in µs. */
  delays() {
    const sorted = delays.sort((a, b) => a - b)
    delays = []
    return {
      count: sorted.length,
      p50: percentile(sorted, 0.5),
      p99: percentile(sorted, 0.99),
      max: percentile(sorted, 1),
    }
  },
  /** What the process holds after collection, in octets. */
  async memory() {
    for (let i = 0; i < 3; i++) {
      globalThis.gc()
      await turn()
    }
    const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage()
    return { rss, heapUsed, external, arrayBuffers, held: heapUsed + external }
  },
  async request({ target, topic, value, options }) {
    return { value: await endpoint.request(target, topic, value, options) }
  },
  async openDocument({ name }) {
    const document = await endpoint.document(name, text)
    documents.set(name, document)
    document.on("state", ({ state }) => say({ event: "documentState", name, state }))
    return {}
  },
  /** Writes that at the end of the text. */
  append({ name, content }) {
    const document = documents.get(name)
    document.insert(document.length, content)
    return {}
  },
  async closeDocument({ name }) {
    await documents.get(name).close()
    documents.delete(name)
    return {}
  },
  /** Waits until so many hosts vote, as far as is known there. */
  async voters({ count }) {
    while (endpoint.rootRecord?.voters.length !== count) await pause(5)
    return {}
  },
  /** Waits until the endpoint keeps the document by itself, as its host has it. */
  async kept({ name }) {
    while (!endpoint.documents.some(each => each.name === name && each.state === "synchronized")) await pause(5)
    return {}
  },
  edit({ name, ...what }) {
    editors.set(name, new Editor(documents.get(name), what))
    return {}
  },
  stopEditing({ name }) {
    return editors.get(name).stop()
  },
  /** Waits until that many marks of the tag are in the text. */
  marks({ name, tag, count }) {
    const document = documents.get(name)
    const enough = () => document.toString().split(`<${tag} `).length > count
    return changed(document, enough, () => ({}))
  },
  async acknowledged({ name, tier }) {
    await documents.get(name).acknowledged(tier)
    return {}
  },
  document({ name }) {
    const document = documents.get(name)
    return { text: document.toString(), version: hexOf(document.version()), state: document.state }
  },
  /** Waits until the document is another version than that, or in another state. */
  otherThan({ name, version, state }) {
    const document = documents.get(name)
    const isOther = () => document.state !== state || hexOf(document.version()) !== version
    return changed(document, isOther, () => ({}))
  },
  async close() {
    for (const editor of editors.values()) editor.stop()
    for (const writer of writers.values()) writer.stop()
    await endpoint.close()
    return {}
  },
}

/** Resolves when the condition holds, looked at after each event of the document. */
function changed(document, condition, answer) {
  if (condition()) return answer()
  return new Promise(resolve => {
    const off = document.on("*", () => {
      if (!condition()) return
      off()
      resolve(answer())
    })
  })
}

function plain(event) {
  const { error } = event
  return error === undefined ? event : { ...event, error: { code: error.code, message: String(error.message) } }
}

try {
  const options = { ...given.options, transport: await transport() }
  if (given.role === "host") {
    if (given.token !== undefined) options.authenticator = tokenAuthenticator(given.token)
    endpoint = await Endpoint.host({ ...options, listen: given.address })
  } else endpoint = await Endpoint.join(given.address, options)
} catch (error) {
  say({ event: "failed", code: error.code, message: error.message })
  process.exit(1)
}
endpoint.on("diverged", ({ topic, from, through }) => {
  orders = orders.filter(([of, number]) => of !== topic || number < from || number > through)
})
endpoint.on("*", event => say({ event: event.type, ...plain(event) }))
endpoint.closed.then(reason =>
  say({ event: "closed", requested: reason.requested, code: reason.error?.code, message: reason.error?.message }),
)
say({ event: "open", id: endpoint.id, addresses: endpoint.addresses })

createInterface({ input: process.stdin })
  .on("line", async line => {
    const { call, do: name, ...what } = JSON.parse(line)
    try {
      say({ call, ...(await commands[name](what)) })
    } catch (error) {
      say({ call, error: { code: error.code, message: String(error.message) } })
    }
  })
  .on("close", () => process.exit(0))
