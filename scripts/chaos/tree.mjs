// Which machines there are, what runs there, and what it does all day.
import { createRequire } from "node:module"

export const hasNative = loads("zeromq")

const topics = ["n.0", "n.1", "o.0"]

/** The root, about a third relays, the others leaves; every one knows several it may join. */
export function drawTree(count, random, transport) {
  const relays = Math.max(1, Math.round((count - 1) / 3))
  const machines = [{ name: "root", role: "host", above: [] }]
  for (let at = 1; at <= relays; at++)
    machines.push({ name: `r${at}`, role: "relay", above: at === 1 ? ["root"] : [`r${Math.floor(at / 2)}`, "root"] })
  for (let at = 1; at < count - relays; at++) {
    const [first, second] = [0, 1].map(more => `r${((at + more * (1 + random.below(relays))) % relays) + 1}`)
    machines.push({ name: `l${at}`, role: "client", above: [...new Set([first, second, "root"])] })
  }
  return machines.map(machine => ({
    ...machine,
    transport: transport === "mixed" ? (random.below(3) === 0 ? "native" : "zmtp") : transport,
    workload: {
      topics,
      // The root hears everything, so that the judge knows what it has.
      follows:
        machine.role === "host" || random.below(2) === 0
          ? topics
          : random.below(2) === 0
            ? ["n.*", "o.*"]
            : topics.slice(1),
      everyMs: 20 + random.below(60),
      acknowledged: 0.2,
      ack: "rooted",
      documents: ["plan", "notes"],
      markEveryMs: 200 + random.below(600),
    },
  }))
}

function loads(name) {
  try {
    createRequire(import.meta.url)(name)
    return true
  } catch {
    return false
  }
}
