/** What the thread of a relay makes for itself: the transport of its host, by the same options of the command line. */
import type { RelayParts } from "../../index.ts"
import { isSecured, type SecurityChoices, securedTransport } from "../security-choice.ts"
import { openTransport, type TransportName } from "../transport-choice.ts"

export default async function relayParts({
  transport,
  ...choices
}: SecurityChoices & { readonly transport: TransportName }): Promise<RelayParts> {
  return { transport: isSecured(choices) ? await securedTransport(choices, "own") : await openTransport(transport) }
}
