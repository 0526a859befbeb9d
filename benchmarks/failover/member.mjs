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

/** In the order in which they came: { n, sentUs, gotUs, epoch, number }. */
let heard = []
let again = 0
/** Told of, or numbers of the writer that were passed over. */
let lost = 0
let backwards = 0
let last = { n: 0, epoch: 0, number: 0 }
let asked

const endpoint = await open()
endpoint.on("gap", ({ topic }) => topic === "tick" && say({ event: "gap" }))
for (const type of ["role", "diverged", "moved", "left", "joined"]) {
  try {
    endpoint.on(type, event =>
      say({
        event: type,
        from: event.from,
        to: event.to,
        epoch: event.epoch,
        reason: event.reason ?? event.peer?.name,
      }),
    )
  } catch {
    // Not every Zinc that is measured knows it.
  }
}
const handling = endpoint.handle("tick", ({ value: [n, sentUs], order }) => {
  const gotUs = nowUs()
  if (n <= last.n) again++
  else {
    if (last.n > 0) lost += n - last.n - 1
    if (order.epoch < last.epoch || (order.epoch === last.epoch && order.number <= last.number)) backwards++
    last = { n, ...order }
  }
  heard.push({ n, sentUs, gotUs, ...order })
  if (heard.length > 2 * kept) heard = heard.slice(-kept)
  if (asked !== undefined && sentUs >= asked.afterUs) {
    say({ answer: asked.call, gotUs })
    asked = undefined
  }
})
await handling.ready

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
    say({ answer: call, id, role, path, state, linked, heard: last.n, again, lost, backwards, sent: n, refused })
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
createInterface({ input: process.stdin })
  .on("line", line => {
    const { what, ...more } = JSON.parse(line)
    void commands[what](more)
  })
  .on("close", () => process.exit(0))
say({ event: "open", addresses: endpoint.addresses })

async function open() {
  const { host, join } = given
  if (host !== undefined) {
    const { coordinator, ...options } = host
    return Endpoint.host({
      ...options,
      ...(coordinator && { coordinator: await coordinatorOf(coordinator, options.tree) }),
    })
  }
  for (;;) {
    try {
      return await Endpoint.join(join.addresses, join.options)
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
