// A process that simulates the seeds it is sent, range by range, and answers with their figures.
import { Figures, simulationKinds } from "../../dist/testing/simulation/index.js"

/** A promise that nobody caught fails the seed under way. */
let unhandled
process.on("unhandledRejection", reason => {
  unhandled ??= reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)
})
process.on("SIGINT", () => {})
process.on("disconnect", () => process.exit())

process.on("message", async ({ kind, options, range: [from, through], twiceEvery }) => {
  for (let seed = from; seed <= through; seed++) {
    process.send({ started: seed })
    process.send({ range: [seed, seed], figures: await figuresOf(kind, { ...options, seed }, seed % twiceEvery === 0) })
  }
  process.send({ idle: true })
})

async function figuresOf(kind, options, twice) {
  const figures = new Figures()
  const { seed } = options
  unhandled = undefined
  const simulation = simulationKinds[kind]
  const before = process.cpuUsage()
  const run = await simulation.run(options)
  const { user, system } = process.cpuUsage(before)
  figures.add(run, (user + system) / 1000)
  if (twice) {
    figures.repeated++
    const { hash } = await simulation.run(options)
    if (hash !== run.hash) figures.fail(seed, "determinism", `two runs differ: ${run.hash} and ${hash}`)
  }
  if (unhandled !== undefined) figures.fail(seed, "unhandled rejection", unhandled)
  return figures
}
