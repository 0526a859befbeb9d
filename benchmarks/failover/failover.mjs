// How long is a tree silent when a part of it fails? One living tree of processes: three voters and ten clients, an
// ordered message every 5 ms from one that survives. The root or a relay is killed (`kill -9`), stopped (SIGSTOP) or
// closed; the clock runs until all survivors have heard a message that was sent after that. Then the victim is started
// again, and the next fault waits until all is well. ZooKeeper and etcd are real servers at their defaults.
import { setTimeout as sleep } from "node:timers/promises"
import { installServices } from "../../scripts/services.mjs"
import { startEtcd, startZooKeeper } from "../harness/store-server.mjs"
import { nowUs, Tree } from "./tree.mjs"

const leaseMs = 1500

/** What is asked of the 99th percentile, in milliseconds. */
const cells = [
  { fault: "kill the root", limit: 500, act: killRoot },
  { fault: "stop the root", limit: leaseMs + 500, act: stopRoot },
  { fault: "kill a relay", limit: 500, act: killRelay },
  { fault: "close the root", limit: 50, act: closeRoot },
]

export default {
  name: "failover",
  question: "milliseconds until every survivor hears what was sent after the fault; for a close, of silence",
  runs: 1,
  async *cases({ quick, faults = quick ? 10 : 30, records }) {
    const wanted = name => records === undefined || records.includes(name)
    const { zookeeper, etcd } = wanted("zookeeper") || wanted("etcd") ? installServices() : {}
    const stores = {
      embedded: async () => undefined,
      ...(zookeeper && { zookeeper: async () => ({ kind: "zookeeper", server: await startZooKeeper(zookeeper) }) }),
      ...(etcd && { etcd: async () => ({ kind: "etcd", server: await startEtcd(etcd) }) }),
    }
    for (const [record, open] of Object.entries(stores).filter(([name]) => wanted(name))) {
      const store = await open()
      const coordinator = store && { kind: store.kind, servers: store.server.address }
      const tree = await Tree.open({ coordinator })
      try {
        for (const { fault, limit, act } of cells) {
          yield {
            parameters: { fault, record },
            unit: "ms",
            better: "less",
            rows: { p50: { figure: "p50" }, p99: { figure: "p99" }, max: { figure: "max" } },
            limit: { p99: limit },
            contenders: { zinc: () => series(tree, act, faults) },
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

async function series(tree, act, faults) {
  const took = []
  const before = await counts(tree)
  for (let at = 0; at < faults; at++) {
    took.push((await act(tree)) / 1000)
    await tree.isWell()
    await sleep(300)
  }
  const after = await counts(tree)
  const sorted = took.sort((a, b) => a - b)
  const quantile = q => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]
  return {
    values: { p50: quantile(0.5), p99: quantile(0.99), max: sorted.at(-1) },
    details: {
      faults,
      lost: after.lost - before.lost,
      again: after.again - before.again,
      backwards: after.backwards - before.backwards,
      contradictions: await contradictions(tree),
    },
  }
}

/** Of those that nobody kills. */
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

async function killRoot(tree) {
  const root = await tree.root()
  return await killed(
    tree,
    root,
    tree.survivors.filter(each => each !== root),
  )
}

async function killRelay(tree) {
  const states = await tree.states()
  const relays = tree.voters
    .map(member => ({ member, id: states.get(member).id, role: states.get(member).role }))
    .filter(each => each.role === "relay")
    .map(({ member, id }) => ({
      member,
      below: tree.survivors.filter(each => each !== member && states.get(each).path.includes(id)),
    }))
    .sort((a, b) => b.below.length - a.below.length)
  const { member, below } = relays[0]
  return await killed(tree, member, below)
}

async function killed(tree, victim, survivors) {
  const fromUs = nowUs()
  victim.kill()
  const took = await tree.heardAfter(survivors, fromUs)
  victim.start()
  await victim.opened
  return took
}

/** When it may run again, the old root must obey the new one. */
async function stopRoot(tree) {
  const root = await tree.root()
  const survivors = tree.survivors.filter(each => each !== root)
  const fromUs = nowUs()
  root.signal("SIGSTOP")
  const took = await tree.heardAfter(survivors, fromUs)
  root.signal("SIGCONT")
  return took
}

async function closeRoot(tree) {
  const root = await tree.root()
  const survivors = tree.survivors.filter(each => each !== root)
  const fromUs = nowUs()
  await root.ask("close")
  const throughUs = nowUs()
  await tree.heardAfter(survivors, throughUs + 200_000)
  const silences = await Promise.all(survivors.map(each => each.ask("silence", { fromUs, throughUs })))
  root.start()
  await root.opened
  return Math.max(...silences.map(each => each.longest))
}
