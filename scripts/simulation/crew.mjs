// The processes that simulate: each has one range at a time; one that hangs or dies fails the seed it had, and is replaced.
import { fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import { Figures } from "../../dist/testing/simulation/index.js"

const program = fileURLToPath(new URL("./worker.mjs", import.meta.url))

/**
 * What is refused in a storm is refused often: traces cost more than what they are made for, and nobody reads them here.
 * Frames die young: room for 64 MiB of them halves what collecting them costs (a seed of the swarm takes 8 % less time).
 */
const execArgv = ["--stack-trace-limit=3", "--max-semi-space-size=64"]

/** A limit is counted in parts, so that time in which everything was halted counts as one of them at most. */
const limitParts = 20

/**
 * Simulates the ranges on that many processes. `onFigures(range, figures)` hears of every seed as it is done.
 * Resolves when all are, or when the signal says to stop and everybody has.
 */
export function simulateRanges({ ranges, kind, options, jobs, twiceEvery, limitMs, onFigures, signal }) {
  const left = [...ranges]
  const hands = Array.from({ length: Math.min(jobs, left.length) }, () => hand())
  return Promise.all(hands)

  async function hand() {
    while (left.length > 0 && !signal.aborted) await worker()
  }

  /** One process, until nothing is left or it is gone. */
  function worker() {
    return new Promise(resolve => {
      const child = fork(program, [], { execArgv, stdio: ["ignore", "inherit", "inherit", "ipc"] })
      let range
      let seed
      let watch
      const next = () => {
        range = signal.aborted ? undefined : left.shift()
        seed = undefined
        if (range === undefined) child.disconnect()
        else child.send({ kind, options, range, twiceEvery })
      }
      const stop = () => child.kill("SIGKILL")
      signal.addEventListener("abort", stop)
      child.on("message", message => {
        if (message.started !== undefined) {
          seed = message.started
          clearInterval(watch)
          let parts = 0
          watch = setInterval(() => {
            if (++parts < limitParts) return
            lose("hang", `not done within ${limitMs / 1000} s`)
            child.kill("SIGKILL")
          }, limitMs / limitParts)
        } else if (message.figures !== undefined) {
          seed = undefined
          onFigures(message.range, message.figures)
        } else if (message.idle) next()
      })
      child.on("exit", (code, signalName) => {
        clearInterval(watch)
        signal.removeEventListener("abort", stop)
        if (!signal.aborted) lose("process", `the process ended with ${signalName ?? code}`)
        resolve()
      })
      next()

      /** The seed under way is failed, what comes after it goes back. */
      function lose(invariant, what) {
        if (seed === undefined || range === undefined) return
        const figures = new Figures()
        figures.seeds = 1
        figures.fail(seed, invariant, what)
        onFigures([seed, seed], figures)
        if (seed < range[1]) left.unshift([seed + 1, range[1]])
        seed = undefined
      }
    })
  }
}
