// One endpoint of the tree whose parts are killed. Its argument says what to open, as JSON; it hears the ordered topic
// "tick", keeps when what was sent when arrived, and answers questions, a line of JSON each.
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import { Endpoint } from "../../dist/index.js"

const given = JSON.parse(process.argv[2])
/** As many as any question goes back. */
const kept = 20_000

const nowUs = () => Number(process.hrtime.bigint() / 1000n)
const say = line => process.stdout.write(`${JSON.stringify(line)}\n`)

// Also while it is not open yet: whoever started it is gone.
const questions = createInterface({ input: process.stdin }).on("close", () => process.exit(0))

/** In the order in which they came: { n, sentUs, gotUs, epoch, number }. */
let heard = []
let again = 0
/** Told of, or numbers of the writer that were passed over. */
let lost = 0
let backwards = 0
let last = { n: 0, epoch: 0, number: 0 }
let asked

const endpoint = await open()
if (given.trace) {
  for (const type of ["role", "diverged", "moved", "left", "joined", "refused", "tooSlow", "gap"]) {
    endpoint.on(type, ({ from, to, epoch, reason, peer, topic }) =>
      say({ event: type, atUs: nowUs(), from, to, epoch, reason, peer: peer?.name, topic }),
    )
  }
}
/** In which reign a claim of a root that had been stopped was numbered, as it was heard first; and who asks. */
const claims = new Map()
const claimAsked = new Map()
const claiming = endpoint.handle("claim", ({ value, order }) => {
  if (!claims.has(value)) claims.set(value, order.epoch)
  claimAsked.get(value)?.()
})
const handling = endpoint.handle("tick", ({ value: [n, sentUs], order }) => {
  const gotUs = nowUs()
  if (n <= last.n) again++
  else {
    if (last.n > 0) lost += n - last.n - 1
    if (order.epoch < last.epoch || (order.epoch === last.epoch && order.number <= last.number)) backwards++
    last = { n, ...order }
  }
  if (given.trace && heard.length > 0 && gotUs - heard.at(-1).gotUs > 30_000)
    say({ event: "heard", atUs: gotUs, silentMs: (gotUs - heard.at(-1).gotUs) / 1000 })
  heard.push({ n, sentUs, gotUs, ...order })
  if (heard.length > 2 * kept) heard = heard.slice(-kept)
  if (asked !== undefined && sentUs >= asked.afterUs) {
    say({ answer: asked.call, gotUs })
    asked = undefined
  }
})
await handling.ready
await claiming.ready

let n = 0
let refused = 0
let ticking
const commands = {
  /** When the first message that was sent after that moment came. */
  since({ call, afterUs }) {
    const first = heard.find(each => each.sentUs >= afterUs)
    if (first === undefined) asked = { call, afterUs }
    else say({ answer: call, gotUs: first.gotUs })
  },
  /** The longest time without a message that touches the span. */
  silence({ call, fromUs, throughUs }) {
    let longest = 0
    for (let at = 1; at < heard.length; at++) {
      if (heard[at].gotUs < fromUs || heard[at - 1].gotUs > throughUs) continue
      longest = Math.max(longest, heard[at].gotUs - heard[at - 1].gotUs)
    }
    say({ answer: call, longest })
  },
  /** What each number of the order stands for, as far back as it is kept. */
  order: ({ call }) => say({ answer: call, order: heard.map(({ n, epoch, number }) => [epoch, number, n]) }),
  state({ call }) {
    const { id, role, path, state } = endpoint
    const linked = role === "host" || endpoint.peers.some(each => each.role === "host")
    const { n: heardLast, epoch } = last
    say({
      answer: call,
      id,
      role,
      path,
      state,
      linked,
      heard: heardLast,
      epoch,
      again,
      lost,
      backwards,
      sent: n,
      refused,
    })
  },
  /** The first act of a root that was stopped: it is asked before it may run again. */
  claim({ call, claim }) {
    try {
      say({ answer: call, refused: !endpoint.send("claim", claim, { route: "ordered" }) })
    } catch {
      say({ answer: call, refused: true })
    }
  },
  claimed({ call, claim }) {
    const answer = () => say({ answer: call, epoch: claims.get(claim) })
    if (claims.has(claim)) answer()
    else claimAsked.set(claim, answer)
  },
  write({ call, everyMs }) {
    ticking = setInterval(() => {
      try {
        if (endpoint.send("tick", [n + 1, nowUs()], { route: "ordered" })) n++
        else refused++
      } catch {
        refused++
      }
    }, everyMs)
    say({ answer: call })
  },
  async close({ call }) {
    clearInterval(ticking)
    await endpoint.close()
    say({ answer: call })
    process.exit(0)
  },
}
questions.on("line", line => {
  const { what, ...more } = JSON.parse(line)
  void commands[what](more)
})
say({ event: "open", addresses: endpoint.addresses })

/** Everything that Zinc logs, as events. */
function tracing() {
  const tell = level => (message, fields) => {
    const told = {}
    for (const [key, value] of Object.entries(fields ?? {}))
      if (value instanceof Error || typeof value !== "object") told[key] = value?.message ?? value
    say({ event: "log", atUs: nowUs(), level, message, ...told })
  }
  return { debug: tell("debug"), info: tell("info"), warn: tell("warn"), error: tell("error") }
}

async function open() {
  const { host, join, trace } = given
  const logger = trace ? { logger: tracing() } : {}
  if (host !== undefined) {
    const { coordinator, ...options } = host
    return Endpoint.host({
      ...options,
      ...logger,
      ...(coordinator && { coordinator: await coordinatorOf(coordinator, options.tree) }),
    })
  }
  for (;;) {
    try {
      return await Endpoint.join(join.addresses, { ...join.options, ...logger })
    } catch {
      await sleep(50)
    }
  }
}

async function coordinatorOf({ kind, servers }, tree) {
  if (kind === "zookeeper") {
    const { ZooKeeperCoordinator } = await import("../../dist/coordination/zookeeper/index.js")
    return ZooKeeperCoordinator.open({ tree, servers })
  }
  const { EtcdCoordinator } = await import("../../dist/coordination/etcd/index.js")
  return EtcdCoordinator.open({ tree, servers })
}
