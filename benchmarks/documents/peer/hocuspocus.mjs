// Hocuspocus as its documentation starts it: the server, and one provider with its own connection per replica.
import { HocuspocusProvider } from "@hocuspocus/provider"
import { Server } from "@hocuspocus/server"
import WebSocket from "ws"
import * as Y from "yjs"
import {
  address,
  awaitEnd,
  count,
  cpuMs,
  dismissed,
  markCpu,
  now,
  role,
  say,
  transactions,
  warmUp,
  write,
} from "./common.mjs"

const flushDelay = process.env.FLUSH_DELAY === undefined ? false : Number(process.env.FLUSH_DELAY)

if (role === "host") {
  const server = new Server({ port: 0, address: "127.0.0.1", quiet: true, stopOnSignals: false })
  await server.listen()
  say({ address: `ws://127.0.0.1:${server.httpServer.address().port}` })
  markCpu()
  await dismissed()
  say({ cpuMs: cpuMs() })
  process.exit(0)
} else if (role === "replicas") {
  await Promise.all(Array.from({ length: count }, () => synced("warm-up")))
  const providers = await Promise.all(Array.from({ length: count }, () => synced("notes")))
  markCpu()
  say({ ready: true })
  await awaitEnd(
    providers.map(({ document }) => {
      const text = document.getText("text")
      return { text, watch: check => text.observe(check) }
    }),
  )
  process.exit(0)
} else if (role === "writer") {
  const other = await synced("warm-up")
  const provider = await synced("notes")
  const text = provider.document.getText("text")
  const work = transactions()
  await write(warmUp(work), other.document.getText("text"), edits => other.document.transact(edits))
  await acknowledged(other)
  say({ ready: true })
  await dismissed()
  markCpu()
  const began = now()
  await write(work, text, edits => provider.document.transact(edits))
  const wrote = now()
  await acknowledged(provider)
  say({ began, wrote, cpuMs: cpuMs() })
  process.exit(0)
}

async function acknowledged(provider) {
  while (provider.unsyncedChanges > 0) await new Promise(resolve => setTimeout(resolve, 5))
}

function synced(name) {
  return new Promise(resolve => {
    const provider = new HocuspocusProvider({
      url: address,
      name,
      document: new Y.Doc(),
      awareness: null,
      flushDelay,
      WebSocketPolyfill: WebSocket,
      onSynced: () => resolve(provider),
    })
  })
}
