import { createServer } from "node:net"
import { describe, expect, it } from "vitest"
import { freePort } from "../../../scripts/free-port.mjs"
import { dialNode } from "./node-dial.ts"

describe("dialNode", () => {
  it("takes a connection that leads back to itself for nobody, and gives the port up", async () => {
    const port = await freePort()
    const place = { host: "127.0.0.1", port, localAddress: "127.0.0.1", localPort: port }
    const address = `tcp://127.0.0.1:${port}`
    await expect(dialNode(place, address, new AbortController().signal)).rejects.toMatchObject({
      code: "Unreachable",
      cause: { code: "ECONNREFUSED" },
    })
    const server = createServer()
    await new Promise<void>((listening, failed) => server.once("error", failed).listen(port, "127.0.0.1", listening))
    await new Promise(closed => server.close(closed))
  })
})
