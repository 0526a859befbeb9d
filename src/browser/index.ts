/**
 * The door for pages: an endpoint that joins hosts over `ws://` and `wss://`. Nothing it reaches imports `node:`. Hosts
 * live in processes.
 */
import { silentLogger } from "../core/logger.ts"
import type { JoinOptions } from "../endpoint/api.ts"
import { WholeEndpoint, type WithDocuments } from "../whole-endpoint.ts"
import { BrowserTransport } from "./browser-transport.ts"

export { ErrorCode, ZincError } from "../core/errors.ts"
export type { DocumentHandle } from "../document/document-handle.ts"
export { type TextChange, TextDocument, text } from "../document/yjs/text.ts"
export { YjsDocument, yjs } from "../document/yjs/yjs.ts"
export type { JoinOptions, Message, MessageHandler, SendOptions } from "../endpoint/api.ts"
export {
  BrowserWebSocketCarrier,
  type BrowserWebSocketCarrierOptions,
} from "../transport/carrier/browser-websocket.ts"
export type { WithDocuments } from "../whole-endpoint.ts"
export { BrowserTransport } from "./browser-transport.ts"

/**
 * A client in a page.
 *
 *     const me = await Endpoint.join("wss://hub.example:7780", { token })
 *     const notes = await me.document("notes", text)
 */
export class Endpoint extends WholeEndpoint {
  /** As in Node; the default transport is `new BrowserTransport()`, and without a logger nothing is said. */
  static override async join(
    address: string | readonly string[],
    options: JoinOptions & WithDocuments = {},
  ): Promise<Endpoint> {
    const logger = options.logger ?? silentLogger
    const transport = options.transport ?? new BrowserTransport({ logger })
    const endpoint = new Endpoint({ ...options, logger, transport }, "client")
    await endpoint.openClient(address, options)
    return endpoint
  }
}
