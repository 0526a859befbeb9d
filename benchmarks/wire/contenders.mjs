// Who takes part in the wire benches. Each is a program with these roles; what they say are lines of JSON:
//
//   pull COUNT SIZE ADDRESS          binds, says {"address"}, receives, says {"seconds", "sum", "cpuMs"}
//   push COUNT SIZE ADDRESS          connects, sends, says {"cpuMs"}
//   reply COUNT SIZE ADDRESS         binds, says {"address"}, returns each message, says {"cpuMs"}
//   request COUNT SIZE ADDRESS       connects, sends the next one when the last is back, says {"median", "p99", "sum"}
//   publish COUNT SIZE ADDRESS N     binds, says {"address"}, and when N subscribers are there sends, losing nothing
//   subscribe COUNT SIZE ADDRESS N   N subscribers to everything; says {"seconds", "sum", "cpuMs"} of all together
//   announce COUNT SIZE ADDRESS N    as publish, but one message now and one for each line it reads, each stamped
//   listen COUNT SIZE ADDRESS N      says {"heard"} when all N have a message; in the end {"median", "p99"}
//   time COUNT SIZE ADDRESS RATE     binds, says {"address"}, and how late messages came: {"p50", "p99", "p999", …}
//   pace COUNT SIZE ADDRESS RATE     connects, and sends RATE messages a second, each stamped with when it was due
//   within COUNT SIZE ADDRESS        push and pull in one process; says {"seconds", "sum", "cpuMs"}
//   hold COUNT SIZE ADDRESS          binds, says {"address"} and {"rss"}; {"rss"} again when told to measure, and
//                                    {"messages"} when COUNT messages have come
//
// ADDRESS is tcp://127.0.0.1:0 or an ipc path to bind, and what was said to connect. Message i begins with the octet
// i % variants(SIZE), or, where it is stamped, with the time: a double, little-endian, nanoseconds of the system's
// monotonic clock. `sum` adds first octets and lengths, so that nobody can skip the work.
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, statSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const here = dirname(fileURLToPath(import.meta.url))
const build = join(here, "../build")

/** Messages are prepared beforehand, so that making them is no part of the rate: this many different ones. */
export function variants(size) {
  return size >= 16_384 ? 16 : 256
}

export function expectedSum(count, size) {
  const ring = variants(size)
  const rounds = Math.floor(count / ring)
  const rest = count % ring
  return (rounds * ring * (ring - 1)) / 2 + (rest * (rest - 1)) / 2 + count * size
}

const known = {}

/** name → [command, first arguments], for those that are asked for and can run here; says loudly which cannot. */
export function wireContenders(only) {
  const asked = name => (only === undefined || only.includes(name)) && !(name in known)
  if (asked("zinc")) addZinc()
  if (asked("libzmq")) addLibzmq()
  if (asked("zeromq.js")) addZeromqJs()
  if (asked("net")) known.net = peer("net.mjs")
  return Object.fromEntries(Object.entries(known).filter(([name]) => only === undefined || only.includes(name)))
}

/** The same for programs written for zeromq.js: our drop-in door and npm zeromq, running one and the same program. */
export function awaitedContenders(only) {
  const dropIn = existsSync(join(here, "../../dist/zeromq/index.js"))
  if (!dropIn) shout("dist/ has no zeromq door, so there is nothing to compare: run `npm run build`")
  const { "zeromq.js": native } = wireContenders(["zeromq.js"])
  const both = { ...(dropIn && { zinc: peer("drop-in.mjs") }), ...(native && { "zeromq.js": native }) }
  return Object.fromEntries(Object.entries(both).filter(([name]) => only === undefined || only.includes(name)))
}

/** Those that speak WebSocket. */
export function webSocketContenders(only) {
  const { zinc, "zeromq.js": native } = wireContenders(["zinc", "zeromq.js"])
  let ws
  try {
    createRequire(import.meta.url)("ws")
    ws = peer("ws.mjs")
  } catch (error) {
    shout(`npm ws does not load, so there is no column ws: ${error.message}`)
  }
  const all = { ...(zinc && { zinc }), ...(ws && { ws }), ...(native && { "zeromq.js": native }) }
  return Object.fromEntries(Object.entries(all).filter(([name]) => only === undefined || only.includes(name)))
}

/** The program that dials often. */
export function crowd() {
  return peer("crowd.mjs")
}

function addZinc() {
  if (existsSync(join(here, "../../dist/transport/zmtp/index.js"))) known.zinc = peer("zinc.mjs")
  else shout("dist/ has no zmtp transport, so there is no column zinc: run `npm run build`")
}

function addLibzmq() {
  const program = compiled()
  if (program !== undefined) known.libzmq = [program, []]
}

function addZeromqJs() {
  try {
    createRequire(import.meta.url)("zeromq")
    known["zeromq.js"] = peer("zeromq-js.mjs")
  } catch (error) {
    shout(`npm zeromq does not load, so there is no column zeromq.js: ${error.message}`)
  }
}

function peer(file) {
  return [process.execPath, [join(here, "peer", file)]]
}

/** libzmq driven from C, built here by the machine's compiler. */
function compiled() {
  const source = join(here, "c/peer.c")
  const program = join(build, "libzmq-peer")
  const compiler = ["cc", "gcc", "clang"].find(name => spawnSync(name, ["--version"]).status === 0)
  if (compiler === undefined) {
    shout("no C compiler, so there is no column libzmq")
    return undefined
  }
  if (existsSync(program) && statSync(program).mtimeMs > statSync(source).mtimeMs) return program
  mkdirSync(build, { recursive: true })
  const compile = () =>
    spawnSync(compiler, ["-O2", "-Wall", "-o", program, source, "-lzmq", "-lpthread"], { encoding: "utf8" })
  let result = compile()
  if (result.status !== 0 && installHeaders()) result = compile()
  if (result.status === 0) return program
  shout(`libzmq's C peer does not build (is libzmq3-dev there?), so there is no column libzmq: ${result.stderr.trim()}`)
  return undefined
}

function installHeaders() {
  if (process.getuid?.() !== 0) return false
  console.error("# libzmq's headers are missing; trying apt-get install libzmq3-dev")
  const options = {
    stdio: ["ignore", "ignore", "inherit"],
    timeout: 240_000,
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  }
  const install = () => spawnSync("apt-get", ["install", "-y", "-q", "libzmq3-dev"], options).status === 0
  return install() || (spawnSync("apt-get", ["update", "-q"], options).status === 0 && install())
}

function shout(text) {
  console.error(`\n!!! ${text}\n`)
}
