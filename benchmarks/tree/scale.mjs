// A tree of hundreds of endpoints on this machine, many in one process: how long until all who come at once are in, how
// fast the root reaches all, what peace costs each, and what happens when a third of the relays is killed at once.
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { child } from "../harness/child.mjs"

const program = join(dirname(fileURLToPath(import.meta.url)), "peer/grove.mjs")
const tickMs = 50

export default {
  name: "tree/scale",
  question:
    "a tree that grows from a storm: milliseconds until all are in, messages the root brings to all, what an endpoint costs in peace, and milliseconds until all hear the root again after 30 % of the relays are killed",
  runs: 3,
  *cases({ quick }) {
    const [processes, relays, leaves] = quick ? [6, 1, 3] : [10, 5, 27]
    const fanOut = 8
    yield {
      parameters: {
        transport: "tcp",
        endpoints: 1 + processes * (relays + leaves),
        relays: processes * relays,
        fanOut,
      },
      unit: { attach: "ms", deliver: "msg/s", octets: "B/s", cpu: "ms/s", heal: "ms" },
      better: { attach: "less", deliver: "more", octets: "less", cpu: "less", heal: "less" },
      rows: {
        attach: { what: "all attached" },
        deliver: { what: "root to all, 64 B" },
        octets: { what: "in peace, an endpoint's octets" },
        cpu: { what: "in peace, an endpoint's CPU" },
        heal: { what: "30 % of relays killed: all hear again" },
      },
      contenders: {
        zinc: () => zinc({ processes, relays, leaves, fanOut, count: quick ? 500 : 2000, idleSeconds: quick ? 1 : 10 }),
      },
    }
  },
}

async function zinc({ processes, relays, leaves, fanOut, count, idleSeconds }) {
  const root = child(process.execPath, [program, "root", fanOut], { limitSeconds: 300 })
  const { address } = await root.next()
  const groves = Array.from({ length: processes }, () =>
    child(process.execPath, [program, "grove", address, relays, leaves, fanOut], { limitSeconds: 300 }),
  )
  const ask = (those, task) =>
    Promise.all(
      those.map(each => {
        each.tell(JSON.stringify(task))
        return each.next()
      }),
    )
  await Promise.all(groves.map(each => each.next()))

  const begun = performance.now()
  await ask(groves, { task: "join" })
  const attach = performance.now() - begun
  const shapes = await ask([root, ...groves], { task: "shape" })
  const most = (of, those) => Math.max(...those.map(of))

  const endpoints = processes * (relays + leaves)
  const broadcast = async topic => {
    await ask(groves, { task: "receive", topic, count })
    const [{ begun: sentAt }] = await ask([root], { task: "send", topic, count, size: 64 })
    const ends = await Promise.all(groves.map(each => each.next()))
    return (count * endpoints) / ((most(({ at }) => at, ends) - sentAt) / 1000)
  }
  // Compiling the hot paths of all these processes is not what is measured.
  await broadcast("warm")
  const deliver = await broadcast("data")

  const idle = await ask([root, ...groves], { task: "idle", seconds: idleSeconds })
  const per = (of, those) => those.reduce((sum, each) => sum + of(each), 0) / idleSeconds
  const octets = per(each => each.octets, idle) / (endpoints + 1)
  const cpu = per(each => each.cpuMs, idle) / (endpoints + 1)

  await ask(groves, { task: "ticks" })
  await ask([root], { task: "tick", everyMs: tickMs })
  const victims = groves.splice(0, Math.round(processes * 0.3))
  const killedAt = performance.timeOrigin + performance.now()
  for (const each of victims) {
    each.done.catch(() => {})
    each.kill()
  }
  const healed = await ask(groves, { task: "heard", after: killedAt })
  const times = healed.flatMap(each => each.times).sort((a, b) => a - b)

  for (const each of [...groves, root]) each.dismiss()
  await Promise.all([...groves, root].map(each => each.done))
  return {
    values: { attach, deliver, octets, cpu, heal: times.at(-1) },
    details: {
      "links to the deepest": most(({ depth }) => depth, shapes),
      "clients of the fullest host": most(({ degree }) => degree, shapes),
      "octets/s of the root in peace": idle[0].octets / idleSeconds,
      "CPU ms/s of the root in peace": idle[0].cpuMs / idleSeconds,
      "ms until half hear again": times[times.length >> 1],
      "ms until 90 % do": times[Math.floor(times.length * 0.9)],
      "links to the deepest then": most(({ depth }) => depth, healed),
    },
  }
}
