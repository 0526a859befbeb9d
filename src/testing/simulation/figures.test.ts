import { describe, expect, it } from "vitest"
import { Figures, type FiguresJson } from "./figures.ts"
import type { SimulationRun } from "./kind.ts"

const run = (seed: number, ms: number, broken = false): SimulationRun => ({
  seed,
  hash: "",
  violations: broken ? [{ atMs: 1, invariant: "fifo", what: "2 after 3" }] : [],
  endpoints: seed,
  virtualMs: 1_000,
  faults: Array.from({ length: seed }, () => ({ kind: "cut" })),
  counts: { events: 10, moves: seed },
  times: [{ what: "attach", ms }],
  report: () => "",
})

describe("Figures", () => {
  it("are the same however runs were spread over processes", () => {
    const all = new Figures()
    const [one, other] = [new Figures(), new Figures()]
    for (let seed = 1; seed <= 9; seed++) {
      all.add(run(seed, seed * 10, seed % 4 === 0), 100)
      const part = seed % 2 === 0 ? one : other
      part.add(run(seed, seed * 10, seed % 4 === 0), 100)
    }
    const merged = Figures.from(JSON.parse(JSON.stringify(other)) as FiguresJson)
    merged.merge(JSON.parse(JSON.stringify(one)) as FiguresJson)
    expect(merged).toEqual(all)
    expect(merged).toMatchObject({ seeds: 9, endpointsMax: 9, faultsMin: 1, faults: { cut: 45 } })
    expect(merged.failed.map(({ seed }) => seed)).toEqual([4, 8])
    expect(merged.speed).toBe(10)
  })

  it("tell how times are spread", () => {
    const figures = new Figures()
    for (let ms = 100; ms >= 1; ms--) figures.add(run(1, ms - 0.5), 1)
    expect(figures.spreads).toEqual({ attach: { count: 100, p50: 50, p99: 99, max: 100 } })
  })
})
