// A host that copies to all its clients itself, beside one that spreads them over relays in threads of its own: how much it
// brings to all, and how long one message takes to the last of them. With fewer cores than threads and clients need, the
// hop between costs more than the threads bring.
import { availableParallelism } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { child } from "../harness/child.mjs"

const program = join(dirname(fileURLToPath(import.meta.url)), "peer/grove.mjs")
const processes = 2

export default {
  name: "tree/cores",
  question: "deliveries a second from a host to its clients, 64 B: over relays in threads, beside the host alone",
  runs: 3,
  *cases({ quick }) {
    for (const clients of quick ? [16] : [64, 256]) {
      for (const threads of [1, 2, 4].filter(each => each === 1 || each <= availableParallelism())) {
        const count = Math.round((quick ? 20_000 : 400_000) / clients)
        yield {
          parameters: { transport: "tcp", clients, threads, cores: availableParallelism() },
          unit: "msg/s",
          better: "more",
          contenders: {
            zinc: () => spread({ clients, count, host: ["-", threads] }),
            alone: () => spread({ clients, count, host: [10_000] }),
          },
        }
      }
    }
  },
}

async function spread({ clients, count, host }) {
  const root = child(process.execPath, [program, "root", ...host], { limitSeconds: 120 })
  const { address } = await root.next()
  const groves = Array.from({ length: processes }, () =>
    child(process.execPath, [program, "grove", address, 0, clients / processes, 32], { limitSeconds: 120 }),
  )
  const ask = (those, task) =>
    Promise.all(
      those.map(each => {
        each.tell(JSON.stringify(task))
        return each.next()
      }),
    )
  await Promise.all(groves.map(each => each.next()))
  await ask(groves, { task: "join" })
  const broadcast = async topic => {
    await ask(groves, { task: "receive", topic, count })
    const [{ begun }] = await ask([root], { task: "send", topic, count, size: 64 })
    const ends = await Promise.all(groves.map(each => each.next()))
    return (count * clients) / ((Math.max(...ends.map(({ at }) => at)) - begun) / 1000)
  }
  // Compiling the hot paths is not what is measured.
  await broadcast("warm")
  const value = await broadcast("data")
  for (const each of [...groves, root]) each.dismiss()
  await Promise.all([...groves, root].map(each => each.done))
  return { value, details: {} }
}
