// One living tree of processes: three voters, and ten clients below them, two of which stay for the whole bench. What is
// killed is started again, and the next fault waits until all is well.
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { freePorts } from "../../scripts/free-port.mjs"

const program = join(dirname(fileURLToPath(import.meta.url)), "member.mjs")
const voters = 3
const clients = 10
/** They end what hangs; a busy machine is slow. */
const askMs = 60_000
const wellMs = 120_000
const eventsKept = 2000

export const nowUs = () => Number(process.hrtime.bigint() / 1000n)

/** One process at a time under a name. */
class Member {
  #given
  #child
  #calls = new Map()
  #call = 0
  #complaint = ""
  events = []

  constructor(name, given) {
    this.name = name
    this.#given = given
  }
  get isRunning() {
    return this.#child !== undefined
  }

  start() {
    const child = spawn(process.execPath, [program, JSON.stringify(this.#given)], { stdio: ["pipe", "pipe", "pipe"] })
    this.#child = child
    child.stdin.on("error", () => {})
    child.stderr.on("data", chunk => {
      this.#complaint = (this.#complaint + chunk).slice(-2000)
    })
    this.opened = new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).on("line", line => {
        const told = JSON.parse(line)
        if (told.event === "open") resolve(told)
        if (told.event !== undefined) this.#note({ atUs: nowUs(), ...told })
        this.#calls.get(told.answer)?.resolve(told)
        this.#calls.delete(told.answer)
      })
      child.once("close", (status, signal) => {
        const error = new Error(`${this.name} ended (${status ?? signal}): ${this.#complaint}`)
        reject(error)
        if (this.#child !== child) return
        this.#child = undefined
        for (const { reject } of this.#calls.values()) reject(error)
        this.#calls.clear()
      })
    })
    this.opened.catch(() => {})
  }
  #note(event) {
    this.events.push(event)
    if (this.events.length > 2 * eventsKept) this.events = this.events.slice(-eventsKept)
  }
  /** Joins there first from its next start on. */
  joinsAt(address) {
    const { join } = this.#given
    this.#given = {
      ...this.#given,
      join: { ...join, addresses: [address, ...join.addresses.filter(each => each !== address)] },
    }
  }
  ask(what, more = {}) {
    const call = ++this.#call
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#calls.delete(call)
        reject(new Error(`${this.name} did not answer ${what} within ${askMs / 1000} s`))
      }, askMs)
      const ended = settle => value => {
        clearTimeout(timer)
        settle(value)
      }
      this.#calls.set(call, { resolve: ended(resolve), reject: ended(reject) })
      this.#child?.stdin.write(`${JSON.stringify({ what, call, ...more })}\n`)
    })
  }
  signal(signal) {
    this.#child?.kill(signal)
  }
  kill() {
    const child = this.#child
    this.#child = undefined
    child?.kill("SIGKILL")
    for (const { reject } of this.#calls.values()) reject(new Error(`${this.name} was killed`))
    this.#calls.clear()
  }
}

export class Tree {
  #folder = mkdtempSync(join(tmpdir(), "zinc-bench-failover-"))
  #addresses = []
  #calmMs
  #spread
  voters = []
  clients = []

  constructor(calmMs, spread) {
    this.#calmMs = calmMs
    this.#spread = spread
  }

