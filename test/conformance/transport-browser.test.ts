/** The transport of pages at hosts of ours, with a WebSocket of the same interface in place of a page's. */
import { createServer } from "node:net"
import { describe, it } from "vitest"
// @ts-expect-error: it comes without types, and is given as an interface of ours
import { WebSocket } from "ws"
import { BrowserTransport } from "../../src/browser/browser-transport.ts"
import { transportSuite } from "../../src/testing/suites/transport-suite.ts"
import { BrowserWebSocketCarrier, type PlatformWebSocketClass } from "../../src/transport/carrier/browser-websocket.ts"
import { WebSocketCarrier } from "../../src/transport/carrier/websocket.ts"
import { ZmtpTransport } from "../../src/transport/zmtp/index.ts"

const carriers = [new BrowserWebSocketCarrier({ WebSocket: WebSocket as unknown as PlatformWebSocketClass })]

/** What a page cannot do: hold a peer back, and know of a connection before its upgrade is answered. */
const notInPages = [
  "tells who is full, what waits, and when there is room; others are served",
  "drops what is queued for one when asked",
  "rejects with Timeout when somebody accepts and says nothing",
]

transportSuite({
  runner: {
    describe,
    it: (name, body) => {
      if (!notInPages.includes(name)) it(name, body)
    },
  },
  name: "pages at zmtp over ws",
  hostSupports: new ZmtpTransport().supports,
  clientSupports: new BrowserTransport({ carriers }).supports,
  open: () => {
    const mute = createServer()
    return {
      host: new ZmtpTransport({ carriers: [new WebSocketCarrier()] }),
      client: new BrowserTransport({ carriers }),
      address: () => "ws://127.0.0.1:0",
      unreachable: "ws://127.0.0.1:1",
      bad: ["tcp://127.0.0.1:1", "ws://", "ws://host:70000", "ws://::1:5", "hub"],
      mute: () =>
        new Promise(resolve => {
          mute.listen(0, "127.0.0.1", () => resolve(`ws://127.0.0.1:${(mute.address() as { port: number }).port}`))
        }),
      close: async () => void mute.close(),
    }
  },
})
