// The machines' network. As root each machine is a network namespace on a switch of our own, and links are cut where the
// packets go: a whole machine, or between two of them in one direction. Elsewhere every listener stands behind a line of
// ours on 127.0.0.1 that can be cut, both ways at once.
import { execFileSync } from "node:child_process"
import { connect, createServer } from "node:net"

export function openNetwork(names, say) {
  try {
    return new Switch(names)
  } catch (error) {
    say(`!!! no network namespaces here (${error.message.trim().split("\n")[0]}): only listeners can be cut off`)
    return new Lines()
  }
}

/** Namespaces named zinc-PID-…, on a bridge in one of them; 198.18.0.0/15 is for such tests. */
class Switch {
  kind = "namespaces"
  canPart = true
  #id = process.pid & 0x3fff
  #numbers = new Map()

  constructor(names) {
    const hub = this.#namespace("hub")
    try {
      ip("netns", "add", hub)
      for (const bridge of ["switch", "aside"]) {
        ip("-n", hub, "link", "add", bridge, "type", "bridge")
        ip("-n", hub, "link", "set", bridge, "up")
      }
      for (const [at, name] of names.entries()) this.#add(name, at + 1)
    } catch (error) {
      this.close()
      throw error
    }
  }

  #namespace(name) {
    return `zinc-${this.#id}-${name}`
  }

  #add(name, number) {
    const own = this.#namespace(name)
    const hub = this.#namespace("hub")
    this.#numbers.set(name, number)
    ip("netns", "add", own)
    ip("-n", hub, "link", "add", `to${number}`, "type", "veth", "peer", "name", "line", "netns", own)
    ip("-n", hub, "link", "set", `to${number}`, "master", "switch", "up")
    ip("-n", own, "addr", "add", `${this.#addressOf(name)}/24`, "dev", "line")
    ip("-n", own, "link", "set", "line", "up")
    ip("-n", own, "link", "set", "lo", "up")
  }

  #addressOf(name) {
    return `198.18.${this.#id & 0xff}.${this.#numbers.get(name)}`
  }
  /** Where it listens, and where others dial it. */
  async listenAt(name, port) {
    const address = `tcp://${this.#addressOf(name)}:${port}`
    return { listen: address, dial: address }
  }
  /** Put before a program, it runs on that machine. */
  within(name) {
    return ["ip", "netns", "exec", this.#namespace(name)]
  }

  cut(name) {
    ip("-n", this.#namespace("hub"), "link", "set", `to${this.#numbers.get(name)}`, "down")
  }
  heal(name) {
    ip("-n", this.#namespace("hub"), "link", "set", `to${this.#numbers.get(name)}`, "up")
  }

  /** Those hear one another, and nobody else: they are on a switch of their own. */
  part(names) {
    this.#plug(names, "aside")
  }
  unite(names) {
    this.#plug(names, "switch")
  }
  #plug(names, bridge) {
    for (const name of names)
      ip("-n", this.#namespace("hub"), "link", "set", `to${this.#numbers.get(name)}`, "master", bridge)
  }

  /** Nothing that the one sends reaches the other: it goes to a station that nobody is. */
  silence(from, to) {
    const neighbour = [this.#addressOf(to), "dev", "line"]
    ip("-n", this.#namespace(from), "neigh", "replace", ...neighbour, "lladdr", "02:00:00:00:00:01", "nud", "permanent")
  }
  unsilence(from, to) {
    ip("-n", this.#namespace(from), "neigh", "del", this.#addressOf(to), "dev", "line")
  }

  close() {
    for (const name of ["hub", ...this.#numbers.keys()]) {
      try {
        ip("netns", "del", this.#namespace(name))
      } catch {
        // It was never made.
      }
    }
  }
}

/** Without namespaces: lines that carry octets, and can be cut. */
class Lines {
  kind = "lines"
  canPart = false
  #lines = new Map()

  async listenAt(name, port) {
    const line = this.#lines.get(name) ?? (await Line.open(port))
    this.#lines.set(name, line)
    return { listen: `tcp://127.0.0.1:${port}`, dial: `tcp://127.0.0.1:${line.port}` }
  }
  within() {
    return []
  }
  cut(name) {
    this.#lines.get(name)?.cut()
  }
  heal(name) {
    this.#lines.get(name)?.heal()
  }
  silence() {}
  unsilence() {}
  close() {
    for (const line of this.#lines.values()) line.close()
  }
}

class Line {
  #pairs = new Set()
  #whole = true

  static open(farPort) {
    const line = new Line()
    line.server = createServer(near => line.#take(near, farPort))
    return new Promise((resolve, reject) => {
      line.server.once("error", reject)
      line.server.listen(0, "127.0.0.1", () => resolve(line))
    })
  }
  get port() {
    return this.server.address().port
  }
  #take(near, farPort) {
    const far = connect({ host: "127.0.0.1", port: farPort })
    const pair = [near, far]
    this.#pairs.add(pair)
    for (const socket of pair) {
      const end = () => {
        this.#pairs.delete(pair)
        near.destroy()
        far.destroy()
      }
      socket.on("error", end)
      socket.on("close", end)
    }
    if (this.#whole) bridge(pair)
  }
  cut() {
    this.#whole = false
    for (const pair of this.#pairs) for (const socket of pair) socket.unpipe().pause()
  }
  heal() {
    this.#whole = true
    for (const pair of this.#pairs) bridge(pair)
  }
  close() {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy()
    this.server.close()
  }
}

function bridge([near, far]) {
  near.pipe(far)
  far.pipe(near)
}
function ip(...command) {
  execFileSync("ip", command, { stdio: ["ignore", "ignore", "pipe"] })
}
