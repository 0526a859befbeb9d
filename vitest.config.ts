import { defineConfig } from "vitest/config"

/**
 * One project per kind of test, so that a person can run just one: `vitest run --project unit`. The time-outs end what
 * hangs; they are no measure of speed, and must hold on a machine that is busy with other things.
 */
const project = (name: string, include: string[], testTimeout = 60_000) => ({
  test: { name, include, testTimeout, hookTimeout: 60_000 },
})

export default defineConfig({
  test: {
    pool: "forks",
    projects: [
      project("unit", ["src/**/*.test.ts"]),
      project("tidy", ["test/tidy/**/*.test.ts"], 120_000),
      project("conformance", ["test/conformance/**/*.test.ts"]),
      project("fuzz", ["test/fuzz/**/*.test.ts"], 120_000),
      project("simulation", ["test/simulation/**/*.test.ts"], 300_000),
      project("interop", ["test/interop/**/*.test.ts"], 120_000),
      project("integration", ["test/integration/**/*.test.ts"], 240_000),
    ],
  },
})
