/** One client process of `zinc replay`. */
import { ZincError } from "../../core/index.ts"
import { Endpoint, type TextDocument, text } from "../../index.ts"
import { crowdedJoinMs, serveCommand } from "../fleet.ts"
import { openTransport } from "../transport-choice.ts"
import type { FromReplayClient, ToReplayClient } from "./replay-message.ts"
import { reportState } from "./replica-state.ts"
import { readTrace } from "./trace.ts"
import { concurrentWriting, sequentialWriting, type Writing } from "./writing.ts"

let endpoint: Endpoint | undefined
let document: TextDocument | undefined
let writing: Writing | undefined

serveCommand<ToReplayClient, FromReplayClient>(async (message, say) => {
  switch (message.type) {
    case "join": {
      const transport = await openTransport(message.transport)
      endpoint = await Endpoint.join(message.address, { transport, name: message.name, joinTimeoutMs: crowdedJoinMs })
      document = await endpoint.document(message.document, text)
      say({ type: "joined" })
      return
    }
    case "prepare": {
      const trace = readTrace(message.path)
      writing =
        trace.kind === "sequential"
          ? sequentialWriting(trace, opened())
          : concurrentWriting(trace, message.author, opened(), message.path)
      say({ type: "prepared" })
      return
    }
    case "write": {
      // Not awaited: "compare" and "close" must be heard meanwhile.
      const own = writing!
      void own
        .run(edits => say({ type: "progress", edits }))
        .then(
          () => say({ type: "written", edits: own.edits }),
          error => {
            throw error
          },
        )
      return
    }
    case "compare":
      reportState(opened(), state => say({ type: "state", state }))
      return
    case "close":
      await document?.close()
      await endpoint?.close()
      process.exit(0)
  }
})

function opened(): TextDocument {
  if (document === undefined) throw new ZincError("Internal", "told to work before being told to join")
  return document
}
