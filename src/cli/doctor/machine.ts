/** What must be right on this machine before anything of ours matters. */
import { readFile } from "node:fs/promises"
import { monitorEventLoopDelay, performance } from "node:perf_hooks"
import { type Finding, fail, ok, skip, warn } from "./check.ts"

/** The oldest Node that Zinc runs on. */
export const oldestNode = { major: 20, minor: 19 }

export function checkNode(running: string): Finding {
  const [major = 0, minor = 0] = running.replace(/^v/, "").split(".").map(Number)
  const wanted = `${oldestNode.major}.${oldestNode.minor}`
  if (major > oldestNode.major || (major === oldestNode.major && minor >= oldestNode.minor))
    return ok(`${running} (${process.platform} ${process.arch})`)
  return fail(`${running} is older than ${wanted}`, `install Node ${wanted} or newer`)
}

/** How far the wall clock may move against the monotonic one in the sample before it is called unsteady. */
const clockStepMaxMs = 20

export async function checkClock(sampleMs = 250): Promise<Finding> {
  const year = new Date().getFullYear()
  if (year < 2024 || year > 2200)
    return warn(`it is ${year} here`, "set the clock; logs and ages will mislead until then")
  const wall = Date.now()
  const monotonic = performance.now()
  await new Promise(resolve => setTimeout(resolve, sampleMs))
  const drift = Math.abs(Date.now() - wall - (performance.now() - monotonic))
  if (drift > clockStepMaxMs)
    return warn(
      `the wall clock moved ${drift.toFixed(0)} ms against the monotonic one in ${sampleMs} ms`,
      "time is being stepped; Zinc decides by the monotonic clock, but logs of several machines will not line up",
    )
  return ok(`wall and monotonic agree within ${Math.max(1, Math.ceil(drift))} ms`)
}

export async function checkEventLoop(sampleMs = 250): Promise<Finding> {
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  await new Promise(resolve => setTimeout(resolve, sampleMs))
  delay.disable()
  const worst = delay.max / 1e6
  if (worst > 150)
    return warn(
      `the event loop was late by up to ${worst.toFixed(0)} ms`,
      "this machine is overloaded; heartbeats come every 250 ms by default, raise heartbeatMs or give it more room",
    )
  return ok(`at most ${worst.toFixed(0)} ms late while idle`)
}

export async function checkOpenFiles(): Promise<Finding> {
  const limits = await readFile("/proc/self/limits", "utf8").catch(() => undefined)
  const match = limits === undefined ? null : /^Max open files\s+(\d+|unlimited)/m.exec(limits)
  if (match === null) return skip("this system does not say")
  const allowed = match[1] === "unlimited" ? Number.POSITIVE_INFINITY : Number(match[1])
  if (allowed < 4096)
    return warn(`${match[1]} open files allowed`, "a client costs a host up to three; raise it with ulimit -n 65536")
  return ok(`${match[1]} allowed`)
}
