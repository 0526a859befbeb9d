// A process that speaks in lines of JSON: it says where it listens, does its work, says its result, and ends.
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"

const running = new Set()
process.on("exit", () => {
  for (const process of running) process.kill("SIGKILL")
})
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130))

/** `lines.next()` resolves with the next line's object; `done` with the last one, or rejects if the process failed. */
export function child(command, parameters, { limitSeconds = 60, env } = {}) {
  const process = spawn(command, parameters.map(String), {
    stdio: ["pipe", "pipe", "pipe"],
    ...(env ? { env: { ...globalThis.process.env, ...env } } : {}),
  })
  running.add(process)
  process.stdin.on("error", () => {})
  const waiting = []
  const said = []
  let failure
  let complaint = ""
  let last
  const limit = setTimeout(() => {
    complaint += `\nno end after ${limitSeconds} s`
    process.kill("SIGKILL")
  }, limitSeconds * 1000)
  process.stderr.on("data", chunk => {
    complaint = (complaint + chunk).slice(-4000)
  })
  createInterface({ input: process.stdout }).on("line", text => {
    last = JSON.parse(text)
    const first = waiting.shift()
    if (first) first.resolve(last)
    else said.push(last)
  })
  const done = new Promise((resolve, reject) => {
    process.on("error", reject)
    process.on("close", (status, signal) => {
      clearTimeout(limit)
      running.delete(process)
      if (status === 0) resolve(last)
      else reject(new Error(`${command} ${parameters.join(" ")} ended with ${status ?? signal}: ${complaint.trim()}`))
    })
  })
  done
    .then(
      () => {
        failure = new Error(`${command} ${parameters.join(" ")} ended before its line came`)
      },
      error => {
        failure = error
      },
    )
    .then(() => {
      for (const each of waiting) each.reject(failure)
    })
  return {
    next() {
      if (said.length > 0) return Promise.resolve(said.shift())
      if (failure) return Promise.reject(failure)
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
    },
    done,
    /** Writes a line to its standard input. */
    tell: text => process.stdin.write(`${text}\n`),
    /** Ends its standard input, which tells a process that waits for it to leave. */
    dismiss: () => process.stdin.end(),
    kill: () => process.kill("SIGKILL"),
    /** It stands still until it is killed. */
    stop: () => process.kill("SIGSTOP"),
  }
}
