import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { IpcCarrier, pathBytesMax } from "./ipc.ts"

const folder = mkdtempSync(join(tmpdir(), "zinc-ipc-"))
afterAll(() => rmSync(folder, { recursive: true }))
const never = new AbortController().signal
const ignore = () => {}

describe("IpcCarrier", () => {
  it("takes over a path that a dead process left", async () => {
    const path = join(folder, "stale.sock")
    const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`
    spawnSync(process.execPath, ["-e", script])
    expect(existsSync(path)).toBe(true)
    const carrier = new IpcCarrier()
    const listener = await carrier.listen(`ipc://${path}`, stream => stream.destroy())
    const stream = await carrier.dial(`ipc://${path}`, { signal: never })
    stream.destroy()
    await listener.close()
  })

  it("says which folder is missing", async () => {
    const missing = join(folder, "absent")
    await expect(new IpcCarrier().listen(`ipc://${missing}/x.sock`, ignore)).rejects.toMatchObject({
      code: "BadAddress",
      message: expect.stringContaining(`there is no folder ${missing};`),
    })
  })

  it("leaves alone a path that is in use, and a file that is no socket", async () => {
    const carrier = new IpcCarrier()
    const listener = await carrier.listen(`ipc://${join(folder, "used.sock")}`, ignore)
    await expect(carrier.listen(listener.address, ignore)).rejects.toMatchObject({ code: "AddressInUse" })
    await listener.close()
    const file = join(folder, "precious")
    writeFileSync(file, "data")
    await expect(carrier.listen(`ipc://${file}`, ignore)).rejects.toMatchObject({ code: "AddressInUse" })
    expect(existsSync(file)).toBe(true)
  })

  it("removes its path when it closes", async () => {
    const carrier = new IpcCarrier()
    const listener = await carrier.listen("ipc://*", ignore)
    const path = listener.address.slice("ipc://".length)
    expect(existsSync(path)).toBe(true)
    await listener.close()
    expect(existsSync(path)).toBe(false)
  })

  it("refuses paths beyond the system's limit, abstract names, and a wildcard to dial", async () => {
    const carrier = new IpcCarrier()
    const longest = join(folder, "x".repeat(pathBytesMax - folder.length - 1))
    await (await carrier.listen(`ipc://${longest}`, ignore)).close()
    for (const bad of [`ipc://${longest}x`, "ipc://@name", "ipc://a\0b"]) {
      await expect(carrier.listen(bad, ignore)).rejects.toMatchObject({ code: "BadAddress" })
    }
    await expect(carrier.dial("ipc://*", { signal: never })).rejects.toMatchObject({ code: "BadAddress" })
  })
})
