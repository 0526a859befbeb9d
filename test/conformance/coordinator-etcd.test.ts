import { afterAll, beforeAll, describe, it } from "vitest"
import { EtcdCoordinator } from "../../src/coordination/etcd/index.ts"
import { treeSegment } from "../../src/core/name.ts"
import { base64, prefixEnd } from "../../src/external/etcd/key.ts"
import { coordinatorSuite } from "../../src/testing/suites/coordinator-suite.ts"
import { CutLine } from "../service/cut-line.ts"
import { EtcdService } from "../service/etcd-service.ts"

const service = await EtcdService.open()
const times = { silenceMs: 1_000, timeoutMs: 1_500 }

describe.skipIf(service === undefined)("with a real etcd", () => {
  if (service === undefined) return
  const lines: CutLine[] = []
  beforeAll(() => service.start())
  afterAll(async () => {
    for (const line of lines) await line.close()
    await service[Symbol.asyncDispose]()
  })

  coordinatorSuite({
    runner: { describe, it },
    name: "etcd",
    open: tree => EtcdCoordinator.open({ tree, servers: service.address, ...times }),
    put: async (tree, bytes) => {
      const folder = `zinc/${treeSegment(tree)}/`
      if (bytes === undefined)
        await service.ask("/v3/kv/deleterange", { key: base64(folder), range_end: base64(prefixEnd(folder)) })
      else await service.ask("/v3/kv/put", { key: base64(`${folder}root`), value: base64(bytes) })
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
        const coordinator = await EtcdCoordinator.open({ tree, servers: line.address, ...times })
        return { coordinator, cut: () => line.cut(), heal: () => line.heal() }
      },
    },
  })
})
