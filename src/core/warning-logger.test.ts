import { describe, expect, it } from "vitest"
import { warningLogger } from "./warning-logger.ts"

describe("warningLogger", () => {
  it("tells errors only, each text once, and no end of texts not at all", () => {
    const told: string[] = []
    const logger = warningLogger(text => told.push(text))
    logger.debug("d")
    logger.info("i")
    logger.warn("w")
    for (let i = 0; i < 3; i++) logger.error("lost", { error: new Error("why") })
    expect(told).toEqual(["lost: Error: why"])
    for (let i = 0; i < 1_000; i++) logger.error(`lost ${i}`)
    expect(told).toHaveLength(100)
  })
})
