import { expect, it } from "vitest"
import { RecordingLogger } from "../core/logger.ts"
import { SimulatedClock } from "../core/simulated-clock.ts"
import { WaitingReport } from "./waiting-report.ts"

it("WaitingReport tells each reason when it begins, after a moment, until it is ended", () => {
  const clock = new SimulatedClock()
  const logger = new RecordingLogger()
  const told: string[] = []
  let reasons: string[] = ["a"]
  const onWaiting = (reason: string) => {
    told.push(reason)
    throw new Error("of the caller")
  }
  const report = new WaitingReport({ clock, logger, tree: "t", reasons: () => reasons, onWaiting })
  clock.advance(1000)
  expect(told).toEqual([])
  clock.advance(2000)
  expect(told).toEqual(["a"])
  reasons = ["a", "b"]
  clock.advance(2000)
  reasons = ["b"]
  clock.advance(2000)
  reasons = ["a", "b"]
  clock.advance(2000)
  expect(told).toEqual(["a", "b", "a"])
  report.end()
  reasons = ["c"]
  clock.advance(2000)
  expect(told).toEqual(["a", "b", "a"])
  expect(logger.records.filter(({ level }) => level === "warn").map(({ message }) => message)).toEqual([
    "waiting: a",
    "waiting: b",
    "waiting: a",
  ])
})
