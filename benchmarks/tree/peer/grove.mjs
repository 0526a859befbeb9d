// One process of a large tree: `root FANOUT`, `root - THREADS` for one that spreads its clients over threads, or `grove ADDRESS RELAYS LEAVES FANOUT` with many endpoints. Every line it is
// told is a task: {"task":"join"}, {"task":"receive","count":N}, {"task":"idle"}, {"task":"ticks"}; it answers with a line.
import { subscribe } from "node:diagnostics_channel"
import { createInterface } from "node:readline"
import { Endpoint } from "../../../dist/index.js"

const [role, ...given] = process.argv.slice(2)
const say = line => process.stdout.write(`${JSON.stringify(line)}\n`)
/** The same in every process of the machine. */
const wall = () => performance.timeOrigin + performance.now()
const listen = "tcp://127.0.0.1:0"
const options = { codec: "raw", joinTimeoutMs: 60_000, reconnect: { minMs: 50, maxMs: 1000 } }
const endpoints = []

const readies = []
const watches = new Set()

const tasks = {
  /** All at once. */
  async join() {
    const [address, relays, leaves, fanOut] = [given[0], ...given.slice(1).map(Number)]
    const opening = []
    for (let i = 0; i < relays + leaves; i++) {
      const name = `${i < relays ? "relay" : "leaf"} ${process.pid} ${i}`
      opening.push(Endpoint.join(address, { ...options, name, ...(i < relays ? { listen, fanOut } : {}) }))
    }
    endpoints.push(...(await Promise.all(opening)))
    return shape()
  },

  async shape() {
    return shape()
  },

  /** Says {"ready"} when all follow, and later when the last of all has its last message. */
  async receive({ topic, count }) {
    let left = endpoints.length
    const done = new Promise(resolve => {
      for (const endpoint of endpoints) {
        let heard = 0
        endpoint.on("gap", event => {
          throw new Error(`${endpoint.name} missed ${event.from} to ${event.through}`)
        })
        const handling = endpoint.handle(topic, () => {
          if (++heard === count && --left === 0) resolve(wall())
        })
        readies.push(handling.ready)
      }
    })
    await Promise.all(readies.splice(0))
    say({ ready: true })
    return { at: await done }
  },

  async send({ topic, count, size }) {
    const payload = Buffer.alloc(size, 7)
    const [root] = endpoints
    const begun = wall()
    for (let n = 0; n < count; n++) {
      root.send(topic, payload)
      if (n % 64 === 63) await new Promise(resolve => setImmediate(resolve))
    }
    return { begun }
  },

  /** Octets on all its sockets, and CPU, in so many seconds of peace. */
  async idle({ seconds }) {
    const [count, cpu] = [octetsFromNow(), process.cpuUsage()]
    await new Promise(resolve => setTimeout(resolve, seconds * 1000))
    const { user, system } = process.cpuUsage(cpu)
    return { octets: count(), cpuMs: (user + system) / 1000, endpoints: endpoints.length }
  },

  /** The root says a number again and again. */
  async tick({ everyMs }) {
    setInterval(() => {
      const at = Buffer.alloc(8)
      at.writeDoubleLE(wall())
      endpoints[0].send("tick", at)
    }, everyMs)
    return { ready: true }
  },

  /** For each endpoint the time at which a tick came that was sent after `told`; and answers when all have one. */
  async ticks() {
    for (const endpoint of endpoints) {
      const { ready } = endpoint.handle("tick", ({ payload }) => {
        const sent = new DataView(payload.buffer, payload.byteOffset).getFloat64(0, true)
        const at = wall()
        for (const watch of watches) watch(endpoint, sent, at)
      })
      await ready
    }
    return { ready: true }
  },

  /** Answers when every endpoint here has had a tick that was sent after that time. */
  async heard({ after }) {
    const waiting = new Set(endpoints)
    const times = []
    await new Promise(resolve => {
      const watch = (endpoint, sent, at) => {
        if (sent <= after || !waiting.delete(endpoint)) return
        times.push(at - after)
        if (waiting.size > 0) return
        watches.delete(watch)
        resolve()
      }
      watches.add(watch)
    })
    return { ...shape(), times }
  },
}

/**
 * Counts what all sockets read and write; the function returned stops, and says how much it was. A socket says it also
 * when it is closed, so all that are seen are kept: those who change hosts in that time would otherwise take with them
 * what theirs had counted since they were opened.
 */
function octetsFromNow() {
  const octetsOf = ({ bytesRead, bytesWritten }) => (bytesRead ?? 0) + (bytesWritten ?? 0)
  const before = new Map(process._getActiveHandles().map(each => [each, octetsOf(each)]))
  const look = () => {
    for (const each of process._getActiveHandles()) if (!before.has(each)) before.set(each, 0)
  }
  const looking = setInterval(look, 50)
  return () => {
    clearInterval(looking)
    look()
    let sum = 0
    for (const [each, octets] of before) sum += octetsOf(each) - octets
    return sum
  }
}

function shape() {
  return {
    depth: Math.max(...endpoints.map(endpoint => endpoint.path.length - 1)),
    degree: Math.max(...endpoints.map(each => each.peers.filter(({ role }) => role === "client").length)),
  }
}

if (role === "root") {
  const [fanOut, threads] = given
  const breadth = threads === undefined ? { fanOut: Number(fanOut) } : { relays: { threads: Number(threads) } }
  endpoints.push(await Endpoint.host({ codec: "raw", listen, name: "root", ...breadth }))
  say({ address: endpoints[0].addresses[0] })
} else say({ ready: true })

for await (const line of createInterface({ input: process.stdin })) {
  const { task, ...more } = JSON.parse(line)
  say(await tasks[task](more))
}
process.exit()
