// How long is a tree without a root? Three voters as processes of their own, with folders on disk and nothing below them; the
// root orders a message every 5 ms and is killed (kill -9), or stopped (SIGSTOP), again and again. Counted from the signal to
// another's authority: its reign is recorded, its opening stored by a majority, its lease holds. In the end no message
// that a root had acknowledged may be missing, and the logs must agree. Real servers at their defaults keep the record, or
// the voters themselves do; what is not installed is left out. A run of N seconds is N kills and N stops.
import { installServices } from "../../scripts/services.mjs"
import { startEtcd, startZooKeeper } from "../harness/store-server.mjs"
import { Crew } from "./crew.mjs"

/** By default: how long a root has authority after it was heard. */
const leaseMs = 1500

export default {
  name: "election/voters",
  question: "milliseconds from a root's kill -9, or SIGSTOP, to another's authority",
  runs: 1,
  seconds: 30,
  async *cases({ only }) {
    const wanted = store => only === undefined || only.includes(store) || only.includes("zinc")
    const found = wanted("zookeeper") || wanted("etcd") ? installServices() : {}
    yield row("embedded", {})
    if (found.zookeeper !== undefined && wanted("zookeeper")) {
      const server = await startZooKeeper(found.zookeeper)
      try {
        yield row("zookeeper", { zookeeper: server.address })
      } finally {
        await server.end()
      }
    }
    if (found.etcd !== undefined && wanted("etcd")) {
      const server = await startEtcd(found.etcd)
      try {
        yield row("etcd", { etcd: server.address })
      } finally {
        await server.end()
      }
    }
  },
}

function row(record, store) {
  return {
    parameters: { record },
    unit: "ms",
    better: "less",
    rows: {
      kill50: { victim: "killed", percentile: 50 },
      kill99: { victim: "killed", percentile: 99 },
      killMax: { victim: "killed", percentile: 100 },
      stop50: { victim: "stopped", percentile: 50 },
      stop99: { victim: "stopped", percentile: 99 },
      stopMax: { victim: "stopped", percentile: 100 },
    },
    limit: { kill99: 300, stop99: leaseMs + 500 },
    contenders: {
      zinc: async seconds => {
        const times = Math.max(2, Math.round(seconds))
        const crew = new Crew({ store })
        try {
          await crew.open()
          const [killed, stopped] = [[], []]
          for (let n = 0; n < times; n++) killed.push(await crew.killRoot())
          for (let n = 0; n < times; n++) stopped.push(await crew.stopRoot())
          const { acked, entries } = await crew.judge()
          return {
            values: {
              kill50: quantile(killed, 0.5),
              kill99: quantile(killed, 0.99),
              killMax: Math.max(...killed),
              stop50: quantile(stopped, 0.5),
              stop99: quantile(stopped, 0.99),
              stopMax: Math.max(...stopped),
            },
            details: { kills: times, stops: times, acked, entries, lost: 0 },
          }
        } finally {
          await crew.close()
        }
      },
    },
  }
}

function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]
}
