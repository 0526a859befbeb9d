/** Sockets that end with the test that made them. To be called where a file of tests begins. */
import { afterEach } from "vitest"
import type { PatternSocket } from "../src/transport/zmtp/index.ts"

/** What it returns notes a socket, which is closed after the test at hand, with nothing lingering. */
export function ownSockets(): <S extends PatternSocket>(socket: S) => S {
  const opened: PatternSocket[] = []
  afterEach(async () => {
    await Promise.all(opened.splice(0).map(one => one.close({ lingerMs: 0 })))
  })
  return socket => {
    opened.push(socket)
    return socket
  }
}
