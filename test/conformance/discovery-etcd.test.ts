import { afterAll, beforeAll, describe, it } from "vitest"
import { treeSegment } from "../../src/core/name.ts"
import { EtcdDiscovery } from "../../src/discovery/etcd/index.ts"
import { base64 } from "../../src/external/etcd/key.ts"
import { discoverySuite } from "../../src/testing/suites/discovery-suite.ts"
import { CutLine } from "../service/cut-line.ts"
import { EtcdService } from "../service/etcd-service.ts"

const service = await EtcdService.open()
const times = { silenceMs: 1_000, timeoutMs: 1_500, ttlMs: 2_000 }

describe.skipIf(service === undefined)("with a real etcd", () => {
  if (service === undefined) return
  const lines: CutLine[] = []
  beforeAll(() => service.start())
  afterAll(async () => {
    for (const line of lines) await line.close()
    await service[Symbol.asyncDispose]()
  })

  discoverySuite({
    runner: { describe, it },
    name: "etcd",
    open: tree => EtcdDiscovery.open({ tree, servers: service.address, ...times }),
    put: async (tree, id, bytes) => {
      await service.ask("/v3/kv/put", {
        key: base64(`zinc/${treeSegment(tree)}/hosts/${id}`),
        value: base64(bytes),
      })
    },
    faults: {
      restart: { kill: () => service.kill(), start: () => service.start() },
      wipe: async () => {
        await service.wipe()
        await service.start()
      },
      severed: async tree => {
        const line = await CutLine.open(service.port)
        lines.push(line)
        const discovery = await EtcdDiscovery.open({ tree, servers: line.address, ...times })
        return { discovery, cut: () => line.cut(), heal: () => line.heal() }
      },
    },
  })
})
