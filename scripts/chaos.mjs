// Chaos on real processes, from dist/ (`npm run chaos` builds it first): a tree of endpoints, each a process on a machine
// of its own, that send, order, acknowledge and edit, while processes are killed and stopped and links are cut. Each writes
// its history down; in the end the histories are judged by the code that judges the simulator.
//
//   npm run chaos                                       15 processes, one minute of faults
//   npm run chaos -- --processes 20 --minutes 10        more of it
//   npm run chaos -- --transport native                 zmtp, native, or mixed (default)
//   npm run chaos -- --voters 0                         one root that is spared; 3 (default), 5 or 7 decide who is root
//   npm run chaos -- --record etcd                      where voters keep the record: embedded (default), zookeeper, etcd
//   npm run chaos -- --seed 17                          the same faults at the same times; what they meet differs
//   npm run chaos -- --keep FOLDER                      histories are left there
//   npm run chaos -- --judge FOLDER --about r2          judges kept histories again; lines that mention r2
//
// As root on Linux machines are network namespaces, so that any link can be cut; elsewhere listeners can be cut off.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { SeededRandom } from "../dist/core/index.js"
import { judgeHistory } from "../dist/testing/index.js"
import { Machine } from "./chaos/machine.mjs"
import { openNetwork } from "./chaos/network.mjs"
import { Store } from "./chaos/store.mjs"
import { drawTree, hasNative } from "./chaos/tree.mjs"
import { freePort } from "./free-port.mjs"
import { readScriptOptions } from "./options.mjs"
import { installServices } from "./services.mjs"

const values = readScriptOptions(import.meta.url, {
  processes: { type: "string", default: "15" },
  minutes: { type: "string", default: "1" },
  voters: { type: "string", default: "3" },
  record: { type: "string", default: "embedded" },
  transport: { type: "string", default: "mixed" },
  seed: { type: "string", default: String(Date.now() % 100_000) },
  keep: { type: "string" },
  judge: { type: "string" },
  about: { type: "string" },
  lines: { type: "string", default: "40" },
  json: { type: "boolean", default: false },
})
const say = text => console.error(text)

/** Opens the tree, does what the seed says, waits until all is well again; resolves with figures. */
async function reign(folder) {
  const random = new SeededRandom(number("seed", 0))
  const voters = number("voters", 0)
  const processes = number("processes", voters + 3)
  const server = serverOf(values.record)
  if (!["zmtp", "native", "mixed"].includes(values.transport)) fail("--transport is zmtp, native or mixed")
  if (values.transport !== "zmtp" && !hasNative) say("!!! npm zeromq does not load here: all endpoints are zmtp")
  const tree = drawTree(processes, voters, random, hasNative ? values.transport : "zmtp")
  const network = openNetwork([...tree.map(each => each.name), ...(server === undefined ? [] : ["store"])], say)
  const machines = []
  const figures = {
    processes,
    voters,
    record: values.record,
    network: network.kind,
    minutes: number("minutes", 0),
    faults: {},
    complaints: [],
  }
  let store
  const interrupted = () => {
    for (const machine of machines) machine.kill()
    store?.kill()
    network.close()
    process.exit(130)
  }
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, interrupted)
  try {
    if (server !== undefined) {
      store = await Store.at(values.record, server, network, folder, freePort)
      store.start()
    }
    for (const plan of tree) machines.push(await Machine.at(plan, network, folder, machines, store?.coordinator))
    const seeds = machines.slice(0, voters).map(each => each.dial)
    for (const machine of machines) {
      machine.seeds = seeds
      machine.start()
      await machine.opened
    }
    say(`${processes} processes, ${network.kind}, seed ${values.seed}`)
    await torment(machines, voters, store, network, random, figures)
    await settle(machines)
  } catch (error) {
    figures.complaints.push(error.message)
  } finally {
    figures.complaints.push(...[...machines, ...(store ? [store] : [])].flatMap(each => each.complaints))
    for (const machine of machines) machine.kill()
    store?.kill()
    network.close()
    for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, interrupted)
  }
  return figures
}

