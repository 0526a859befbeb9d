// Three voter processes of one tree, whose root is killed or stopped again and again; what they said is judged in the end.
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

const program = fileURLToPath(new URL("./voter.mjs", import.meta.url))
const now = () => performance.timeOrigin + performance.now()
/** Nothing here takes that long unless something is wrong. */
const patienceMs = 60_000

export class Crew {
  /** Entries that a root acknowledged: their sequence by their number. */
  acked = new Map()
  #voters = []
  #folder = mkdtempSync(join(tmpdir(), "zinc-crew-"))
  #options
  #waiting = new Set()

  constructor(options) {
    this.#options = { tree: `bench ${process.pid} ${crews++}`, everyMs: 5, store: {}, ...options }
  }

  async open() {
    // The first founds alone, so that its port is known to the others.
    const first = await this.#start(0, { address: "tcp://127.0.0.1:0", seeds: [] })
    for (const index of [1, 2]) await this.#start(index, { address: "tcp://127.0.0.1:0", seeds: [first.address] })
    await this.#until("three voters", () => first.voters === 3)
    await this.steady()
  }

  get root() {
    return this.#voters.find(voter => voter.reigns)
  }

  /** One reigns, and the others obey and have links to all. */
  async steady() {
    for (;;) {
      await this.#until("a root that all obey", () => {
        const { root } = this
        return root !== undefined && this.#voters.every(voter => voter.up && voter.epoch === root.epoch)
      })
      const all = await Promise.all(this.#voters.map(voter => this.#ask(voter, "status")))
      const reached = all.every(status => status.linked === 2 && status.following && status.epoch === all[0].epoch)
      if (reached && all.filter(status => status.authority).length === 1) return
      await this.#pause(20)
    }
  }

  /** kill -9. Milliseconds until another has authority. The victim comes back with what its folder holds. */
  async killRoot() {
    const victim = this.root
    const gone = new Promise(resolve => victim.child.once("exit", resolve))
    const at = now()
    victim.child.kill("SIGKILL")
    const heir = await this.#heir(victim)
    await gone
    await this.#start(this.#voters.indexOf(victim), { address: victim.address, seeds: [] })
    await this.steady()
    return heir.reignedAt - at
  }

  /** SIGSTOP. As above; the victim goes on where it stood, and must not have acted as root since. */
  async stopRoot() {
    const victim = this.root
    const { epoch } = victim
    const at = now()
    victim.child.kill("SIGSTOP")
    const heir = await this.#heir(victim)
    const reignedAt = heir.reignedAt
    victim.child.kill("SIGCONT")
    const status = await this.#ask(victim, "status")
    if (status.authority) throw new Error(`the root of epoch ${epoch} came back and had authority`)
    if (status.acts[epoch] > reignedAt)
      throw new Error(
        `the root of epoch ${epoch} acted ${(status.acts[epoch] - reignedAt).toFixed(1)} ms into another reign`,
      )
    await this.steady()
    return reignedAt - at
  }

  /** Throws if anything that was acknowledged is lost, or two logs differ in what is committed. Returns how much there was. */
  async judge() {
    await this.steady()
    // The load goes on, and is judged up to here.
    const acknowledged = [...this.acked]
    const logs = await Promise.all(this.#voters.map(voter => this.#ask(voter, "log")))
    const committed = Math.max(...logs.map(log => log.committed))
    const whole = logs.find(log => log.committed === committed)
    const byNumber = new Map(whole.entries.map(entry => [entry[1], entry]))
    const lost = acknowledged.filter(([number, sequence]) => byNumber.get(number)?.[2] !== sequence)
    if (lost.length > 0)
      throw new Error(`acknowledged and lost: ${JSON.stringify(lost.slice(0, 5))}, ${lost.length} in all`)
    for (const log of logs)
      for (const entry of log.entries)
        if (entry[1] <= log.committed && JSON.stringify(byNumber.get(entry[1])) !== JSON.stringify(entry))
          throw new Error(`two logs differ: ${JSON.stringify(entry)} and ${JSON.stringify(byNumber.get(entry[1]))}`)
    let sequence = 0
    for (const entry of whole.entries) {
      if (entry.length < 4 || entry[1] > committed) continue
      if (entry[2] !== ++sequence || entry[3] !== sequence)
        throw new Error(`entry ${entry[1]} holds ${entry[3]} as ${entry[2]}; ${sequence} was expected`)
    }
    return { acked: acknowledged.length, entries: whole.entries.length }
  }

  async close() {
    await Promise.all(
      this.#voters.map(({ child }) => {
        if (child.exitCode !== null || child.signalCode !== null) return undefined
        const gone = new Promise(resolve => child.once("exit", resolve))
        child.kill("SIGKILL")
        return gone
      }),
    )
    rmSync(this.#folder, { recursive: true, force: true })
  }

  // ---- processes ----

  async #start(index, { address, seeds }) {
    const { tree, everyMs, store, log } = this.#options
    const folder = join(this.#folder, String(index))
    const told = JSON.stringify({ tree, folder, address, seeds, store, everyMs, log })
    const child = spawn(process.execPath, [program, told], { stdio: ["pipe", "pipe", "inherit"] })
    const voter = { child, up: false, reigns: false, epoch: 0, voters: 0, address, reignedAt: 0, answers: [] }
    this.#voters[index] = voter
    child.once("exit", () => {
      voter.up = false
      voter.reigns = false
      this.#poke()
    })
    createInterface({ input: child.stdout }).on("line", line => {
      this.#heard(voter, JSON.parse(line))
      this.#poke()
    })
    await this.#until("a voter to begin", () => voter.up)
    return voter
  }

  #heard(voter, said) {
    switch (said.type) {
      case "ready":
        voter.up = true
        voter.id = said.voter
        voter.address = said.address
        break
      case "reign":
        voter.reigns = said.self
        voter.epoch = said.epoch
        if (said.self) voter.reignedAt = said.at
        break
      case "deposed":
        voter.reigns = false
        voter.epoch = 0
        break
      case "voters":
        voter.voters = said.count
        break
      case "acked":
        for (const [number, sequence] of said.acked) this.acked.set(number, sequence)
        break
      case "status":
      case "log":
        voter.answers.shift()?.(said)
        break
    }
  }

  #ask(voter, what) {
    const answer = new Promise(resolve => voter.answers.push(resolve))
    voter.child.stdin.write(`${what}\n`)
    return answer
  }

  async #heir(victim) {
    const { epoch } = victim
    let heir
    await this.#until(`a reign after epoch ${epoch}`, () => {
      heir = this.#voters.find(voter => voter !== victim && voter.reigns && voter.epoch > epoch)
      return heir !== undefined
    })
    return heir
  }

  // ---- waiting ----

  #poke() {
    for (const look of [...this.#waiting]) look()
  }

  #until(what, condition) {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!condition()) return
        clearTimeout(timer)
        this.#waiting.delete(look)
        resolve()
      }
      const timer = setTimeout(() => {
        this.#waiting.delete(look)
        const states = this.#voters.map(({ up, reigns, epoch }) => ({ up, reigns, epoch }))
        reject(new Error(`waited ${patienceMs} ms for ${what}, in vain: ${JSON.stringify(states)}`))
      }, patienceMs)
      this.#waiting.add(look)
      look()
    })
  }

  #pause(ms) {
    return new Promise(resolve => setTimeout(resolve, ms))
  }
}

let crews = 0