  /**
   * `calmMs`: how long the tree has been well at least before it is hurt again. `spread`: clients below each voter that is
   * not the root, the writer not counted. `trace`: members tell all they log.
   */
  static async open({ coordinator, everyMs = 5, calmMs = 1000, spread = 2, trace = false }) {
    const tree = new Tree(calmMs, spread)
    process.on("exit", tree.#kill)
    const addresses = tree.#addresses
    for (const port of await freePorts(voters)) addresses.push(`tcp://127.0.0.1:${port}`)
    for (const [at, listen] of addresses.entries()) {
      tree.voters.push(
        new Member(`voter${at + 1}`, {
          trace,
          host: {
            name: `voter${at + 1}`,
            tree: "failover",
            listen,
            data: join(tree.#folder, `voter${at + 1}`),
            seeds: addresses,
            direct: true,
            ...(coordinator && { coordinator }),
          },
        }),
      )
    }
    for (let at = 0; at < clients; at++) {
      // Four below each of two voters, two below the third; everyone knows all three.
      const first = at < 8 ? 1 + (at % 2) : 0
      const known = [addresses[first], ...addresses.filter(each => each !== addresses[first])]
      tree.clients.push(
        new Member(`client${at + 1}`, { trace, join: { addresses: known, options: { name: `client${at + 1}` } } }),
      )
    }
    for (const voter of tree.voters) {
      voter.start()
      await voter.opened
    }
    for (const client of tree.clients) client.start()
    await Promise.all(tree.clients.map(client => client.opened))
    await tree.isWell()
    await tree.writer.ask("write", { everyMs })
    await tree.isWell()
    return tree
  }

  get members() {
    return [...this.voters, ...this.clients]
  }
  /** A leaf that nobody kills. */
  get writer() {
    return this.clients[0]
  }
  get survivors() {
    return this.members.filter(each => each.isRunning && each !== this.writer)
  }

  async states() {
    const running = this.members.filter(each => each.isRunning)
    const states = await Promise.all(running.map(each => each.ask("state")))
    return new Map(running.map((member, at) => [member, states[at]]))
  }

  /** One root, everyone linked below it, and a message that is sent now arrives everywhere. */
  async isWell() {
    const until = performance.now() + wellMs
    for (;;) {
      const states = [...(await this.states()).values()]
      const roots = states.filter(each => each.role === "host")
      const astray = states.filter(each => !each.linked || each.path[0] !== roots[0]?.id)
      if (states.length === voters + clients && roots.length === 1 && astray.length === 0) break
      if (performance.now() > until) {
        const told = states.map(({ role, linked, path }) => `${role} ${linked} ${path.length}`)
        throw new Error(`the tree is not well after ${wellMs / 1000} s: ${told.join(", ")}`)
      }
      await sleep(50)
    }
  }

  /** Voters that are not the root, each with the clients below it but the writer; those with most first. */
  async relays() {
    const states = await this.states()
    return this.voters
      .filter(relay => states.get(relay)?.role === "relay")
      .map(relay => ({
        relay,
        below: this.survivors.filter(each => each !== relay && states.get(each).path.includes(states.get(relay).id)),
      }))
      .sort((a, b) => b.below.length - a.below.length)
  }

  /** The tree is two deep: clients are started again where too few are left below a relay. */
  async isSpread() {
    await this.isWell()
    const relays = await this.relays()
    const placed = new Set(relays.flatMap(({ below }) => below.slice(0, this.#spread)))
    const moved = []
    const free = this.clients.filter(each => each !== this.writer && !placed.has(each))
    for (const { relay, below } of relays) {
      for (let count = below.length; count < this.#spread; count++) {
        const client = free.pop()
        client.joinsAt(this.#addresses[this.voters.indexOf(relay)])
        client.kill()
        client.start()
        moved.push(client.opened)
      }
    }
    await Promise.all(moved)
    if (moved.length > 0) await this.isWell()
  }

  /** Well for a while: no link is so young that its loss counts against its host, no process is still starting. */
  async isCalm() {
    await sleep(this.#calmMs * (1 + Math.random() / 4))
    await this.isWell()
  }

  async root() {
    for (const [member, { role }] of await this.states()) if (role === "host") return member
    throw new Error("the tree has no root")
  }

  /** Milliseconds from that moment until each of them has heard what was sent after it. */
  async heardAfter(members, fromUs) {
    const answers = await Promise.all(members.map(each => each.ask("since", { afterUs: fromUs })))
    return Math.max(...answers.map(each => each.gotUs - fromUs)) / 1000
  }

  async close() {
    this.#kill()
    process.off("exit", this.#kill)
    rmSync(this.#folder, { recursive: true, force: true })
  }
  #kill = () => {
    for (const member of this.members) member.kill()
  }
}
