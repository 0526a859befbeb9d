import { describe, expect, it } from "vitest"
import { MemoryStorage } from "./memory-storage.ts"

const put = (name: string, length: number) => ({ type: "put" as const, key: [name], value: new Uint8Array(length) })

describe("MemoryStorage", () => {
  it("refuses a write beyond its limit whole, and drops nothing", async () => {
    const storage = new MemoryStorage({ maxBytes: 10 })
    await storage.write([put("a", 6)])
    await expect(storage.write([put("b", 1), put("c", 4)])).rejects.toMatchObject({ code: "Full", retryable: true })
    expect(storage.bytes).toBe(6)
    expect(await storage.get(["b"])).toBeUndefined()
    await storage.write([put("b", 4)])
    await storage.write([{ type: "delete", key: ["a"] }, put("a", 2), put("c", 4)])
    expect(storage.bytes).toBe(10)
    expect(await storage.get(["a"])).toHaveLength(2)
    expect(() => new MemoryStorage({ maxBytes: 0 })).toThrow(expect.objectContaining({ code: "BadOption" }))
  })
})
