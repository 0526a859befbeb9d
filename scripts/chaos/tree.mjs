// Which machines there are, what runs there, and what it does all day.
import { createRequire } from "node:module"

export const hasNative = loads("zeromq")

const topics = ["n.0", "n.1", "o.0"]

/**
 * The root or the voters, about a third relays, the others leaves; every one knows several it may join. Where voters decide
 * who is root, each machine follows everything: the judge looks at one order for all.
 */
export function drawTree(count, voters, random, transport) {
  const roots = voters === 0 ? ["root"] : Array.from({ length: voters }, (_, at) => `v${at + 1}`)
  const relays = Math.max(1, Math.round((count - roots.length) / 3))
  const machines = roots.map(name => ({ name, role: voters === 0 ? "host" : "voter", above: [] }))
  for (let at = 1; at <= relays; at++)
    machines.push({ name: `r${at}`, role: "relay", above: at === 1 ? roots : [`r${Math.floor(at / 2)}`, ...roots] })
  for (let at = 1; at <= count - roots.length - relays; at++) {
    const [first, second] = [0, 1].map(more => `r${((at + more * (1 + random.below(relays))) % relays) + 1}`)
    machines.push({ name: `l${at}`, role: "client", above: [...new Set([first, second, ...roots])] })
  }
  return machines.map(machine => ({
    ...machine,
    transport:
      transport === "mixed" ? (machine.role !== "voter" && random.below(3) === 0 ? "native" : "zmtp") : transport,
    workload: {
      topics,
      // The root hears everything, so that the judge knows what it has.
      follows:
        machine.role === "host" || voters > 0 || random.below(2) === 0
          ? topics
          : random.below(2) === 0
            ? ["n.*", "o.*"]
            : topics.slice(1),
      everyMs: 20 + random.below(60),
      acknowledged: 0.2,
      acks: { nearest: "rooted", ordered: voters === 0 ? "rooted" : "replicated" },
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
