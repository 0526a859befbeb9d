// What the peers in JavaScript share: the command line, prepared messages, and how results are said.
import { once } from "node:events"
import { createInterface } from "node:readline"
import { variants } from "../contenders.mjs"

const [role, countText, sizeText, address, moreText] = process.argv.slice(2)
export const count = Number(countText)
export const size = Number(sizeText)
export const ring = variants(size)
/** What roles with five parameters have as their fifth. */
export const fifth = Number(moreText)

/** Message i is messages[i & (ring - 1)]. */
export const messages = Array.from({ length: ring }, (_, first) => {
  const message = Buffer.alloc(size, 0x7a)
  message[0] = first
  return message
})

export function say(object) {
  console.log(JSON.stringify(object))
}

/** CPU this process has taken, all threads, in milliseconds. */
export function cpuMs() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** Those that send stay until they are dismissed: what they sent may still be under way. */
const staying = ["push", "reply", "publish", "pace"]

/** Runs the role the command line names. A role may say its own CPU, where its preparation should not count. */
export async function play(roles) {
  const before = cpuMs()
  if (roles[role] === undefined) throw new Error(`this peer has no role ${role}`)
  const result = await roles[role](address)
  say({ cpuMs: cpuMs() - before, ...result })
  if (staying.includes(role)) await once(process.stdin.resume(), "end")
  process.exit(0)
}

/** The lines we are told. */
export function lines() {
  return createInterface({ input: process.stdin })
}

/** Resolves when `condition` is true, asking now and then. */
export async function until(condition) {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 2))
}

/** Nanoseconds of each trip → microseconds, without the first half, in which JavaScript is being compiled. */
export function summary(trips) {
  const counted = trips.subarray(Math.floor(trips.length / 2)).sort()
  return {
    median: counted[counted.length >> 1] / 1000,
    p99: counted[Math.floor(counted.length * 0.99)] / 1000,
  }
}
