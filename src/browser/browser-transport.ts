/** Our engine over a page's WebSocket. */
import { systemClock } from "../core/clock.ts"
import { silentLogger } from "../core/logger.ts"
import { systemRandom } from "../core/random.ts"
import { BrowserWebSocketCarrier } from "../transport/carrier/browser-websocket.ts"
import { EngineTransport } from "../transport/zmtp/engine-transport.ts"
import type { Parts } from "../transport/zmtp/system.ts"

export class BrowserTransport extends EngineTransport {
  constructor(parts: Parts = {}) {
    const { clock = systemClock, random = systemRandom, logger = silentLogger } = parts
    const carriers = parts.carriers ?? [new BrowserWebSocketCarrier({ clock })]
    super({ clock, random, logger, carriers }, { browser: true })
  }
}
