// A machine with one endpoint process at a time, and what can be done to it.
import { spawn } from "node:child_process"
import { appendFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

const member = join(dirname(fileURLToPath(import.meta.url)), "member.mjs")
const askMs = 60_000

export class Machine {
  #plan
  #network
  #folder
  #place
  #above
  #coordinator
  /** What it says it is: "host" is the root. */
  role
  /** What went wrong with the process itself. */
  complaints = []
  #lives = 0
  #child
  #waiting = []

  /** `machines` are those that it may join, among others. */
  static async at(plan, network, folder, machines, coordinator) {
    const machine = new Machine()
    machine.#plan = plan
    machine.#network = network
    machine.#folder = folder
    machine.#coordinator = coordinator
    machine.#above = plan.above.flatMap(name => machines.find(each => each.name === name)?.dial ?? [])
    if (plan.role !== "client") {
      const port = network.kind === "namespaces" ? 7700 : await freePort()
      machine.#place = await network.listenAt(plan.name, port)
    }
    return machine
  }

  /** Where the voters are dialled. */
  seeds = []

  get name() {
    return this.#plan.name
  }
  /** Where others dial it; undefined for a leaf. */
  get dial() {
    return this.#place?.dial
  }
  get #life() {
    return `${this.name}.${this.#lives}`
  }

  /** Starts the next life; `opened` says when its endpoint is open. */
  start() {
    this.#lives++
    const { role, transport, workload } = this.#plan
    const given = {
      life: this.#life,
      history: join(this.#folder, `${this.#life}.jsonl`),
      transport,
      workload,
      ...(role === "host" || role === "voter"
        ? { host: { listen: this.#place.listen, ...this.#hosting() } }
        : {
            join: {
              addresses: this.#above,
              options: {
                joinTimeoutMs: 2000,
                reconnect: { minMs: 50, maxMs: 1000 },
                ...(this.#place && { listen: this.#place.listen }),
              },
            },
          }),
    }
    const command = [...this.#network.within(this.name), process.execPath, member, JSON.stringify(given)]
    const child = spawn(command[0], command.slice(1), { stdio: ["pipe", "pipe", "pipe"] })
    this.#child = child
    child.stdin.on("error", () => {})
    let complaint = ""
    child.stderr.on("data", chunk => {
      complaint = (complaint + chunk).slice(-2000)
    })
    createInterface({ input: child.stdout }).on("line", line => this.#heard(JSON.parse(line)))
    this.opened = this.#hears("open")
    child.once("close", (status, signal) => {
      if (this.#child !== child) return
      this.#child = undefined
      this.complaints.push(`${this.#life} ended (${status ?? signal}): ${complaint}`)
      for (const { what, reject } of this.#waiting.splice(0))
        reject(new Error(`${this.name} ended before it said "${what}": ${complaint}`))
    })
    this.opened.catch(() => {})
  }

  /** Where voters decide, each has a folder, knows the others, and is reached without anything between. */
  #hosting() {
    if (this.#plan.role === "host") return { options: {} }
    const direct = this.#network.kind === "namespaces"
    return {
      options: {
        tree: "chaos",
        data: join(this.#folder, `data-${this.name}`),
        seeds: this.seeds,
        direct,
        advertise: [this.dial],
      },
      ...(this.#coordinator && { coordinator: this.#coordinator }),
    }
  }

  #heard(told) {
    if (told.role !== undefined) this.role = told.role
    if (told.what === "ended") this.complaints.push(`${this.#life} closed by itself: ${told.code}: ${told.message}`)
    const at = this.#waiting.findIndex(each => each.what === told.what)
    if (at >= 0) this.#waiting.splice(at, 1)[0].resolve(told)
  }
  #hears(what) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${this.name} did not say "${what}" in ${askMs / 1000} s`)),
        askMs,
      )
      const settled = settle => value => {
        clearTimeout(timer)
        settle(value)
      }
      this.#waiting.push({ what, resolve: settled(resolve), reject: settled(reject) })
    })
  }

  tell(command) {
    this.#child?.stdin.write(`${command}\n`)
  }
  /** Tells it a command and waits until it says so. */
  ask(command, what = command) {
    const answer = this.#hears(what)
    this.tell(command)
    return answer
  }

  /** Into the history, for people and for the judge. */
  note(what, e = "fault") {
    const entry = { t: Number(process.hrtime.bigint() / 1000n), life: this.#life, e, ...(e === "fault" && { what }) }
    appendFileSync(join(this.#folder, "faults.jsonl"), `${JSON.stringify(entry)}\n`)
  }
  signal(signal) {
    this.note(`gets ${signal}`)
    this.#child?.kill(signal)
  }
  /** As by `kill -9`; nothing when it does not run. */
  kill() {
    const child = this.#child
    if (child === undefined) return
    this.#child = undefined
    this.role = undefined
    child.kill("SIGKILL")
    this.note("", "killed")
    for (const { reject } of this.#waiting.splice(0)) reject(new Error(`${this.name} was killed`))
  }
  async close() {
    const closed = this.ask("close", "closed")
    const child = this.#child
    await closed
    if (this.#child === child) this.#child = undefined
  }
}
