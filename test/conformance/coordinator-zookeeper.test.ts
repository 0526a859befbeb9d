import { afterAll, beforeAll, describe, it } from "vitest"
import { ZooKeeperCoordinator } from "../../src/coordination/zookeeper/index.ts"
import { treeSegment } from "../../src/core/name.ts"
import { coordinatorSuite } from "../../src/testing/suites/coordinator-suite.ts"
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

  coordinatorSuite({
    runner: { describe, it },
    name: "zookeeper",
    open: tree => ZooKeeperCoordinator.open({ tree, servers: service.address, ...times }),
    put: async (tree, bytes) => {
      const folder = `/zinc/${treeSegment(tree)}`
      if (bytes === undefined) await access.remove(folder)
      else await access.put(`${folder}/root`, bytes)
    },
    faults: {
      ...times,
      stall: { pause: () => service.pause(), resume: () => service.resume() },
      restart: { kill: () => service.kill(), start: () => service.start() },
      wipe: async () => {
        await service.wipe()
        await service.start()
      },
      severed: async tree => {
        const line = await CutLine.open(service.port)
        lines.push(line)
        const coordinator = await ZooKeeperCoordinator.open({ tree, servers: line.address, ...times })
        return { coordinator, cut: () => line.cut(), heal: () => line.heal() }
      },
    },
  })
})
