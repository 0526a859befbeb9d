// How long does a change of the root record take, how soon does another endpoint see it, and how soon is a store that
// stands still found out? One coordinator changes the record as often as it can, another watches; then the server is
// stopped (SIGSTOP). Real servers at their defaults, on this machine; what is not installed is left out.
import { EtcdCoordinator } from "../../dist/coordination/etcd/index.js"
import { MemoryCoordinator, MemoryRecords } from "../../dist/coordination/memory/index.js"
import { ZooKeeperCoordinator } from "../../dist/coordination/zookeeper/index.js"
import { installServices } from "../../scripts/services.mjs"
import { startEtcd, startZooKeeper } from "../harness/store-server.mjs"

export default {
  name: "coordination/stores",
  question: "milliseconds of a compare-and-set, of its way to a watcher, and until a stopped store counts as silent",
  async *cases({ only }) {
    const wanted = name => only === undefined || only.includes(name)
    const { zookeeper, etcd } = wanted("zookeeper") || wanted("etcd") ? installServices() : {}
    const servers = {
      ...(zookeeper === undefined || !wanted("zookeeper") ? {} : { zookeeper: await startZooKeeper(zookeeper) }),
      ...(etcd === undefined || !wanted("etcd") ? {} : { etcd: await startEtcd(etcd) }),
    }
    const records = new MemoryRecords()
    try {
      yield {
        parameters: {},
        unit: "ms",
        better: "less",
        rows: {
          cas: { figure: "cas" },
          casP99: { figure: "cas p99" },
          watch: { figure: "watch" },
          watchP99: { figure: "watch p99" },
          silence: { figure: "silence" },
        },
        contenders: {
          memory: work(tree => new MemoryCoordinator({ tree, records }), switchOf(records)),
          ...(servers.zookeeper === undefined
            ? {}
            : {
                zookeeper: work(
                  tree => ZooKeeperCoordinator.open({ tree, servers: servers.zookeeper.address }),
                  servers.zookeeper,
                ),
              }),
          ...(servers.etcd === undefined
            ? {}
            : { etcd: work(tree => EtcdCoordinator.open({ tree, servers: servers.etcd.address }), servers.etcd) }),
        },
        targets: {},
      }
    } finally {
      for (const server of Object.values(servers)) await server.end()
    }
  },
}

let trees = 0

function work(open, server) {
  return async seconds => {
    const tree = `bench ${trees++}`
    const [writer, watcher] = [await open(tree), await open(tree)]
    const began = new Map()
    const seen = []
    let lastSeen = 0
    let saw = () => {}
    watcher.watch(sight => {
      if (sight.type !== "held") return
      const { epoch } = sight.held.record
      seen.push(performance.now() - began.get(epoch))
      lastSeen = epoch
      saw()
    })
    const took = []
    let held
    const endAt = performance.now() + seconds * 1000
    for (let epoch = 1; epoch < 20 || performance.now() < endAt; epoch++) {
      const at = performance.now()
      began.set(epoch, at)
      held = await writer.compareAndSet(held, recordOf(tree, epoch))
      took.push(performance.now() - at)
      // One at a time, so that the watch is of this change and not of the queue before it.
      while (lastSeen < epoch)
        await new Promise(resolve => {
          saw = resolve
        })
    }
    while (watcher.contact !== "connected") await new Promise(resolve => setTimeout(resolve, 5))
    const silent = new Promise(resolve => {
      const stop = watcher.on("contact", ({ contact }) => {
        if (contact !== "silent") return
        stop()
        resolve()
      })
    })
    const stoppedAt = performance.now()
    server.pause()
    await silent
    const silence = performance.now() - stoppedAt
    server.resume()
    await writer.close()
    await watcher.close()
    return {
      values: {
        cas: quantile(took, 0.5),
        casP99: quantile(took, 0.99),
        watch: quantile(seen, 0.5),
        watchP99: quantile(seen, 0.99),
        silence,
      },
      details: { changes: took.length },
    }
  }
}

function recordOf(tree, epoch) {
  const id = "00000000-0000-4000-8000-000000000001"
  const voters = [1, 2, 3].map(n => ({
    voterId: `${id.slice(0, -1)}${n}`,
    name: `voter ${n}`,
    addresses: ["tcp://a:1"],
  }))
  return {
    tree,
    generation: id,
    revision: epoch,
    epoch,
    root: { voterId: id, name: "hub", addresses: ["tcp://a:1"] },
    voters,
  }
}

function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]
}

function switchOf(records) {
  return {
    pause: () => {
      records.reachable = false
    },
    resume: () => {
      records.reachable = true
    },
  }
}
