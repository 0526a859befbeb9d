// What the peers in JavaScript share: the command line, prepared messages, and how results are said.
import { once } from "node:events"
import { variants } from "../contenders.mjs"

const [role, countText, sizeText, address] = process.argv.slice(2)
export const count = Number(countText)
export const size = Number(sizeText)
export const ring = variants(size)

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

/** Runs the role the command line names. The process then stays until it is dismissed: what it sent may still be under way. */
export async function play(roles) {
  const before = cpuMs()
  const result = await roles[role](address)
  say({ ...result, cpuMs: cpuMs() - before })
  if (role === "push" || role === "reply") await once(process.stdin.resume(), "end")
  process.exit(0)
}

/** Nanoseconds of each trip → microseconds, without the first tenth. */
export function summary(trips) {
  const counted = trips.subarray(Math.floor(trips.length / 10)).sort()
  return {
    median: counted[counted.length >> 1] / 1000,
    p99: counted[Math.floor(counted.length * 0.99)] / 1000,
  }
}
