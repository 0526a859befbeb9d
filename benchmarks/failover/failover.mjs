// How long is a tree silent when a part of it fails? One living tree of processes: three voters and ten clients, an
// ordered message every 5 ms from one that survives. The root or a relay is killed (`kill -9`), stopped (SIGSTOP) or
// closed; the clock runs until all survivors have heard a message that was sent after that. Then the victim is started
// again, and the next fault waits until all is well. ZooKeeper and etcd are real servers at their defaults.
//
// Each run adds its faults to the tally of the commit, and the figures are those of the tally; `--tally` adds up those of
// all commits. A message lost, a number of the order that stands for two messages, or an act of a root that was replaced
// is no figure: the bench fails.
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { installServices } from "../../scripts/services.mjs"
import { commitOf } from "../../scripts/simulation/tally.mjs"
import { startEtcd, startZooKeeper } from "../harness/store-server.mjs"
import { faults as kinds } from "./faults.mjs"
import { allOf, figuresOf, Tally } from "./tally.mjs"
import { timelineTo } from "./timeline.mjs"
import { Tree } from "./tree.mjs"

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..")

export default {
  name: "failover",
  question: "milliseconds until every survivor hears what was sent after the fault; for a close, of silence",
  runs: 1,
  async *cases({
    quick,
    faults = quick ? 10 : 30,
    records,
    cells,
    calm = quick ? 50 : 1000,
    state,
    trace,
    tally: told,
    load,
  }) {
    const wanted = name => records === undefined || records.includes(name)
    const folder = state ?? join(root, ".failover")
    if (told) {
      yield* gathered(allOf(folder, load), { wanted, cells })
      return
    }
    const { zookeeper, etcd } = wanted("zookeeper") || wanted("etcd") ? installServices() : {}
    const stores = {
      embedded: async () => undefined,
      ...(zookeeper && { zookeeper: async () => ({ kind: "zookeeper", server: await startZooKeeper(zookeeper) }) }),
      ...(etcd && { etcd: async () => ({ kind: "etcd", server: await startEtcd(etcd) }) }),
    }
    const tally = new Tally(folder, commitOf(root))
    for (const [record, open] of Object.entries(stores).filter(([name]) => wanted(name))) {
      const store = await open()
      const coordinator = store && { kind: store.kind, servers: store.server.address }
      const tree = await Tree.open({
        coordinator,
        calmMs: Number(calm),
        spread: quick ? 1 : 2,
        trace: trace !== undefined,
      })
      try {
        for (const { fault, limit, act, isExtra = false } of kinds) {
          if (cells === undefined ? isExtra : !cells.includes(fault)) continue
          const cell = { fault, record }
          yield caseOf(cell, limit, () => series({ tree, act, faults, cell, tally, timeline: timelineTo(trace) }))
        }
      } finally {
        await tree.close()
        await store?.server.end()
      }
    }
  },
}

function caseOf(parameters, limit, zinc) {
  return {
    parameters,
    unit: "ms",
    better: "less",
    rows: { p50: { figure: "p50" }, p99: { figure: "p99" }, max: { figure: "max" } },
    limit: { p99: limit },
    contenders: { zinc },
    targets: {},
  }
}

/** Nothing is killed: what earlier runs have gathered. */
function* gathered(all, { wanted, cells }) {
  for (const record of ["embedded", "zookeeper", "etcd"].filter(wanted)) {
    for (const { fault, limit } of kinds) {
      const found = all.of({ fault, record })
      if (found.length > 0 && (cells === undefined || cells.includes(fault)))
        yield caseOf({ fault, record }, limit, () => figuresOf(found))
    }
  }
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
  return figuresOf(tally.of(cell))
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