async function torment(machines, voters, store, network, random, figures) {
  const until = performance.now() + number("minutes", 0) * 60_000
  const afflicted = new Set()
  const governed = machines.slice(0, voters)
  // With one root for ever it is spared: what it has is what there is.
  const others = machines.slice(voters === 0 ? 1 : 0)
  const afflict = (kind, machine) => {
    figures.faults[kind] = (figures.faults[kind] ?? 0) + 1
    afflicted.add(machine)
    const peer = voters === 0 ? machines[0] : governed[random.below(voters)]
    faults[kind](machine, 200 + random.below(3800), { network, peer })
      .catch(error => machine.complaints.push(`${kind}: ${error.message}`))
      .finally(() => afflicted.delete(machine))
  }
  while (performance.now() < until) {
    await sleep(200 + random.below(1800))
    const draw = random.below(8)
    if (draw === 7 && network.canPart && voters > 0 && afflicted.size === 0 && random.below(3) === 0) {
      figures.faults.part = (figures.faults.part ?? 0) + 1
      await part(machines, governed, network, random)
      continue
    }
    if (draw === 0 && store !== undefined && !afflicted.has(store)) {
      afflict(random.below(3) === 0 ? "pauseTheStore" : "killTheStore", store)
      continue
    }
    // Half of the tree stays well, and mostly a majority of the voters, or there would be nothing to see.
    const away = governed.filter(each => afflicted.has(each)).length
    const sparesVoters = away + 1 > (voters - 1) / 2 && random.below(6) > 0
    const root = governed.find(each => each.role === "host" && !afflicted.has(each))
    if (draw < 3 && root !== undefined && !sparesVoters) {
      afflict(["killTheRoot", "killTheRoot", "pauseTheRoot", "cutTheRoot"][random.below(4)], root)
      continue
    }
    const free = others.filter(each => !afflicted.has(each) && !(sparesVoters && governed.includes(each)))
    if (free.length === 0 || afflicted.size >= machines.length / 2) continue
    const kinds = ["kill", "kill", "pause", "cut", ...(network.canPart ? ["deafen", "mute"] : [])]
    afflict(kinds[random.below(kinds.length)], free[random.below(free.length)])
  }
  while (afflicted.size > 0) await sleep(100)
}

/** The network falls in two, a minority of the voters on the one side, and is whole again after some seconds. */
async function part(machines, governed, network, random) {
  const few = governed.filter((_, at) => at < (governed.length - 1) / 2)
  const aside = machines.filter(each => few.includes(each) || (!governed.includes(each) && random.below(2) === 0))
  for (const each of aside) each.note("is in the lesser half")
  network.part(aside.map(each => each.name))
  await sleep(2000 + random.below(6000))
  network.unite(aside.map(each => each.name))
  for (const each of aside) each.note("hears all again")
}

const faults = {
  async kill(machine, ms) {
    machine.kill()
    await sleep(ms)
    machine.start()
    await machine.opened
  },
  async pause(machine, ms) {
    machine.signal("SIGSTOP")
    await sleep(ms)
    machine.signal("SIGCONT")
  },
  async cut(machine, ms, { network }) {
    machine.note("is cut off")
    network.cut(machine.name)
    await sleep(ms)
    network.heal(machine.name)
    machine.note("is on the network again")
  },
  /** What the root, or one of the voters, says does not reach it; or the other way. */
  deafen: (machine, ms, { network, peer }) => silence(network, peer, machine, ms),
  mute: (machine, ms, { network, peer }) => silence(network, machine, peer, ms),
  killTheRoot: (...given) => faults.kill(...given),
  pauseTheRoot: (...given) => faults.pause(...given),
  cutTheRoot: (...given) => faults.cut(...given),
  killTheStore: (...given) => faults.kill(...given),
  pauseTheStore: (...given) => faults.pause(...given),
}
async function silence(network, from, to, ms) {
  if (from === to) return
  to.note(`does not hear ${from.name}`)
  network.silence(from.name, to.name)
  await sleep(ms)
  network.unsilence(from.name, to.name)
  to.note("hears all again")
}

/** Until everyone is linked, nothing moves any more, and all replicas are equal. */
async function settle(machines) {
  await reached("everyone is linked", async () => {
    const states = await Promise.all(machines.map(each => each.ask("state")))
    return states.every(each => each.linked) || states.flatMap((each, at) => (each.linked ? [] : machines[at].name))
  })
  for (const machine of machines) machine.tell("stop")
  await still(machines)
  for (const machine of machines) machine.tell("words")
  await still(machines)
  await reached("all replicas are equal", async () => {
    const states = await Promise.all(machines.map(each => each.ask("state")))
    const kinds = new Set(states.map(each => JSON.stringify(each.documents)))
    return kinds.size === 1 || `${kinds.size} kinds of replicas`
  })
  await Promise.all(machines.map(each => each.ask("write", "written")))
  await Promise.all(machines.map(each => each.close()))
}

