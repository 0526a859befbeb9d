// Ports for servers that others must know before they listen, or that keep theirs over restarts.
import { randomInt } from "node:crypto"
import { readFileSync } from "node:fs"
import { createServer } from "node:net"

const lowest = 10_000

/**
 * A port of 127.0.0.1 that is free now, below those that the system gives to whoever dials: one of these could be somebody's
 * own end of a connection when the server comes back.
 */
export async function freePort() {
  const highest = lowestGiven() - 1
  for (;;) {
    const port = randomInt(lowest, highest + 1)
    if (await isFree(port)) return port
  }
}

/** As many of them, no two the same. */
export async function freePorts(count) {
  const ports = new Set()
  while (ports.size < count) ports.add(await freePort())
  return [...ports]
}

function lowestGiven() {
  try {
    const [low] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s+/).map(Number)
    if (low > 2 * lowest) return low
  } catch {
    // Another system.
  }
  return 32_768
}

function isFree(port) {
  return new Promise(resolve => {
    const server = createServer()
    server.once("error", () => resolve(false))
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)))
  })
}
