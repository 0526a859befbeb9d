import { afterAll, beforeAll, describe, it } from "vitest"
import { treeSegment } from "../../src/core/name.ts"
import { ZooKeeperDiscovery } from "../../src/discovery/zookeeper/index.ts"
import { discoverySuite } from "../../src/testing/suites/discovery-suite.ts"
import { CutLine } from "../service/cut-line.ts"
import { type ZooKeeperAccess, zooKeeperAccess } from "../service/zookeeper-access.ts"
import { ZooKeeperService } from "../service/zookeeper-service.ts"

const service = await ZooKeeperService.open()
const times = { silenceMs: 1_000, timeoutMs: 1_500 }

describe.skipIf(service === undefined)("with a real ZooKeeper", () => {
  if (service === undefined) return
  let access: ZooKeeperAccess
  const lines: CutLine[] = []
  beforeAll(async () => {
    await service.start()
    access = zooKeeperAccess(service.address)
  })
  afterAll(async () => {
    await access.close()
    for (const line of lines) await line.close()
    await service[Symbol.asyncDispose]()
  })

  discoverySuite({
    runner: { describe, it },
    name: "zookeeper",
    open: tree => ZooKeeperDiscovery.open({ tree, servers: service.address, ...times }),
    put: (tree, id, bytes) => access.put(`/zinc/${treeSegment(tree)}/hosts/${id}`, bytes),
    faults: {
      restart: { kill: () => service.kill(), start: () => service.start() },
      wipe: async () => {
        await service.wipe()
        await service.start()
      },
      severed: async tree => {
        const line = await CutLine.open(service.port)
        lines.push(line)
        const discovery = await ZooKeeperDiscovery.open({ tree, servers: line.address, ...times })
        return { discovery, cut: () => line.cut(), heal: () => line.heal() }
      },
    },
  })
})
