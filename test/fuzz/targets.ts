/** All of them, in the order in which they are tried. */

import { endpoints } from "./target/endpoints.ts"
import { commands, frames, greeting } from "./target/frames.ts"
import { handshakes } from "./target/mechanisms.ts"
import { decoders } from "./target/records.ts"
import { sockets } from "./target/sockets.ts"
import { subscriptions } from "./target/subscriptions.ts"
import { webSockets } from "./target/websocket.ts"
import { zap } from "./target/zap.ts"
import type { FuzzTarget } from "./target.ts"

export { prepareBox } from "./target/mechanisms.ts"

export const targets: readonly FuzzTarget[] = [
  greeting,
  frames,
  commands,
  ...handshakes,
  ...webSockets,
  zap,
  subscriptions,
  ...sockets,
  ...decoders,
  ...endpoints,
]