async function still(machines) {
  let before
  await reached("nothing moves", async () => {
    await sleep(1500)
    const states = await Promise.all(machines.map(each => each.ask("state")))
    const now = JSON.stringify(
      states.map(({ statistics }) => [statistics.delivered, statistics.gaps, statistics.resent]),
    )
    const same = now === before
    before = now
    return same || "messages still move"
  })
}

/** What does not come is for the judge to see, not a reason to stop. */
async function reached(what, look, limitMs = 60_000) {
  const until = performance.now() + limitMs
  for (;;) {
    const found = await look()
    if (found === true) return
    if (performance.now() > until) {
      say(`!!! after ${limitMs / 1000} s it is not so that ${what}: ${found}`)
      return
    }
    await sleep(200)
  }
}

async function judge(folder, figures) {
  if (!existsSync(folder)) fail(`there is no ${folder}`)
  const entries = readdirSync(folder)
    .filter(name => name.endsWith(".jsonl"))
    .flatMap(name => linesOf(join(folder, name)))
  const judgement = await judgeHistory(entries, { rootLost: false, voters: isGoverned(folder), kept: 1_000_000 })
  const { violations, tail, ...counts } = judgement
  if (values.about !== undefined || violations.length > 0)
    for (const line of judgement.tail(number("lines", 0), values.about)) say(line)
  for (const { atMs, invariant, what } of violations) say(`${(atMs / 1000).toFixed(3)} s: ${invariant}: ${what}`)
  const { complaints = [] } = figures
  for (const complaint of complaints) say(`!!! ${complaint}`)
  const joins = entries.filter(each => each.e === "event" && each.type === "joined").length
  if (values.json) console.log(JSON.stringify({ seed: values.seed, ...figures, ...counts, joins, violations }))
  else {
    const kinds = Object.entries(figures.faults ?? {}).map(([kind, count]) => `${count} × ${kind}`)
    console.log(`faults        ${kinds.join(", ") || "none"}`)
    for (const [name, count] of Object.entries({ ...counts, joins }))
      console.log(`${name.padEnd(13)} ${typeof count === "object" ? JSON.stringify(count) : count}`)
    console.log(`violations    ${violations.length}`)
  }
  return violations.length + complaints.length > 0 ? 1 : 0
}

/** Voters have folders of their own there. */
function isGoverned(folder) {
  return readdirSync(folder).some(name => name.startsWith("data-"))
}

/** What keeps the record besides the voters themselves, and how it is started. */
function serverOf(record) {
  if (record === "embedded") return undefined
  if (!["zookeeper", "etcd"].includes(record)) fail("--record is embedded, zookeeper or etcd")
  if (number("voters", 0) === 0) fail("--record is for trees with voters")
  return installServices()[record] ?? fail(`there is no ${record} here, and it could not be installed`)
}

/** A process that was killed may have left half a line. */
function linesOf(path) {
  return readFileSync(path, "utf8")
    .split("\n")
    .flatMap(line => {
      try {
        return [JSON.parse(line)]
      } catch {
        return []
      }
    })
}

function number(name, least) {
  const value = Number(values[name])
  return Number.isFinite(value) && value >= least
    ? value
    : fail(`--${name} ${values[name]} is no number from ${least} on`)
}
function fail(text) {
  say(text)
  process.exit(2)
}

if (values.judge !== undefined) {
  process.exitCode = await judge(resolve(values.judge), {})
} else {
  const folder = values.keep === undefined ? mkdtempSync(join(tmpdir(), "zinc-chaos-")) : resolve(values.keep)
  mkdirSync(folder, { recursive: true })
  if (readdirSync(folder).length > 0) fail(`${folder} is not empty`)
  try {
    process.exitCode = await judge(folder, await reign(folder))
  } finally {
    if (values.keep === undefined && process.exitCode === 0) rmSync(folder, { recursive: true, force: true })
    else say(`the histories are in ${folder}`)
  }
}
