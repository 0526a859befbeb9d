// One endpoint of a tree in chaos, from dist/. Its argument says what to open and what to do all day, as JSON. It writes
// its history down, an entry a line and each before what it says is done, into a file that survives `kill -9`; it says
// what it has come to on standard output, and obeys commands on standard input.
import { openSync, writeSync } from "node:fs"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import { Endpoint, text } from "../../dist/index.js"

const { life, history, join, host, transport, workload } = JSON.parse(process.argv[2])
const file = openSync(history, "a")

function note(entry) {
  writeSync(file, `${JSON.stringify({ t: Number(process.hrtime.bigint() / 1000n), life, ...entry })}\n`)
}
function say(what, more = {}) {
  process.stdout.write(`${JSON.stringify({ what, ...more })}\n`)
}

const endpoint = await open()
note({ e: "open", id: endpoint.id, role: endpoint.role })
endpoint.on("*", heard)
endpoint.closed.then(({ requested, error }) => {
  if (!requested) say("ended", { code: error?.code, message: error?.message })
})

// ---- messages ----

const sent = new Map()
for (const pattern of workload.follows) {
  note({ e: "follow", pattern })
  endpoint
    .handle(pattern, ({ topic, origin, sequence, order, value }) =>
      note({ e: "got", pattern, topic, origin, sequence, from: value.o, n: value.n, ...(order && { order }) }),
    )
    .ready.then(
      () => note({ e: "ready", pattern }),
      error => note({ e: "ready", pattern, code: error.code }),
    )
}

/** As in the simulator: with no room nothing is sent, and the number is used again. */
function send(topic, isAcknowledged = false) {
  const n = (sent.get(topic) ?? 0) + 1
  note({ e: "send", topic, n, ack: isAcknowledged })
  const value = { o: life, n }
  const route = topic.startsWith("o.") ? "ordered" : "nearest"
  const before = endpoint.statistics.sent
  const unwanted = new AbortController()
  let outcome
  try {
    if (!isAcknowledged) endpoint.send(topic, value, { route })
    else outcome = endpoint.send(topic, value, { route, ack: workload.acks[route], signal: unwanted.signal })
  } catch {
    // Refused: a minority may not order.
  }
  if (endpoint.statistics.sent === before) {
    unwanted.abort()
    outcome?.catch(() => {})
    note({ e: "unsent", topic, n })
    return
  }
  sent.set(topic, n)
  outcome?.then(
    () => note({ e: "acked", topic, n }),
    error => note({ e: "acked", topic, n, code: error.code ?? String(error) }),
  )
}

const acting = setInterval(() => {
  const topic = workload.topics[Math.floor(Math.random() * workload.topics.length)]
  send(topic, Math.random() < workload.acknowledged)
}, workload.everyMs)

// ---- documents ----

const documents = []
for (const name of workload.documents) documents.push({ name, document: await endpoint.document(name, text), made: 0 })
let turn = 0
const marking = setInterval(() => {
  if (documents.length === 0) return
  const each = documents[turn++ % documents.length]
  const n = ++each.made
  note({ e: "mark", document: each.name, n })
  const content = each.document.toString()
  const at = content.indexOf("<", Math.floor(Math.random() * content.length))
  each.document.insert(at < 0 ? content.length : at, `<${life} ${n}>`)
  each.document.acknowledged("rooted").then(
    () => note({ e: "marked", document: each.name, n }),
    () => {},
  )
}, workload.markEveryMs)

// ---- what it is told ----

const commands = {
  stop() {
    clearInterval(acting)
    clearInterval(marking)
  },
  /** Sends once more on every topic, so that whatever is missing before it shows. */
  words() {
    for (const topic of workload.topics) send(topic)
  },
  /** How it stands now. */
  state() {
    say("state", {
      id: endpoint.id,
      role: endpoint.role,
      linked: endpoint.role === "host" || endpoint.peers.some(each => each.role === "host"),
      path: endpoint.path,
      members: endpoint.members.length,
      documents: documents.map(({ document }) => document.toString()),
      statistics: endpoint.statistics,
    })
  },
  /** Writes down how its replicas have ended. */
  write() {
    for (const { name, document } of documents) note({ e: "document", document: name, text: document.toString() })
    say("written")
  },
  async close() {
    commands.stop()
    note({ e: "closing" })
    await endpoint.close()
    say("closed")
    process.exit(0)
  },
}
createInterface({ input: process.stdin })
  .on("line", line => void commands[line]())
  .on("close", () => process.exit(0))
say("open", { id: endpoint.id, addresses: endpoint.addresses, role: endpoint.role })

function heard(event) {
  const { type } = event
  if (type === "role") say("role", { role: endpoint.role })
  if (type === "gap") {
    const { topic, origin, from, through, reason } = event
    note({ e: "event", type, topic, origin, first: from, last: through, reason })
  } else if (type === "diverged") {
    const { topic, from, through, epoch } = event
    note({ e: "event", type, topic, first: from, last: through, epoch })
  } else if (type === "handlerFailed") note({ e: "event", type, topic: event.topic, text: String(event.error) })
  else note({ e: "event", type, text: textOf(event) })
}
function textOf({ type: _, peer, member, code, reason, error, ...rest }) {
  const who = (peer ?? member)?.name
  const others = Object.entries(rest).map(([name, value]) => `${name} ${JSON.stringify(value)}`)
  return [who, code, reason, error?.message, ...others].filter(Boolean).join(" ")
}

async function open() {
  const options = { ...(host ?? join).options, name: life.split(".")[0], transport: await transportOf() }
  for (;;) {
    try {
      return host === undefined
        ? await Endpoint.join(join.addresses, options)
        : await Endpoint.host({ ...options, listen: host.listen, ...(await governed()) })
    } catch (error) {
      // Whoever starts while all others are cut off tries on, as a supervisor would have it.
      if (["BadOption", "BadAddress", "AddressInUse", "Internal"].includes(error.code)) throw error
      await sleep(100 + Math.random() * 200)
    }
  }
}
/** A voter's store of the root record, when it is not the voters themselves. */
async function governed() {
  const { coordinator } = host
  if (coordinator === undefined) return {}
  const { kind, servers } = coordinator
  const { tree } = host.options
  if (kind === "etcd") {
    const { EtcdCoordinator } = await import("../../dist/coordination/etcd/index.js")
    return { coordinator: await EtcdCoordinator.open({ tree, servers }) }
  }
  const { ZooKeeperCoordinator } = await import("../../dist/coordination/zookeeper/index.js")
  return { coordinator: await ZooKeeperCoordinator.open({ tree, servers }) }
}
async function transportOf() {
  if (transport === "native") {
    const { NativeTransport } = await import("../../dist/transport/native/index.js")
    return NativeTransport.open()
  }
  const { ZmtpTransport } = await import("../../dist/transport/zmtp/index.js")
  return new ZmtpTransport()
}
