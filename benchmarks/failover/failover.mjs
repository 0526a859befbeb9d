// How long is a tree silent when a part of it fails? One living tree of processes: three voters and ten clients, an
// ordered message every 5 ms from one that survives. The root or a relay is killed (`kill -9`), stopped (SIGSTOP) or
// closed; the clock runs until all survivors have heard a message that was sent after that. Then the victim is started
// again, and the next fault waits until all is well. ZooKeeper and etcd are real servers at their defaults.
//
// Each run adds its faults to the tally of the commit, and the figures are those of the tally. A message lost, a number
// of the order that stands for two messages, or an act of a root that was replaced is no figure: the bench fails.
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { installServices } from "../../scripts/services.mjs"
import { commitOf } from "../../scripts/simulation/tally.mjs"
import { startEtcd, startZooKeeper } from "../harness/store-server.mjs"
import { faults as kinds } from "./faults.mjs"
import { Tally } from "./tally.mjs"
import { timelineTo } from "./timeline.mjs"
import { Tree } from "./tree.mjs"

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..")

export default {
  name: "failover",
  question: "milliseconds until every survivor hears what was sent after the fault; for a close, of silence",
  runs: 1,
  async *cases({ quick, faults = quick ? 10 : 30, records, cells, calm = 1000, state, trace }) {
    const wanted = name => records === undefined || records.includes(name)
    const { zookeeper, etcd } = wanted("zookeeper") || wanted("etcd") ? installServices() : {}
    const stores = {
      embedded: async () => undefined,
      ...(zookeeper && { zookeeper: async () => ({ kind: "zookeeper", server: await startZooKeeper(zookeeper) }) }),
      ...(etcd && { etcd: async () => ({ kind: "etcd", server: await startEtcd(etcd) }) }),
    }
    const tally = new Tally(state ?? join(root, ".failover"), commitOf(root))
    for (const [record, open] of Object.entries(stores).filter(([name]) => wanted(name))) {
      const store = await open()
      const coordinator = store && { kind: store.kind, servers: store.server.address }
      const tree = await Tree.open({ coordinator, calmMs: Number(calm), trace: trace !== undefined })
      try {
        for (const { fault, limit, act } of kinds) {
          if (cells !== undefined && !cells.includes(fault)) continue
          yield {
            parameters: { fault, record },
            unit: "ms",
            better: "less",
            rows: { p50: { figure: "p50" }, p99: { figure: "p99" }, max: { figure: "max" } },
            limit: { p99: limit },
            contenders: {
              zinc: () => series({ tree, act, faults, cell: { fault, record }, tally, timeline: timelineTo(trace) }),
            },
            targets: {},
          }
        }
      } finally {
        await tree.close()
        await store?.server.end()
      }
    }
  },
}

async function series({ tree, act, faults, cell, tally, timeline }) {
  for (let at = 0; at < faults; at++) {
    await tree.isSpread()
    await tree.isCalm()
    const before = await counts(tree)
    const { ms, usurped = 0, ...times } = await act(tree)
    await tree.isWell()
    timeline(tree, { ...cell, ms, ...times })
    const after = await counts(tree)
    const wrong = { usurped, contradictions: await contradictions(tree) }
    for (const name of ["lost", "backwards"]) wrong[name] = after[name] - before[name]
    tally.add(cell, { ms, again: after.again - before.again, ...wrong })
    const found = Object.entries(wrong).filter(([, count]) => count > 0)
    if (found.length > 0)
      throw new Error(`${cell.fault} (${cell.record}): ${found.map(each => each.join(" ")).join(", ")}`)
  }
  const all = tally.of(cell)
  const sorted = all.map(({ ms }) => ms).sort((a, b) => a - b)
  const quantile = q => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]
  const sum = name => all.reduce((total, each) => total + each[name], 0)
  return {
    values: { p50: quantile(0.5), p99: quantile(0.99), max: sorted.at(-1) },
    details: {
      faults: all.length,
      lost: sum("lost"),
      again: sum("again"),
      backwards: sum("backwards"),
      contradictions: sum("contradictions"),
      usurped: sum("usurped"),
    },
  }
}

/** Of those that no fault kills. */
async function counts(tree) {
  const states = await Promise.all(tree.clients.filter(each => each !== tree.writer).map(each => each.ask("state")))
  const sum = name => states.reduce((total, each) => total + each[name], 0)
  return { lost: sum("lost"), again: sum("again"), backwards: sum("backwards") }
}

/** Numbers of one epoch that stand for different messages at different endpoints. */
async function contradictions(tree) {
  const given = new Map()
  let found = 0
  for (const member of tree.survivors) {
    for (const [epoch, number, n] of (await member.ask("order")).order) {
      const key = `${epoch} ${number}`
      if (given.has(key) && given.get(key) !== n) found++
      given.set(key, n)
    }
  }
  return found
}
