// A relay with relays and leaves below it dies: how long until all of them hear what is sent from then on? One living tree
// of ten processes: a root with a writer, below it one relay that has all the others. It is killed or stopped, a new one
// joins below whoever took its place, and so on.
import { dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { child } from "../harness/child.mjs"

const here = dirname(fileURLToPath(import.meta.url))
const listen = "tcp://127.0.0.1:0"
const leaves = 5
const leastLosses = 10

export default {
  name: "healing/relay",
  question: "milliseconds from a relay's loss until each endpoint below it hears what was sent after",
  seconds: 20,
  runs: 1,
  *cases() {
    for (const [how, limit] of [
      ["kill -9", 500],
      ["SIGSTOP", 1500],
    ]) {
      for (const transport of ["zmtp", "native"]) {
        yield {
          parameters: { how, transport },
          unit: "ms",
          better: "less",
          rows: { p50: { of: "p50" }, p99: { of: "p99" }, max: { of: "max" } },
          limit: { p99: limit },
          contenders: { zinc: seconds => losses(seconds, how, transport) },
        }
      }
    }
  },
}

async function losses(seconds, how, transport) {
  const all = []
  let named = 0
  const open = async given => {
    const member = child(process.execPath, [join(here, "peer/member.mjs"), JSON.stringify({ transport, ...given })], {
      limitSeconds: seconds + 120,
    })
    member.done.catch(() => {})
    const { address } = await member.next()
    const opened = { ...given, address, lines: member }
    all.push(opened)
    return opened
  }
  const relayBelow = host => open({ name: `relay-${++named}`, join: host.address, listen })
  try {
    const root = await open({ name: "root", listen })
    const writer = await open({ name: "writer", join: root.address, writes: true })
    let top = await relayBelow(root)
    const others = [await relayBelow(top), await relayBelow(top)]
    const below = []
    for (let i = 0; i < leaves; i++) below.push(await open({ name: `leaf-${i}`, join: top.address }))
    const took = []
    const until = performance.now() + seconds * 1000
    let losses = 0
    for (; losses < leastLosses || performance.now() < until; losses++) {
      await sleep(1200 + Math.random() * 100)
      const survivors = [...others, ...below]
      const mark = Number(process.hrtime.bigint() / 1000n)
      const heard = survivors.map(each => {
        each.lines.tell(JSON.stringify({ mark }))
        return each.lines.next()
      })
      if (how === "kill -9") top.lines.kill()
      else top.lines.stop()
      for (const { tookMs } of await Promise.all(heard)) took.push(tookMs)
      top.lines.kill()
      top = others.shift()
      others.push(await relayBelow(top))
    }
    for (const each of [...others, ...below]) {
      each.lines.tell(JSON.stringify({ report: true }))
      const { wrong } = await each.lines.next()
      if (wrong > 0) throw new Error(`${each.name} heard ${wrong} messages out of order, or twice`)
    }
    void writer
    took.sort((a, b) => a - b)
    const at = share => took[Math.min(took.length - 1, Math.floor(took.length * share))]
    return { values: { p50: at(0.5), p99: at(0.99), max: took.at(-1) }, details: { losses } }
  } finally {
    for (const each of all) each.lines.kill()
  }
}
